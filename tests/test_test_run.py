"""`make test` ends, fails and names the test when one of its processes dies or hangs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FINE = "import pytest\n@pytest.mark.parametrize('n', range(3))\ndef test_fine(n): pass\n"
DEADLY = "import os\ndef test_before(): pass\ndef test_deadly(): os.kill(os.getpid(), 9)\n"
STUCK = "import time\ndef test_stuck(): time.sleep(600)\ndef test_after(): pass\n"
BADLY_BORN = "import os\nif os.environ.get('PYTEST_XDIST_WORKER') == 'gw1': os._exit(7)\n"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are those of Unix")


def options_of_the_makefile() -> list[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.search(r"^TEST_RUN := (.*)$", text, re.MULTILINE)
    assert found is not None
    return found[1].replace("$(JOBS)", "2").split()


def run_of(folder: Path, last: str, *, also: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run six fine files and a last one as `make test` would; give the status and what was told."""
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    (folder / "pytest.ini").write_text("[pytest]\n")
    for number in range(6):
        (folder / f"test_{number}.py").write_text(FINE)
    (folder / "test_last.py").write_text(last)
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "xdist.plugin", *options_of_the_makefile(), *also],
        cwd=folder,
        env={**outer, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_death_ends_the_run_and_names_the_test_and_the_signal(tmp_path: Path) -> None:
    status, told = run_of(tmp_path, DEADLY)

    assert status == pytest.ExitCode.TESTS_FAILED
    assert "crashed while running 'test_last.py::test_deadly'" in told
    assert "its process was ended by SIGKILL: the system ends the largest" in told


def test_a_test_that_hangs_is_shown_and_ends_the_run(tmp_path: Path) -> None:
    status, told = run_of(tmp_path, STUCK, also=("-o", "faulthandler_timeout=3"))

    assert status == pytest.ExitCode.TESTS_FAILED
    assert "crashed while running 'test_last.py::test_stuck'" in told
    assert re.search(r'test_last\.py", line 2 in test_stuck', told)


def test_a_death_before_any_test_fails_the_run(tmp_path: Path) -> None:
    (tmp_path / "deadly.py").write_text(BADLY_BORN)

    status, told = run_of(tmp_path, FINE, also=("-p", "deadly"))

    assert status in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED)
    assert "[gw1] its process ended with status 7" in told
