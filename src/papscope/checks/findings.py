"""What one check came to: findings, counts, and whether to stop.

Takes   codes and the rows they concern
Gives   `Finding`, and the `Report` that gathers them in order
Never   looks at an image
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from papscope.checks.codes import CODES, Severity
from papscope.errors import FindingsStop

WARNED = 20
"""Exit status where there are warnings and nothing to stop for; `FindingsStop` has the other."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a person should look at before training."""

    code: str
    """A key of `CODES`."""
    severity: Severity
    where: str
    """The image, images or class, as names in the manifest."""
    what: str
    """One sentence without a full stop."""
    advice: str
    rows: tuple[str, ...] = ()
    """Ids of the rows concerned, in the manifest's order; those of a twin lie together."""


MOST_NAMED = 4
"""A finding of many images names this many in `where`; `rows` has them all."""


def finding(code: str, rows: tuple[str, ...], what: str, where: str | None = None) -> Finding:
    """Make a finding whose severity and advice are the registry's.

    >>> finding("blank", ("a.png",), "hardly any contrast").severity
    'stop'
    """
    kind = CODES[code]
    return Finding(
        code, kind.severity, named(rows) if where is None else where, what, kind.advice, rows
    )


def named(rows: tuple[str, ...]) -> str:
    """Name the first few rows and count the others.

    >>> named(("a", "b", "c", "d", "e", "f"))
    'a, b, c, d and 2 more'
    """
    rest = len(rows) - MOST_NAMED
    first = ", ".join(rows[:MOST_NAMED])
    return f"{first} and {rest} more" if rest > 0 else first


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one check, and what was looked at."""

    findings: tuple[Finding, ...]
    """Those to stop for first, then in the registry's order, then in the manifest's."""
    counts: Mapping[str, int]
    """Labelled rows by class, in the classes' order."""
    groups: Mapping[str, int]
    """Groups by class."""
    images: int
    """Rows looked at."""
    files: int
    """Files decoded, or tried."""
    dataset: str
    manifest_sha256: str

    @property
    def severity(self) -> Severity | None:
        """The gravest severity found; None where nothing was."""
        found = {one.severity for one in self.findings}
        return "stop" if "stop" in found else "warn" if found else None

    @property
    def exit_status(self) -> int:
        """0 where nothing was found, 4 for warnings alone, 5 where there is a reason to stop."""
        return {None: 0, "warn": WARNED, "stop": FindingsStop.exit_status}[self.severity]

    def by_code(self) -> dict[str, tuple[Finding, ...]]:
        """Gather the findings of each code, in the report's order."""
        found: dict[str, list[Finding]] = {}
        for one in self.findings:
            found.setdefault(one.code, []).append(one)
        return {code: tuple(some) for code, some in found.items()}

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form, with findings in full."""
        return {
            "papscope": "check",
            "dataset": self.dataset,
            "manifest_sha256": self.manifest_sha256,
            "images": self.images,
            "files": self.files,
            "counts": dict(self.counts),
            "groups": dict(self.groups),
            "severity": self.severity,
            "found": dict(Counter(one.code for one in self.findings)),
            "findings": [
                {
                    "code": one.code,
                    "severity": one.severity,
                    "where": one.where,
                    "what": one.what,
                    "advice": one.advice,
                    "rows": list(one.rows),
                }
                for one in self.findings
            ],
        }


def in_order(findings: Iterable[Finding], place: Mapping[str, int]) -> tuple[Finding, ...]:
    """Sort findings: severity, then the registry's order, then the manifest's.

    Args:
        findings: in any order.
        place: a row's number by its id.
    """
    rank = {code: number for number, code in enumerate(CODES)}

    def key(one: Finding) -> tuple[bool, int, int, str]:
        first = place[one.rows[0]] if one.rows else -1
        return (one.severity != "stop", rank[one.code], first, one.where)

    return tuple(sorted(findings, key=key))
