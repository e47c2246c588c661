"""A clean split beside a given one: the same shares, and no tie of any kind cut.

Takes   an audit of the given split
Gives   images and splits that a training can use: as given, and clean
Never   calls a split clean that cuts a tie the audit found

What an audit ties together becomes one strict group, so that papscope's own division by strict
groups keeps all of it on one side: groups, strict groups, crops of one picture, like pictures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from papscope.checks.leaks import Audit
from papscope.checks.ties import Tie
from papscope.cutting import cut, cut_folds
from papscope.errors import SplitError
from papscope.manifest import Manifest
from papscope.split import LEAKS, PARTS, Split, originals


def tied(audit: Audit) -> Manifest:
    """Give the labelled images that the split places, whatever is tied being one strict group.

    An image that is tied to none is a strict group of its own. The digest stays the manifest's.
    """
    chief = families_of(audit.ties)
    rows = tuple(
        replace(row, strict_group=chief.get(row.id, row.id))
        for row in audit.manifest.labelled()
        if row.id in audit.given.split.part_of
    )
    return replace(audit.manifest, rows=rows)


def families_of(ties: Mapping[str, tuple[Tie, ...]]) -> dict[str, str]:
    """Join all ties, and name each image's family by one of its members.

    >>> families_of({"group": (Tie(("a", "b"), ""),), "near": (Tie(("b", "c"), ""),)})
    {'a': 'a', 'b': 'a', 'c': 'a'}
    """
    above: dict[str, str] = {}

    def top(name: str) -> str:
        while (over := above.setdefault(name, name)) != name:
            above[name] = name = above[over]
        return name

    for some in ties.values():
        for tie in some:
            for name in tie.ids[1:]:
                first, second = sorted((top(tie.ids[0]), top(name)))
                above[second] = first
    return {name: top(name) for name in list(above)}


def as_given(audit: Audit, manifest: Manifest) -> Split:
    """Give the split as it was given, for the images at hand, stamped where it leaks.

    Where there are folds they stay folds; where there is no test part, validation stands for it.

    Raises:
        SplitError: there is nothing to learn from.
    """
    split = audit.given.split
    part_of = {row.id: split.part_of[row.id] for row in manifest.rows}
    held = set(part_of.values())
    if not is_folds(split):
        if "test" not in held:
            part_of = {name: "test" if part == "val" else part for name, part in part_of.items()}
        if not {"train", "test"} <= set(part_of.values()):
            raise SplitError(
                f"the labelled images are in {', '.join(sorted(held))} alone",
                hint="measure a split with labelled images to learn from and to be tested by",
            )
    stamp = f"{LEAKS} (by an audit)" if audit.chief.certain else split.protocol.leaks
    return Split(replace(split.protocol, leaks=stamp), part_of, split.manifest_sha256)


def clean_split(given: Split, manifest: Manifest, seed: int) -> Split:
    """Cut the same images into the same shares, or as many folds, without cutting a tie.

    Args:
        given: whose shares are wanted, from `as_given`.
        manifest: from `tied`.
        seed: of the division.

    Raises:
        SplitError: a class has too few families for every part.
    """
    try:
        if is_folds(given):
            return cut_folds(manifest, by="strict", folds=len(given.parts), seed=seed)
        counts = Counter(given.part_of[row.id] for row in originals(manifest.rows))
        shares = {part: counts[part] / counts.total() for part in PARTS if counts[part]}
        return cut(manifest, by="strict", shares=shares, seed=seed)
    except SplitError as wrong:
        raise SplitError(
            f"no clean split of these images is possible: {wrong}", hint=wrong.hint
        ) from None


def is_folds(split: Split) -> bool:
    """Say whether a split is folds of which none was chosen as the test part."""
    return bool(split.protocol.folds) and split.protocol.fold is None
