"""The page on security names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_test_that_the_page_names_is_there() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    files = sorted(ROOT.glob("tests/**/test_*.py"))
    known = [
        name for one in files for name in re.findall(r"def (test_\w+)", one.read_text("utf-8"))
    ]
    parts = re.findall(r"`\.\.\._([\w.]+)`", page)
    named = re.findall(r"`(?:[\w/]+/)?(test_\w+\.py)`", page)

    assert len(parts) > 50
    gone = [one for one in parts if not any(one.strip("._") in name for name in known)]
    assert gone == []
    assert [one for one in named if one not in {file.name for file in files}] == []
