"""No library that papscope uses tells anybody of it: onnxruntime would, by default."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ANSWER = """
import numpy as np
from papscope.predict.predictor import load
from papscope.shipped import find_bundle
noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
print(len(load(find_bundle(None).folder).predict(noise).outcomes))
"""

SILENCED_ANYWAY = ("CI", "GITHUB_ACTIONS", "ORT_RUNNING_UNIT_TESTS", "ORT_DISABLE_TELEMETRY")


def left_by(program: str, home: Path) -> list[str]:
    """Run a program in a home of its own, and give the names of the files that it leaves there."""
    given = {name: value for name, value in os.environ.items() if name not in SILENCED_ANYWAY}
    places = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME"), str(home))
    told = subprocess.run(
        [sys.executable, "-B", "-c", program],
        env={**given, **places}, cwd=home, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout == "1\n"
    return sorted(str(one.relative_to(home)) for one in home.rglob("*"))


def test_answering_leaves_no_mark_of_a_library_that_reports_to_its_maker(tmp_path: Path) -> None:
    assert left_by(ANSWER, tmp_path) == []


def test_without_that_care_the_mark_would_be_seen(tmp_path: Path) -> None:
    careless = "import os\nimport papscope\ndel os.environ['ORT_DISABLE_TELEMETRY']\n" + ANSWER
    if not left_by(careless, tmp_path):
        pytest.skip("this release of onnxruntime reports nothing, or leaves no mark of it")
