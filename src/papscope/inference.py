"""A network's answers to many pictures, the same whatever came with them.

Takes   a network in evaluation mode and prepared squares, or a bundle and a manifest
Gives   probabilities, (n, c)
Never   trains, and never answers differently because of the batch size

A convolution's last bits depend on how many pictures go through at once, because libraries
choose other kernels for other shapes. Squares therefore always go through in tiles of one fixed
number, the last one filled up; this is also the fastest on a processor, whose caches a large
batch overflows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from papscope import __version__
from papscope.bundle import Bundle
from papscope.dataset import Squares, sources_of, targets
from papscope.errors import ImageError, SplitError, TrainingError
from papscope.manifest import Manifest, Row
from papscope.network.backbones import from_bundle
from papscope.preprocess import Preprocess, prepare, to_planes
from papscope.progress import Tell, silent
from papscope.scores import Probabilities, Scores
from papscope.split import Split, part_rows

CPU_TILE = 8
DEVICE_TILE = 64


@dataclass(frozen=True, slots=True)
class Runner:
    """A network made ready for one device."""

    network: nn.Module
    settings: Preprocess
    device: torch.device
    tile: int

    @classmethod
    def of(cls, network: nn.Module, settings: Preprocess, device: str = "auto") -> Runner:
        """Make a network ready.

        Args:
            network: from (n, 3, s, s) to (n, c); is put in evaluation mode.
            settings: its preprocessing.
            device: `auto`, or torch's name of a device.
        """
        place = torch.device(best_device() if device == "auto" else device)
        ready = network.eval().to(place, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(ready, settings, place, CPU_TILE if place.type == "cpu" else DEVICE_TILE)

    def probabilities(self, squares: Squares) -> Probabilities:
        """Answer for any number of squares.

        Args:
            squares: (n, s, s, 3), RGB, 0..255.

        Returns:
            (n, c), each row sums to 1.
        """
        answers = [
            self._tile(squares[start : start + self.tile])
            for start in range(0, len(squares), self.tile)
        ]
        return np.concatenate(answers)

    def _tile(self, squares: Squares) -> Probabilities:
        count = len(squares)
        full = squares
        if count < self.tile:
            filling = np.zeros((self.tile - count, *squares.shape[1:]), dtype=np.uint8)
            full = np.concatenate([squares, filling])
        planes = torch.from_numpy(to_planes(full, self.settings))
        with torch.inference_mode():
            ready = planes.to(self.device, memory_format=torch.channels_last)
            logits = self.network(ready).double().cpu().numpy()[:count]
        return softmax(logits)


def softmax(logits: npt.NDArray[np.float64]) -> Probabilities:
    """Turn logits (n, c) into probabilities (n, c), in double precision."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float64)


def best_device() -> str:
    """Name the fastest device that is there: a CUDA or Apple GPU, or the processor."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk


def score(
    bundle: Bundle,
    manifest: Manifest,
    *,
    split: Split | None = None,
    part: str | None = None,
    batch_size: int = 32,
    tell: Tell = silent,
) -> Scores:
    """Let a bundle's model answer for the labelled images of a manifest.

    Args:
        bundle: the model.
        manifest: the images; its classes must be the model's.
        split: which images are in which part; None for all images.
        part: `train`, `val` or `test`; None for all images.
        batch_size: how many squares are held before the network sees them.
        tell: hears how far it is.

    Raises:
        SplitError: the split is another manifest's, or the part is empty.
        TrainingError: the classes differ.
        ImageError: an image cannot be read.
    """
    rows = _rows(manifest, split, part)
    _check_classes(bundle, manifest)
    # Images of one field follow one another, so that it is decoded once.
    rows = sorted(rows, key=lambda row: (str(row.path), row.id))
    runner = Runner.of(from_bundle(bundle), bundle.description.preprocess)
    ready = prepare(sources_of(manifest, rows), bundle.description.preprocess)
    answers = []
    for chunk in _chunks(ready, max(batch_size, runner.tile) // runner.tile * runner.tile):
        broken = next((one for one in chunk if isinstance(one, ImageError)), None)
        if broken is not None:
            raise broken
        answers.append(runner.probabilities(np.stack(chunk)))
        tell("answering", sum(len(answer) for answer in answers), len(rows))
    return Scores(
        ids=tuple(row.id for row in rows),
        groups=tuple(row.group for row in rows),
        truth=targets(manifest, rows),
        probabilities=np.concatenate(answers),
        classes=manifest.classes,
        paths=tuple(row.path.as_posix() for row in rows),
        boxes=tuple(row.box for row in rows),
        about=_about(bundle, manifest, split, part),
    )


def _rows(manifest: Manifest, split: Split | None, part: str | None) -> list[Row]:
    if split is None or part is None:
        rows = list(manifest.labelled())
    else:
        rows = [row for row in part_rows(split, manifest, part) if row.label is not None]
    if not rows:
        raise SplitError(
            f"no labelled image is in {part or 'the manifest'}", hint="choose another --part"
        )
    return rows


def _check_classes(bundle: Bundle, manifest: Manifest) -> None:
    trained = tuple(one.name for one in bundle.description.classes)
    if trained != manifest.class_names:
        raise TrainingError(
            f"the model's classes are {', '.join(trained)}; the manifest's are "
            f"{', '.join(manifest.class_names)}",
            hint="evaluate on a manifest of the same classes, imported the same way",
        )


def _about(
    bundle: Bundle, manifest: Manifest, split: Split | None, part: str | None
) -> Mapping[str, Any]:
    """Gather what a report must tell."""
    known = bundle.description.provenance
    return {
        "papscope_version": __version__,
        "root": str(manifest.root),
        "dataset": manifest.dataset,
        "part": part,
        "manifest": {
            "sha256": manifest.digest,
            "licence": manifest.licence,
            "citation": manifest.citation,
            "notes": list(manifest.notes),
            "group_is": manifest.group_is,
        },
        "protocol": split.protocol.to_json() if split else None,
        "counts": counts(manifest, split),
        "group_counts": group_counts(manifest, split),
        "model": {
            "bundle_sha256": bundle.digest,
            "backbone": bundle.description.backbone,
            "preprocess": bundle.description.preprocess.to_json(),
            "weights": known.get("weights"),
            "leaks": (known.get("protocol") or {}).get("leaks"),
        },
        "training": known.get("training", {}),
        "versions": known.get("versions", {}),
    }


def counts(manifest: Manifest, split: Split | None) -> dict[str, dict[str, int]]:
    """Count the images of each class in each part."""
    found: dict[str, dict[str, int]] = {}
    for row in manifest.labelled():
        part = split.part_of.get(row.id, "left out") if split else "all"
        of_part = found.setdefault(part, dict.fromkeys(manifest.class_names, 0))
        of_part[str(row.label)] += 1
    return found


def group_counts(manifest: Manifest, split: Split | None) -> dict[str, int]:
    """Count the groups in each part."""
    found: dict[str, set[str]] = {}
    for row in manifest.labelled():
        part = split.part_of.get(row.id, "left out") if split else "all"
        found.setdefault(part, set()).add(row.group or row.id)
    return {part: len(groups) for part, groups in found.items()}
