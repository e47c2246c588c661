"""The pack as one HTML file that needs nothing else: no network, no other file, no script.

Takes   the content of `evidence.json`
Gives   a page: how much is known first, then cards, checklists, subgroups, and what is open
Never   says what is not in the JSON
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jinja2 import ChoiceLoader, PackageLoader

from papscope.evaluate.intervals import Undefined, measure_from_json
from papscope.evaluate.summary import METRICS
from papscope.evaluate.tables import said
from papscope.evidence.checklists import STATUSES, checklist
from papscope.evidence.documents import Source
from papscope.evidence.points import points
from papscope.evidence.subgroups import FEW_GROUPS, FEW_IMAGES
from papscope.report.page import environment
from papscope.report.words import title_of

_WORDS = {
    "known": "answered",
    "partly": "in part",
    "open": "open",
    "not applicable": "does not apply",
}
FEW = "too few to say"


def page(told: Mapping[str, Any]) -> str:
    """Write the page.

    Args:
        told: the content of `evidence.json`.
    """
    room = environment()
    places = ("papscope.evidence", "papscope.report")
    room.loader = ChoiceLoader([PackageLoader(place) for place in places])
    cards = [_list(one) for one in told["data_cards"]]
    card, *lists = (_list(one) for one in told["checklists"])
    context = {
        "told": told,
        "version": told["version"],
        "words": _WORDS,
        "statuses": STATUSES,
        "card": card,
        "cards": cards,
        "lists": lists,
        "every": [card, *cards, *lists],
        "subgroups": list(_subgroups(told["subgroups"])),
        "few": (FEW_IMAGES, FEW_GROUPS),
    }
    return room.get_template("evidence.html.j2").render(context)


def _list(told: Mapping[str, Any]) -> dict[str, Any]:
    about = title_of(told["about"]) if told["about"] else ""
    total = sum(told["counts"].values())
    return {
        **told,
        "place": f"{told['name']}-{told['about']}".strip("-").replace(" ", "-"),
        "heading": f"{told['title']}: {about}" if about else told["title"],
        "what": checklist(told["name"]).what,
        "total": total,
        "shares": {key: 100 * number / total for key, number in told["counts"].items()},
        "sections": _sections(told["items"]),
    }


def _sections(items: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for one in items:
        shown = {
            **one,
            "class": one["status"].replace(" ", "-"),
            "places": _places(one["sources"]),
            "asks": [points()[name].question for name in one["missing"]],
        }
        found.setdefault(one["section"], []).append(shown)
    return found


def _places(sources: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say where an answer comes from: each file once, with its keys; each person by themselves."""
    keys: dict[str, list[str]] = {}
    people = []
    for told in sources:
        one = Source(**told)
        if one.written_by:
            people.append(one.sentence())
        else:
            key = f"{one.key or 'the whole file'}{' (worked out)' if one.computed else ''}"
            keys.setdefault(one.file, []).append(key)
    files = [f"{file}: {', '.join(dict.fromkeys(some))}" for file, some in keys.items()]
    return [*files, *dict.fromkeys(people)]


def _subgroups(told: Mapping[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for name, tables in told.items():
        yield name, [_table(title, parts) for title, parts in tables.items()]


def _table(title: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    keys = list(next(iter(parts.values()))["measures"])
    return {
        "title": title,
        "heads": [METRICS[key].title for key in keys],
        "rows": [
            {
                "name": name,
                "n": one["n"],
                "groups": one["groups"],
                "few": one["too_few_to_say"],
                "cells": [_cell(one["measures"][key], one["too_few_to_say"]) for key in keys],
            }
            for name, one in parts.items()
        ],
    }


def _cell(told: Mapping[str, Any], few: bool) -> tuple[str, str]:
    """Write a measure's value, and its interval and n, unless it speaks of too few images."""
    measure = measure_from_json(told)
    if few or 0 < measure.n < FEW_IMAGES:
        return FEW, ""
    if isinstance(measure, Undefined):
        return "\N{EN DASH}", measure.why
    value, _, ends = said(measure).partition(" ")
    return value, f"{ends}, n\N{NO-BREAK SPACE}{measure.n}"
