"""A leak audit as one HTML file: the verdict, then what it rests on, with pictures.

Takes   an audit of a split, and what the leak was measured to be worth, if it was
Gives   a page that needs nothing else: no network, no other file, no script
Never   says clean without saying what could not be seen; shows an unbounded number of pictures
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from papscope import __version__
from papscope.checks.across import FOLDS, Link, Side
from papscope.checks.leaks import PART_WORDS, Audit, counted_parts
from papscope.checks.ties import KINDS
from papscope.evaluate.compare import MEASURES, Compared
from papscope.evaluate.inflation import TOLD, Inflation
from papscope.files import write_text
from papscope.manifest import Row
from papscope.progress import Tell, silent
from papscope.report.numbers import plain, signed
from papscope.report.page import environment
from papscope.report.thumbs import Thumb, both_crops, thumb

MOST_SHOWN = 6
"""Pairs of one kind that are shown; the JSON form names all images concerned."""


@dataclass(frozen=True, slots=True)
class Example:
    """An image and its relative, side by side."""

    image: Thumb
    relative: Thumb
    image_part: str
    relative_part: str
    what: str
    both: str | None
    """Both crops where they lie in their picture, as a data URI; None where they are not crops."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """One kind of tie: how much of it crosses, and examples."""

    name: str
    title: str
    means: str
    certain: bool
    cells: tuple[tuple[int, int], ...]
    """Of each side: images concerned, and ties."""
    examples: tuple[Example, ...]


def write_leak_page(
    path: Path,
    audit: Audit,
    inflation: Inflation | None = None,
    *,
    command: str = "",
    tell: Tell = silent,
) -> Path:
    """Write the page in one step; the same audit and images give the same bytes.

    Args:
        path: of the HTML file.
        audit: what was found; its images are read again for small pictures, a few of each kind.
        inflation: what the leak is worth; None where it was not measured.
        command: that made it, without `--measure`; shown so that it can be given again.
        tell: told as kinds of ties are drawn.

    Returns:
        The path.

    Raises:
        DiskError: the disk is full, or the place cannot be written.
    """
    crossing = []
    for done, kind in enumerate(KINDS, start=1):
        crossing.append(_crossing(audit, kind))
        tell("drawing examples", done, len(KINDS))
    context = {
        "audit": audit,
        "title": audit.manifest.dataset,
        "parts": counted_parts(audit),
        "headline": [_headline(side) for side in audit.sides],
        "heads": [head(side) for side in audit.sides],
        "crossing": crossing,
        "found": [one for one in crossing if one.examples],
        "crosses": {one.name for one in crossing if one.examples},
        "strict": any(row.strict_group for row in audit.manifest.rows),
        "inflation": inflation,
        "worth": _worth(inflation) if inflation else "",
        "measured": _measured(inflation) if inflation else [],
        "command": command or "papscope audit-split MANIFEST.csv --split SPLIT.csv",
        "version": __version__,
    }
    write_text(path, environment().get_template("leaks.html.j2").render(context))
    return path


def head(side: Side) -> str:
    """Name a pair of parts: `test images with a relative in training`."""
    if side.judged == FOLDS:
        return "images with a relative in another fold"
    return f"{PART_WORDS[side.judged]} images with a relative in {PART_WORDS[side.learned]}"


def _headline(side: Side) -> dict[str, Any]:
    certain, doubtful = len(side.certain), len(side.doubtful)
    told = f"{certain} of {side.images}"
    if doubtful:
        told += f"; {doubtful} more may have one"
    share = certain / side.images if side.images else 0.0
    below = 0 < share < 0.005
    return {"title": head(side), "share": "<1" if below else f"{100 * share:.0f}", "told": told}


def _crossing(audit: Audit, kind: str) -> Crossing:
    one = KINDS[kind]
    side = next((side for side in audit.sides if side.links[kind]), audit.sides[0])
    means = one.means.replace("{group}", audit.manifest.group_is)
    cells = tuple((len(each.links[kind]), each.ties[kind]) for each in audit.sides)
    chosen = _chosen(audit, side.links[kind])
    examples = tuple(_example(audit, side, *pair) for pair in chosen)
    return Crossing(kind, one.title, means, one.certain, cells, examples)


def _chosen(audit: Audit, links: tuple[Link, ...]) -> list[tuple[Row, Row, Link]]:
    """Choose the links that tell most, from as many files as possible."""
    rows = {row.id: row for row in audit.manifest.rows}
    met: set[str] = set()
    found = []
    for link in sorted(links, key=lambda link: -link.weight):
        one, other = rows[link.image], rows[link.relative]
        if str(other.path) in met:
            continue
        met.add(str(other.path))
        found.append((one, other, link))
        if len(found) == MOST_SHOWN:
            break
    return found


def _example(audit: Audit, side: Side, one: Row, other: Row, link: Link) -> Example:
    part_of = audit.given.split.part_of
    words = {**PART_WORDS, **{part: f"fold {part}" for part in audit.given.split.parts}}
    words.update({part: word for part, word in PART_WORDS.items() if side.judged != FOLDS})
    learned = part_of[other.id] if side.learned == FOLDS else side.learned
    return Example(
        image=thumb(audit.manifest, one),
        relative=thumb(audit.manifest, other),
        image_part=words[part_of[one.id]],
        relative_part=words[learned],
        what=link.what,
        both=both_crops(audit.manifest, one, other),
    )


def _worth(inflation: Inflation) -> str:
    told = [inflation.sentence(key) for key in TOLD if key in inflation.measures]
    return " ".join(f"{one[0].upper()}{one[1:]}." for one in told)


def _measured(inflation: Inflation) -> list[dict[str, str]]:
    rows = []
    for key, one in inflation.measures.items():
        if isinstance(one, Compared):
            gap = one.difference
            rows.append(
                {
                    "title": MEASURES[key].title,
                    "note": "less is better" if one.lower_is_better else "",
                    "given": plain(one.b),
                    "clean": plain(one.a),
                    "gap": signed(gap.value),
                    "low": signed(gap.low),
                    "high": signed(gap.high),
                }
            )
    return rows
