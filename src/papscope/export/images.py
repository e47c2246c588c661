"""The labelled images that an export is calibrated and judged by.

Takes   a manifest and a split
Gives   images of the training part to calibrate by, and those of the validation part to judge by
Never   gives an image of the test part, or calibrates by one that the model has not learned from
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from papscope.bundle import Bundle
from papscope.errors import ImageError, SplitError, TrainingError
from papscope.labelled import sources_of, targets
from papscope.manifest import Manifest, Row
from papscope.preprocess import Preprocess, Source, Squares, prepare
from papscope.seeds import stream
from papscope.seen import Seen, overlap
from papscope.split import Split, originals, part_rows


@dataclass(frozen=True, slots=True)
class Divided:
    """A manifest and how its images were divided when the model was trained."""

    manifest: Manifest
    split: Split

    def to_judge(self) -> Sequence[Row]:
        """Give the labelled images of the validation part.

        Raises:
            SplitError: the split is another manifest's, or validation has no image.
        """
        return self._labelled("val")

    def to_calibrate(self, bundle: Bundle, most: int) -> Sequence[Row]:
        """Draw images of the training part, the same ones each time.

        Args:
            bundle: the model.
            most: how many.

        Raises:
            SplitError: the split is another manifest's, training has no image, or the model says
                that it has not learned from these.
            TrainingError: the classes are not the model's.
        """
        self._check_classes(bundle)
        rows = self._labelled("train")
        seen = Seen.from_json(bundle.description.provenance.get("seen", {}))
        learned, _ = overlap(seen, rows)
        if seen.images and learned < len(rows):
            raise SplitError(
                f"the model has not learned from {len(rows) - learned} of the {len(rows)} images "
                "of the training part",
                hint="give the manifest and the split that it was trained with",
            )
        order = stream(0, "images to calibrate by").permutation(len(rows))[:most]
        return _by_file([rows[place] for place in order])

    def sources(self, rows: Sequence[Row]) -> list[Source]:
        """Say where images lie."""
        return sources_of(self.manifest, rows)

    def truth(self, rows: Sequence[Row]) -> npt.NDArray[np.int64]:
        """Give each image's class as its place, (n,)."""
        return targets(self.manifest, rows)

    def to_json(self) -> Mapping[str, Any]:
        """Give what `bundle.json` tells of where the images come from."""
        return {
            "dataset": self.manifest.dataset,
            "manifest_sha256": self.manifest.digest,
            "protocol": self.split.protocol.to_json(),
        }

    def _labelled(self, part: str) -> Sequence[Row]:
        rows = originals(part_rows(self.split, self.manifest, part))
        found = _by_file([row for row in rows if row.label is not None])
        if not found:
            raise SplitError(
                f"no labelled image is in the part {part!r}",
                hint="give the split that the model was trained with",
            )
        return found

    def _check_classes(self, bundle: Bundle) -> None:
        trained = tuple(one.name for one in bundle.description.classes)
        if trained != self.manifest.class_names:
            raise TrainingError(
                f"the model's classes are {', '.join(trained)}; the manifest's are "
                f"{', '.join(self.manifest.class_names)}",
                hint="give the manifest that it was trained with",
            )


def _by_file(rows: Sequence[Row]) -> Sequence[Row]:
    """Put images of one field after one another, so that it is decoded once."""
    return sorted(rows, key=lambda row: (str(row.path), row.id))


def squares_at(sources: Sequence[Source], settings: Preprocess) -> Squares:
    """Prepare pictures, all at once: (n, s, s, 3), RGB, 0..255.

    Raises:
        ImageError: a picture cannot be read.
    """
    found = []
    for square in prepare(sources, settings):
        if isinstance(square, ImageError):
            raise square
        found.append(square)
    return np.stack(found)
