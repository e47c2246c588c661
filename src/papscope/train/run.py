"""The folder of a training run: what is in it, and whether it may be gone on with.

Takes   what a run is asked for
Gives   `run.json`, against which a resumed run is compared
Never   mixes two runs in one folder
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from papscope.errors import TrainingError
from papscope.files import write_json
from papscope.manifest import Manifest
from papscope.split import Split
from papscope.train.settings import TrainSettings

RUN = "run.json"
HISTORY = "history.json"
LAST = "last.safetensors"
BEST = "best.safetensors"
BUNDLE = "bundle"
SQUARES = "squares"


def open_run(
    run: Path, manifest: Manifest, split: Split, settings: TrainSettings, *, resume: bool
) -> None:
    """Begin a run in a folder, or make sure that it is the run to be resumed.

    Raises:
        TrainingError: there is another run in the folder, or nothing to resume.
    """
    asked: dict[str, Any] = {
        "settings": asdict(settings),
        "manifest_sha256": manifest.digest,
        "protocol": split.protocol.to_json(),
    }
    place = run / RUN
    begun = any((run / name).exists() for name in (LAST, BEST, BUNDLE))
    if not place.exists() or not (begun or resume):
        if resume:
            raise TrainingError(
                f"there is no run to resume in {run}", hint="train without --resume"
            )
        write_json(place, asked)
        return
    try:
        before = json.loads(place.read_bytes())
    except ValueError:
        raise TrainingError(f"{place} is damaged", hint="train into another folder") from None
    if not resume:
        raise TrainingError(
            f"{run} already holds a training run", hint="go on with --resume, or name another -o"
        )
    others = differing(json.loads(json.dumps(asked)), before)
    if others:
        raise TrainingError(
            f"the run in {run} was asked for otherwise: {'; '.join(others)}",
            hint="resume with the same settings, manifest and split",
        )


def differing(now: dict[str, Any], before: dict[str, Any], where: str = "") -> list[str]:
    """Name what was asked for otherwise before.

    >>> differing({"settings": {"epochs": 3}}, {"settings": {"epochs": 2}})
    ['settings.epochs was 2, now 3']
    """
    found = []
    for name in sorted(now.keys() | before.keys()):
        one, other = now.get(name), before.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            found += differing(one, other, f"{where}{name}.")
        elif one != other:
            found.append(f"{where}{name} was {other!r}, now {one!r}")
    return found
