"""Points: single things to be known, and what the run says to each.

Takes   sentences with gaps that name a file's role, a key and how to word the value
Gives   the sentences whose gaps can all be filled, with the source of every value
Never   fills a gap from anywhere but the named key, or gives a sentence with a gap

A gap is `{role:key}` or `{role:key|word}`; `word` names a function of `wording`. A sentence is
repeated for every file of the role.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

from papscope.errors import SettingError
from papscope.evidence.documents import Document, Documents, Source
from papscope.evidence.wording import WORDS, said

_GAP = re.compile(r"\{([a-z]+):([^}|]*)(?:\|([a-z-]+))?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One thing to be known."""

    name: str
    question: str
    """For the person who is asked where the run does not know."""
    every: tuple[str, ...] = ()
    """Sentences that are all said where they can be."""
    first: tuple[str, ...] = ()
    """Sentences of which the first is said that can be."""
    no_use: tuple[str, ...] = ()
    """Reasons why the point does not apply; the first that can be said holds."""


@dataclass(frozen=True, slots=True)
class Said:
    """Sentences and the sources of their values."""

    text: str
    sources: tuple[Source, ...]
    no_use: bool = False
    """Whether it is the reason why the point does not apply."""


@cache
def points() -> Mapping[str, Point]:
    """Give all points by name, as the package's data has them."""
    text = files("papscope.evidence").joinpath("data/points.toml").read_text(encoding="utf-8")
    return {name: _point(name, told) for name, told in tomllib.loads(text).items()}


def _point(name: str, told: Mapping[str, Any]) -> Point:
    lists = {key: tuple(told.get(key, ())) for key in ("every", "first", "no_use")}
    return Point(name=name, question=told["question"], **lists)


def say(point: Point, documents: Documents) -> Said | None:
    """Say what is known to a point; None where nothing is."""
    reasons = _filled_first(point.no_use, documents)
    if reasons:
        return _joined(reasons, no_use=True)
    found = _filled_first(point.first, documents)
    for sentence in point.every:
        found += fill(sentence, documents)
    return _joined(found) if found else None


def _filled_first(sentences: Sequence[str], documents: Documents) -> list[Said]:
    for sentence in sentences:
        found = fill(sentence, documents)
        if found:
            return found
    return []


def _joined(every: Sequence[Said], *, no_use: bool = False) -> Said:
    texts = dict.fromkeys(one.text for one in every)
    sources = dict.fromkeys(source for one in every for source in one.sources)
    return Said(" ".join(texts), tuple(sources), no_use)


def fill(sentence: str, documents: Documents) -> list[Said]:
    """Fill a sentence's gaps, once for every file of the roles that it names.

    >>> one = Document("run", "run.json", "ab", {"seed": 3})
    >>> [said.text for said in fill("Seed {run:seed}.", Documents((one,)))]
    ['Seed 3.']
    >>> fill("Seed {run:sead}.", Documents((one,)))
    []
    """
    roles = list(dict.fromkeys(gap[1] for gap in _GAP.finditer(sentence)))
    choices = product(*(documents.of(role) for role in roles))
    return list(_filled(sentence, (dict(zip(roles, one, strict=True)) for one in choices)))


def _filled(sentence: str, choices: Iterator[Mapping[str, Document]]) -> Iterator[Said]:
    for chosen in choices:
        sources = []
        for gap in _GAP.finditer(sentence):
            document = chosen[gap[1]]
            words = worded(document.at(gap[2]), gap[3])
            if not words:
                break
            sources.append(document.source(gap[2], words))
        else:
            yield Said(_put(sentence, sources), tuple(sources))


def _put(sentence: str, sources: Sequence[Source]) -> str:
    values = iter(sources)
    return _GAP.sub(lambda _: next(values).value, sentence)


def worded(value: Any, word: str | None) -> str:
    """Put a value into words; empty where there is none, or it is not of the kind expected."""
    if value is None:
        return ""
    how = said if word is None else WORDS[word]
    try:
        return how(value)
    except (TypeError, ValueError, AttributeError, LookupError, SettingError):
        return ""  # an older file, or one of another program: what it says is then not known
