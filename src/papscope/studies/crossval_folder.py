"""The folder of a cross-validation: what was asked for, and what it came to.

Takes   what is asked for, and later the results
Gives   `crossval.json`, against which a resumed one is held; scores, measures and a page
Never   mixes two cross-validations in one folder, or writes into a folder that holds others' files
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from papscope.errors import TrainingError
from papscope.files import write_json
from papscope.manifest import Manifest
from papscope.studies.crossval_settings import CrossvalSettings
from papscope.train.run import differing
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
    place, asked = folder / ASKED, _asked(manifest, candidates, cross)
    if not place.exists():
        _refuse_others(folder)
        write_json(place, asked)
        return
    if not resume:
        raise TrainingError(
            f"{folder} already holds a cross-validation",
            hint="go on with --resume, or name another -o",
        )
    try:
        before = json.loads(place.read_bytes())
        others = differing(_settled(asked), _settled(before))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise TrainingError(f"{place} is damaged", hint="name another -o") from None
    if others:
        raise TrainingError(
            f"the cross-validation in {folder} was asked for otherwise: {'; '.join(others)}",
            hint="resume with the same settings, candidates and manifest",
        )
    write_json(place, asked)


def _asked(
    manifest: Manifest, candidates: Mapping[str, TrainSettings], cross: CrossvalSettings
) -> dict[str, Any]:
    asked = {
        "papscope": "crossval",
        "format": 1,
        "manifest_sha256": manifest.digest,
        "crossval": asdict(cross),
        "settings": {name: asdict(one) for name, one in candidates.items()},
        "candidates": list(candidates),
    }
    plain: dict[str, Any] = json.loads(json.dumps(asked))
    return plain


def _settled(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what may change."""
    cross = {key: value for key, value in asked["crossval"].items() if key not in _FREE}
    return {**asked, "crossval": cross}


def _refuse_others(folder: Path) -> None:
    """Make sure that a folder is new or empty; one stopped before it began may be resumed too."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TrainingError(
            f"{folder} holds something else, which is left alone", hint="name another -o"
        )
