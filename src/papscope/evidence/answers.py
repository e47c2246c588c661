"""What people write: the form of open points, and the answers that come back.

Takes   points that no file answers, or a form that somebody filled in
Gives   the form as TOML, or answers with who wrote them and when
Never   takes an answer without its writer and day, or one to a point that is not known
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any

from papscope.errors import SettingError
from papscope.evidence.checklists import Filled
from papscope.evidence.documents import Source
from papscope.evidence.points import Said, points

_WHO = ("by", "on")
_KEYS = ("answer", "not_applicable", *_WHO)
_HEAD = """\
# What the run does not know, and a person must write. Give the file back with
#   papscope evidence RUN -o FOLDER --answers FILE
# Write who answers and on which day here at the top, or in a table for that answer alone. Where a
# point does not apply, write the reason as `not_applicable` in place of the answer. What is left
# empty stays open. papscope checks none of it: it prints what you write, with your name.

by = ""
on = ""  # the day, such as 2026-03-31
"""


def open_points(filled: Iterable[Filled]) -> dict[str, list[str]]:
    """Give each open point, with the items that wait for it, in the order of the checklists."""
    waiting: dict[str, list[str]] = {}
    for one in filled:
        for item in one.items:
            place = f"{one.checklist.title} {item.item.number}"
            for name in item.missing:
                places = waiting.setdefault(name, [])
                if place not in places:
                    places.append(place)
    return waiting


def form(waiting: Mapping[str, Iterable[str]]) -> str:
    """Write the form of the open points.

    Args:
        waiting: by point, the items that wait for it.

    >>> print(form({"funding": ["CLAIM 2024 44"]}).splitlines()[-1])
    answer = ""
    """
    tables = [
        f'\n[{name}]\n# {points()[name].question}\n# For {", ".join(items)}\nanswer = ""\n'
        for name, items in waiting.items()
    ]
    return _HEAD + "".join(tables)


def read_answers(path: Path) -> dict[str, Said]:
    """Read what people wrote; what they left empty is not in it.

    Raises:
        SettingError: the file is not there or no TOML, names a point that is not known, or has an
            answer without its writer or day.
    """
    try:
        data = path.read_bytes()
        told = tomllib.loads(data.decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise SettingError(
            f"the answers {path} cannot be read: {problem}",
            hint="fill in the open.toml that `papscope evidence` wrote",
        ) from None
    digest = sha256(data).hexdigest()
    who = {key: told.pop(key, "") for key in _WHO}
    found = {}
    for name, table in told.items():
        _check(name, table, path)
        text = table.get("answer") or table.get("not_applicable")
        if text:
            source = _source(name, {**who, **table}, path, digest, text)
            found[name] = Said(text, (source,), no_use=not table.get("answer"))
    return found


def _check(name: str, table: Any, path: Path) -> None:
    if name not in points():
        near = get_close_matches(name, points(), n=1)
        raise SettingError(
            f"{path.name} has an answer to {name!r}, which nobody asked for",
            hint=f"did you mean {near[0]!r}?" if near else "use the names of open.toml",
        )
    if not isinstance(table, dict) or not all(
        key in _KEYS and isinstance(one, str | date) for key, one in table.items()
    ):
        raise SettingError(
            f"{path.name}: [{name}] has something that is no answer",
            hint=f"its keys are {', '.join(_KEYS)}, each a text",
        )
    if table.get("answer") and table.get("not_applicable"):
        raise SettingError(
            f"{path.name}: [{name}] has both an answer and a reason why it does not apply",
            hint="leave one of them empty",
        )


def _source(name: str, told: Mapping[str, Any], path: Path, digest: str, text: str) -> Source:
    by, on = str(told["by"]).strip(), str(told["on"])
    try:
        day = date.fromisoformat(on).isoformat()
    except ValueError:
        day = ""
    if not by or not day:
        raise SettingError(
            f"{path.name}: [{name}] does not say who wrote it and on which day",
            hint='write by = "NAME" and on = "2026-03-31" at the top of the file, or in the table',
        )
    return Source(path.name, name, digest, text, written_by=by, written_on=day)
