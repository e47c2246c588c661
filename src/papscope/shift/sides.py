"""What TRAIN stands for: pictures, or a model that carries numbers of those that it learned from.

Takes   a word of a command line, and the model that was named beside it
Gives   the training pictures, None where a model carries them, and the eyes to look with
Never   opens a picture
"""

from __future__ import annotations

from pathlib import Path

from papscope.bundle import read_bundle
from papscope.errors import SettingError
from papscope.shift.given import Given, given_by
from papscope.shift.measuring import Eyes
from papscope.shift.run import eyes_of
from papscope.shipped import find_bundle, is_bundle, shipped_models


def sides_of(
    train: str,
    model: str | None,
    *,
    device: str = "auto",
    threads: int = 0,
    orientations: bool | None = None,
) -> tuple[Given | None, Eyes]:
    """Say which training pictures are meant, and what to look with.

    Args:
        train: a manifest, pictures, a bundle's folder or a shipped model's name.
        model: a bundle's folder or a shipped model's name; None for none.
        device: as for `papscope.load`.
        threads: of the processor; 0 decides by the machine.
        orientations: of the model's answers; None does as the bundle says.

    Raises:
        BundleError: the model is missing or damaged, or is neither pictures nor model.
        SettingError: there is no picture.
        TableError: a `.csv` file is no manifest.
    """
    carried = _is_model(train)
    if carried and model is not None and find_bundle(model).folder != find_bundle(train).folder:
        raise SettingError(
            f"{train} and {model} are two models", hint="give the training pictures, or one model"
        )
    named = train if carried else model
    bundle = None if named is None else read_bundle(find_bundle(named).folder)
    eyes = eyes_of(bundle, device=device, threads=threads, orientations=orientations)
    return None if carried else given_by([train]), eyes


def _is_model(word: str) -> bool:
    """Tell whether a word names a model; what is on the disk goes before a shipped name."""
    if Path(word).exists():
        return is_bundle(Path(word))
    return word in {one.name for one in shipped_models()}
