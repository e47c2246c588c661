"""The folder of a cross-validation: what was asked for.

Takes   what is asked for
Gives   `crossval.json`, against which a resumed one is held
Never   mixes two cross-validations in one folder, or writes into a folder that holds others' files
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from papscope.manifest import Manifest
from papscope.studies.beginning import Asked, begin
from papscope.studies.crossval_settings import CrossvalSettings
from papscope.train.settings import TrainSettings

ASKED = "crossval.json"
_FREE = ("resamples", "also_leaky", "command")
"""What a resumed cross-validation may be asked otherwise: it changes no training."""


def open_folder(
    folder: Path,
    manifest: Manifest,
    candidates: Mapping[str, TrainSettings],
    cross: CrossvalSettings,
    *,
    resume: bool,
) -> None:
    """Begin a cross-validation in a folder, or make sure that it is the one to be resumed.

    Args:
        folder: where.
        manifest: the images.
        candidates: the settings by name; one where nothing is chosen.
        cross: how to cut, repeat and choose.
        resume: go on with what is there, or begin where nothing is.

    Raises:
        TrainingError: there is another cross-validation, or something else, in the folder.
        DiskError: the folder cannot be written.
    """
    asked = {
        "papscope": "crossval",
        "format": 1,
        "manifest_sha256": manifest.digest,
        "crossval": asdict(cross),
        "settings": {name: asdict(one) for name, one in candidates.items()},
        "candidates": list(candidates),
    }
    begin(folder / ASKED, asked, called="cross-validation", resume=resume, settled=_settled)


def _settled(asked: Asked) -> dict[str, Any]:
    """Leave out what may change."""
    cross = {key: value for key, value in asked["crossval"].items() if key not in _FREE}
    return {**asked, "crossval": cross}
