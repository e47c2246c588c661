"""The files that answers are read from, and the places in them.

Takes   the content of files, each with its name and SHA-256
Gives   values by role and key, with the source that each was read from
Never   gives a value that is neither in a file nor worked out from one
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Source:
    """Where one value comes from."""

    file: str
    """As a reader knows it: below the run's folder, or as it was given."""
    key: str
    """Names joined by dots; empty for the whole file."""
    sha256: str
    value: str
    """The words that stand for the value in the answer."""
    computed: bool = False
    """Whether the value is not in the file as it stands, but was worked out from it."""
    written_by: str = ""
    """Who wrote the answer; empty where a program wrote the file."""
    written_on: str = ""
    """The day, as ISO 8601 has it; empty where a program wrote the file."""

    def sentence(self) -> str:
        """Say where it comes from, in a few words."""
        if self.written_by:
            return f"written by {self.written_by} on {self.written_on} ({self.file})"
        how = ", worked out from it" if self.computed else ""
        return f"{self.file}: {self.key or 'the whole file'}{how}"

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        told: dict[str, Any] = {
            "file": self.file,
            "key": self.key,
            "sha256": self.sha256,
            "value": self.value,
        }
        if self.computed:
            told["computed"] = True
        if self.written_by:
            told["written_by"], told["written_on"] = self.written_by, self.written_on
        return told


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One file, read."""

    role: str
    """What it is here, such as `bundle` or `scores`: what sentences name it by."""
    file: str
    sha256: str
    content: Mapping[str, Any]
    computed: frozenset[str] = frozenset()
    """The first names of keys that are not in the file, but were worked out from it."""

    def at(self, key: str) -> Any:
        """Give the value at a key; None where there is none.

        >>> Document("bundle", "bundle.json", "", {"a": {"b": 2}}).at("a.b")
        2
        """
        value: Any = self.content
        for name in key.split(".") if key else ():
            if not isinstance(value, Mapping) or name not in value:
                return None
            value = value[name]
        return value

    def source(self, key: str, value: str) -> Source:
        """Say that a value was read here."""
        computed = key.partition(".")[0] in self.computed
        return Source(self.file, key, self.sha256, value, computed=computed)


@dataclass(frozen=True, slots=True, eq=False)
class Documents:
    """All files of a run; none where nothing is known."""

    every: Sequence[Document] = ()

    def of(self, role: str) -> tuple[Document, ...]:
        """Give those of one role, in order."""
        return tuple(one for one in self.every if one.role == role)

    def digests(self) -> dict[str, str]:
        """Give each file's SHA-256."""
        return {one.file: one.sha256 for one in sorted(self.every, key=lambda one: one.file)}
