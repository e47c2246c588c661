"""A model that ships, with rules by which it leaves cells to a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from papscope.bundle import read_bundle, read_card, write_again
from papscope.shipped import find_bundle

FITTED = "900 images of a made set in 30 groups, answered by this model"


def rules_for(classes: int, *, limit: float = 0.75, abnormal: float = 0.9) -> dict[str, Any]:
    """Rules as `papscope calibrate --sets 0.9` writes them."""
    limits = [limit] * classes
    sets = {"score": "lac", "coverage": 0.9, "limits": limits, "by": "class"}
    return {
        "sets": {**sets, "without_promise": ["SCC"]},
        "refer": {"sensitivity": 0.95, "groups": 21, "abnormal": abnormal},
        "n": 900,
        "groups": 30,
        "fitted_on": FITTED,
    }


def ruled_bundle(folder: Path, rules: Mapping[str, Any] | None = None) -> Path:
    """Write the default model anew, with rules."""
    found = find_bundle()
    read = read_bundle(found.folder)
    told = rules_for(len(read.description.classes)) if rules is None else rules
    ruled = replace(read, description=replace(read.description, rules=told))
    write_again(folder, ruled, read_card(found.folder))
    return folder
