"""The file that says what a study was asked for, against which a resumed one is held.

Takes   a file's place, and what is asked
Gives   that file, in a folder that was new, empty, or the same study's
Never   mixes two studies in one folder, or writes into a folder that holds others' files
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from papscope.errors import TrainingError
from papscope.files import write_json
from papscope.train.run import differing

Asked = Mapping[str, Any]


def begin(
    place: Path,
    asked: Asked,
    *,
    called: str,
    resume: bool,
    settled: Callable[[Asked], dict[str, Any]] = dict,
) -> None:
    """Begin a study in a folder, or make sure that it is the one to be resumed.

    Args:
        place: of the file, in the study's folder.
        asked: what is asked for, as JSON values.
        called: what the study is, for sentences: `cross-validation`.
        resume: go on with what is there, or begin where nothing is.
        settled: gives of what is asked that which a resumed study may not change.

    Raises:
        TrainingError: there is another study, or something else, in the folder.
        DiskError: the folder cannot be written.
    """
    folder, plain = place.parent, json.loads(json.dumps(asked))
    if not place.exists():
        _refuse_others(folder)
        write_json(place, plain)
        return
    if not resume:
        raise TrainingError(
            f"{folder} already holds a {called}", hint="go on with --resume, or name another -o"
        )
    try:
        before = json.loads(place.read_bytes())
        others = differing(settled(plain), settled(before))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise TrainingError(f"{place} is damaged", hint="name another -o") from None
    if others:
        raise TrainingError(
            f"the {called} in {folder} was asked for otherwise: {'; '.join(others)}",
            hint="resume with the same settings, candidates and manifest",
        )
    write_json(place, plain)


def _refuse_others(folder: Path) -> None:
    """Make sure that a folder is new or empty; one stopped before it began may be resumed too."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TrainingError(
            f"{folder} holds something else, which is left alone", hint="name another -o"
        )
