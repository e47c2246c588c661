"""The tutorial is run as it stands, from top to bottom, in an empty folder.

In its ```console blocks each line after `$ ` is a command and the lines below it are what it
prints; in ```python blocks all is run, and a ```text block right below is what is printed. `...`
stands for anything, and white space counts as one blank.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(
    r"^```(console|python)\n(.*?)^```\n(?:\n?```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="the tutorial is written for a POSIX shell"),
]


@dataclass(frozen=True)
class Step:
    """One thing that a reader does, and what the page says comes of it."""

    kind: str
    code: str
    promised: str


def steps(page: str) -> Iterator[Step]:
    for kind, block, below in BLOCK.findall(page):
        if kind == "python":
            yield Step(kind, block, below)
            continue
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command = re.match(r"(?:.*\\\n)*.*\n?", part)
            assert command is not None
            yield Step(kind, command.group(), part[command.end() :])


def taken(step: Step, folder: Path) -> str:
    """Do a step and give what it printed, on both streams."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    words = ["bash", "-ec", step.code] if step.kind == "console" else ["python", "-c", step.code]
    done = subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, "PATH": programs, "NO_COLOR": "1", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{step.code}\n{done.stdout}"
    return done.stdout


def kept(promised: str, printed: str) -> bool:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return not promised.strip() or doctest.OutputChecker().check_output(promised, printed, flags)


def test_the_tutorial_works_as_written(tmp_path: Path) -> None:
    page = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")

    for step in steps(page):
        printed = taken(step, tmp_path)
        assert kept(step.promised, printed), f"{step.code}\nprinted\n{printed}"


def test_the_example_script_works_as_written(tmp_path: Path) -> None:
    script = ROOT / "docs/examples/first_steps.py"

    printed = taken(Step("python", script.read_text(encoding="utf-8"), ""), tmp_path)

    assert "report.html" in printed


def test_a_promise_that_is_not_kept_is_noticed() -> None:
    page = (
        "```console\n$ echo one \\\n  two\none two\n$ echo 3\n4\n```\n\n```python\nprint(5)\n```\n"
    )

    found = [(step.code, kept(step.promised, taken(step, ROOT))) for step in steps(page)]

    assert found == [("echo one \\\n  two\n", True), ("echo 3\n", False), ("print(5)\n", True)]
