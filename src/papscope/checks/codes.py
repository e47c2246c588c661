"""The codes of all that `papscope check` can find: severity, meaning, and what to do.

Takes   nothing
Gives   the registry `CODES`, which the manual repeats for readers
Never   changes the meaning of a code between releases: a new meaning gets a new code
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["stop", "warn"]


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding."""

    severity: Severity
    """`stop`: mend it before training. `warn`: look at it and decide."""
    means: str
    advice: str


CODES: Mapping[str, Code] = {
    "missing": Code("stop", "the manifest names a file that is not there", "Import again."),
    "changed": Code(
        "stop",
        "the file's bytes are not those that were imported",
        "Restore the file, or import again if the change was meant.",
    ),
    "not-an-image": Code(
        "stop", "the file is no picture, whatever its name says", "Remove it and import again."
    ),
    "unreadable": Code(
        "stop", "the picture is damaged, or may not be read", "Copy it again from its source."
    ),
    "truncated": Code("stop", "the picture is cut short", "Copy it again from its source."),
    "animated": Code(
        "stop", "the file has several frames or pages", "Save the one that matters as PNG."
    ),
    "sixteen-bit": Code(
        "stop",
        "the picture has more than 8 bits a channel",
        "Save it with 8 bits a channel, with one scaling for all images.",
    ),
    "cmyk": Code(
        "stop",
        "the picture has printing colours, whose RGB depends on an ink profile",
        "Export it from the microscope's software as RGB.",
    ),
    "too-large": Code(
        "stop",
        "the picture has more pixels than are ever decoded (a decompression bomb, or a slide)",
        "Cut it into fields of view.",
    ),
    "too-small": Code("stop", "the picture is too small to show a cell", "Remove it."),
    "too-slow": Code(
        "stop",
        "the service could not decode the picture in the time that one is given",
        "Open it in an image program, save it as PNG, and send that.",
    ),
    "crashed": Code(
        "stop",
        "the picture made the service's decoder end, as damaged and hostile files do",
        "Open it in an image program, save it as PNG, and send that.",
    ),
    "alpha": Code(
        "warn",
        "the picture has an opacity channel; it is laid over white",
        "Look whether white is the background that the other images have.",
    ),
    "blank": Code(
        "stop",
        "the picture's colours hardly differ, so it shows nothing; prediction refuses it too",
        "Remove it, or correct its box.",
    ),
    "blurred": Code("warn", "the picture is out of focus", "Look at it; take it again or remove."),
    "saturated": Code(
        "warn",
        "most pixels are burnt out or black, so detail is lost",
        "Look at it; a cell cut out on pure white or black needs the others to be cut out too.",
    ),
    "mask": Code(
        "stop",
        "the picture is a segmentation (few pure colours, or another row's mask), not an image",
        "Leave masks out when importing.",
    ),
    "mask-name": Code(
        "warn",
        "the file is named like a segmentation (`-d`, `_mask`, `_cyt`, `_nuc`)",
        "Look at it; leave it out when importing if it is one.",
    ),
    "odd-shape": Code(
        "warn",
        "the picture is more than four times as long as wide, or the other way round",
        "Look whether a strip was exported instead of a cell.",
    ),
    "odd-size": Code(
        "warn",
        "the picture's area is over 25 times larger or smaller than the data set's middle one",
        "Look whether a whole field lies among single cells.",
    ),
    "box-outside": Code(
        "stop",
        "the middle of the cell's box lies outside its picture",
        "Correct the coordinates: they may belong to a copy of another size.",
    ),
    "twin": Code("warn", "the same image is listed more than once", "Keep one of them."),
    "twin-labels": Code(
        "stop", "the same image has different labels", "Decide which label is right."
    ),
    "twin-groups": Code(
        "stop",
        "the same image is in different groups, so a split by group can leak",
        "Keep one, or give all of them one group.",
    ),
    "twin-parts": Code(
        "stop",
        "the same image is on both sides of the split",
        "Keep one, or give all of them one group, and split again.",
    ),
    "near": Code(
        "warn",
        "images show the same picture (copied, resized, turned or mirrored) and lack a group",
        "Keep one of them, or give all of them one group.",
    ),
    "near-labels": Code(
        "stop",
        "images show the same picture (copied, resized, turned or mirrored), labelled differently",
        "Decide which label is right, and keep one.",
    ),
    "near-groups": Code(
        "stop",
        "images show the same picture (copied, resized, turned or mirrored) in different groups",
        "Keep one, give all of them one group, or split by strict groups.",
    ),
    "near-parts": Code(
        "stop",
        "images show the same picture (copied, resized, turned or mirrored) on both sides of "
        "the split",
        "Keep one, give all of them one group, or split by strict groups.",
    ),
    "child-parts": Code(
        "stop",
        "an image that papscope made is in another part than the image it was made from, or in "
        "validation or test",
        "Split again: made images follow their originals, and are for training alone.",
    ),
    "child-differs": Code(
        "stop",
        "an image that papscope made has another label or group than the image it was made from",
        "Make the images again with `papscope augment`.",
    ),
    "no-label": Code(
        "warn", "rows have no label; training and evaluation leave them out", "Label or drop them."
    ),
    "no-group": Code(
        "warn",
        "rows have no group, so nothing keeps one slide's cells on one side of a split",
        "Import with the slide, field or patient of every image.",
    ),
    "empty-class": Code("warn", "a class has no images", "Drop the class, or add images of it."),
    "few-groups": Code(
        "stop",
        "a class has fewer than 3 groups, too few for training, validation and test",
        "Add slides, or merge the class with another.",
    ),
    "few-groups-folds": Code(
        "warn",
        "a class has fewer groups than folds, so some folds are tested without it",
        "Use fewer folds, or add slides.",
    ),
    "imbalance": Code(
        "warn",
        "the largest class has over ten times as many images as the smallest",
        "Read per-class results and not accuracy; consider a weighted sampler.",
    ),
    "group-parts": Code(
        "stop", "a group lies on both sides of the split: it leaks", "Split again by group."
    ),
    "split-rows": Code(
        "stop", "the split was made from another manifest", "Split this manifest again."
    ),
}
"""By code; `docs/reference/findings.md` tells the same to readers."""
