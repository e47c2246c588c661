"""Each test that docs/security.md names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
FILES = {one.name: one.read_text(encoding="utf-8") for one in (ROOT / "tests").rglob("test_*.py")}
TESTS = re.findall(r"def (test_\w+)\(", "\n".join(FILES.values()))


def test_the_files_of_tests_that_the_page_names_are_there() -> None:
    named = set(re.findall(r"`(test_\w+\.py)`", PAGE))
    assert named
    assert named <= set(FILES)


def test_the_tests_that_the_page_names_by_a_part_of_their_name_are_there() -> None:
    parts = [part.strip("._") for part in re.findall(r"`(\.\.\._\w+(?:_\.\.\.)?)`", PAGE)]
    assert len(parts) > 50
    assert [part for part in parts if not any(part in name for name in TESTS)] == []
