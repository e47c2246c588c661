"""The stain that training pictures have, for all pictures to be brought to.

Takes   the training rows of a manifest, and a method
Gives   a `StainReference` for the preprocessing, or None where no stain is to be brought about
Never   opens a picture of validation or test
"""

from __future__ import annotations

from collections.abc import Sequence

from papscope.labelled import sources_of
from papscope.manifest import Manifest, Row
from papscope.preprocess import originals
from papscope.seeds import stream
from papscope.stain.reference import StainReference, fit
from papscope.train.settings import TrainSettings

_ENOUGH = 200
"""Pictures whose mean stain is taken: more of them hardly move it, and cost a decoding each."""


def stain_of(
    manifest: Manifest, train: Sequence[Row], settings: TrainSettings
) -> StainReference | None:
    """Measure the stain of the training pictures, or of some of them drawn by the seed.

    Args:
        manifest: where the rows come from.
        train: the training rows, in any order; pictures made from others are passed over.
        settings: the method and the seed.

    Raises:
        ImageError: a picture cannot be used.
        SettingError: no picture shows enough stain to be measured.
    """
    if settings.stain_norm == "none":
        return None
    taken = sorted((row for row in train if not row.made), key=lambda row: row.id)
    order = stream(settings.seed, "stain").permutation(len(taken))
    chosen = [taken[place] for place in order[:_ENOUGH]]
    # Rows of one field follow one another, so that it is decoded once.
    chosen.sort(key=lambda row: (row.path, row.id))
    return fit(originals(sources_of(manifest, chosen)), settings.stain_norm)
