"""Predictions as lines of text: for people, for spreadsheets, and for programs.

Takes   predictions, one after the other
Gives   lines, each as soon as its prediction is there
Never   rounds what a program reads, or waits for the last prediction before the first line
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from papscope.decision import Answer
from papscope.predict.predictor import Prediction
from papscope.rules import UNLIKE
from papscope.taxonomy import GRADED

Format = Literal["table", "csv", "jsonl"]

Lines: TypeAlias = Iterator[str]

_WIDEST_NAME = 60

UNLIKE_SAID = "unlike anything seen"
"""What people read in the place of the class of a picture that does not pass the bundle's gate."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a table must know before its first line."""

    classes: tuple[str, ...]
    width: int
    """Of the terminal, in characters; classes that do not fit are left out."""
    longest: int
    """Characters of the longest name."""
    graded: bool = False
    """Whether the model tells the four grades too."""
    sets: bool = False
    """Whether it tells prediction sets."""
    refers: bool = False
    """Whether it says which cells a person must see."""
    gated: bool = False
    """Whether it tells pictures that are unlike all that it learned from."""

    @property
    def ruled(self) -> tuple[str, ...]:
        """The names of the columns that the model's rules ask for."""
        asked = (("labels", self.sets), ("refer", self.refers or self.gated))
        return tuple(name for name, wanted in asked if wanted)


def lines(predictions: Iterable[Prediction], form: Format, layout: Layout) -> Lines:
    """Give predictions as lines, each with its line end."""
    makers: dict[Format, Callable[[Iterable[Prediction], Layout], Lines]] = {
        "table": _table,
        "csv": _csv,
        "jsonl": _jsonl,
    }
    return makers[form](predictions, layout)


def _jsonl(predictions: Iterable[Prediction], _: Layout) -> Lines:
    for one in predictions:
        content = {
            "source": one.source,
            "label": one.answer.label,
            "probability": one.answer.probability,
            "abnormal": one.answer.abnormal,
            "probabilities": dict(one.answer.probabilities),
        }
        if one.answer.grades is not None:
            content |= {"grade": one.answer.grade, "grades": dict(one.answer.grades)}
        content |= {name: list(found) for name, found in _ruled(one.answer).items()}
        if one.answer.strangeness is not None:
            content |= {"strangeness": one.answer.strangeness}
        yield json.dumps(content, allow_nan=False, ensure_ascii=False) + "\n"


def _csv(predictions: Iterable[Prediction], layout: Layout) -> Lines:
    chances = [f"p:{name}" for name in layout.classes]
    grades = ["grade", *(f"g:{name}" for name in GRADED)] if layout.graded else []
    ruled = layout.ruled
    gated = ["strangeness"] if layout.gated else []
    yield _row(["source", "label", "probability", "abnormal", *chances, *grades, *ruled, *gated])
    for one in predictions:
        answer = one.answer
        numbers = [repr(answer.probabilities[name]) for name in layout.classes]
        ill = "" if answer.abnormal is None else repr(answer.abnormal)
        grades = [repr(number) for number in (answer.grades or {}).values()]
        graded = [answer.grade or "", *grades] if layout.graded else []
        told = _ruled(answer)
        joined = ["|".join(told.get(name, ())) for name in ruled]
        odd = ["" if answer.strangeness is None else repr(answer.strangeness)] if gated else []
        chance = repr(answer.probability)
        yield _row([one.source, answer.label, chance, ill, *numbers, *graded, *joined, *odd])


def _ruled(answer: Answer) -> dict[str, tuple[str, ...]]:
    """Give what the model's rules make of an answer, by column."""
    every = {"labels": answer.labels, "refer": answer.refer}
    return {name: one for name, one in every.items() if one is not None}


def _row(cells: Sequence[str]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _table(predictions: Iterable[Prediction], layout: Layout) -> Lines:
    name_width = max(6, min(layout.longest, _WIDEST_NAME))
    unlike = (UNLIKE_SAID,) if layout.gated else ()
    label_width = max(5, *(len(name) for name in (*layout.classes, *unlike)))
    used = name_width + label_width + 2 + 2 * len("  probability") + _ruled_room(layout)
    grade = ("grade",) if layout.graded else ()
    # The widest choice of further columns that the terminal has room for.
    shown = next(
        (some for some in ((*grade, *layout.classes), grade) if used + _room(some) <= layout.width),
        (),
    )

    def line(name: str, label: str, numbers: Sequence[str], others: Sequence[str]) -> str:
        main = "".join(f"  {number:>11}" for number in numbers)
        rest = "".join(
            f"  {text:>{_room([title]) - 2}}" for title, text in zip(shown, others, strict=True)
        )
        return f"{name:<{name_width}}  {label:<{label_width}}{main}{rest}"

    head = line("source", "class", ["probability", "abnormal"], shown)
    yield head + _tail(layout, "refer", "set") + "\n"
    for one in predictions:
        answer = one.answer
        if UNLIKE in (answer.refer or ()):  # then no number says anything
            tail = _tail(layout, "yes", "-")
            yield line(one.source, UNLIKE_SAID, ["-"] * 2, ["-"] * len(shown)) + tail + "\n"
            continue
        ill = "-" if answer.abnormal is None else f"{answer.abnormal:.3f}"
        told = {name: f"{number:.3f}" for name, number in answer.probabilities.items()}
        others = [(answer.grade or "-") if name in grade else told[name] for name in shown]
        refer = "yes" if answer.refer else "no"
        tail = _tail(layout, refer, " ".join(answer.labels or ()) or "(none)")
        numbers = [f"{answer.probability:.3f}", ill]
        yield line(one.source, answer.label, numbers, others) + tail + "\n"


def _tail(layout: Layout, refer: str, labels: str) -> str:
    """Give what the model's rules add to a line: the set comes last, as its length varies."""
    first = f"  {refer:>5}" if layout.refers else ""
    return first + (f"  {labels}" if layout.sets else "")


def _ruled_room(layout: Layout) -> int:
    """Keep room for what the rules add, and for a set of two classes."""
    names = sorted(map(len, layout.classes))[-2:]
    return (7 if layout.refers else 0) + (2 + sum(names) + 1 if layout.sets else 0)


def _room(titles: Iterable[str]) -> int:
    return sum(2 + max(5, len(title)) for title in titles)
