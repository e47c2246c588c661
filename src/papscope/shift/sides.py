"""What TRAIN stands for: pictures, or a model that carries numbers of those that it learned from.

Takes   a word of a command line, and the model that was named beside it
Gives   the training pictures and the eyes to look at both sets with
Never   opens a picture
"""

from __future__ import annotations

from papscope.bundle import read_bundle
from papscope.shift.given import Given, given_by
from papscope.shift.measuring import Eyes
from papscope.shift.run import eyes_of
from papscope.shipped import find_bundle


def sides_of(
    train: str,
    model: str | None,
    *,
    device: str = "auto",
    threads: int = 0,
    orientations: bool | None = None,
) -> tuple[Given, Eyes]:
    """Say which training pictures are meant, and what to look with.

    Args:
        train: a manifest, pictures, a bundle's folder or a shipped model's name.
        model: a bundle's folder or a shipped model's name; None for none.
        device: as for `papscope.load`.
        threads: of the processor; 0 decides by the machine.
        orientations: of the model's answers; None does as the bundle says.

    Raises:
        BundleError: the model is missing or damaged.
        SettingError: there is no picture.
        TableError: a `.csv` file is no manifest.
    """
    bundle = None if model is None else read_bundle(find_bundle(model).folder)
    eyes = eyes_of(bundle, device=device, threads=threads, orientations=orientations)
    return given_by([train]), eyes
