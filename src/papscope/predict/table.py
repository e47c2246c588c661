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

from papscope.predict.predictor import Prediction
from papscope.taxonomy import GRADED

Format = Literal["table", "csv", "jsonl"]

Lines: TypeAlias = Iterator[str]

_WIDEST_NAME = 60


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
        yield json.dumps(content, allow_nan=False, ensure_ascii=False) + "\n"


def _csv(predictions: Iterable[Prediction], layout: Layout) -> Lines:
    chances = [f"p:{name}" for name in layout.classes]
    grades = ["grade", *(f"g:{name}" for name in GRADED)] if layout.graded else []
    yield _row(["source", "label", "probability", "abnormal", *chances, *grades])
    for one in predictions:
        answer = one.answer
        numbers = [repr(answer.probabilities[name]) for name in layout.classes]
        ill = "" if answer.abnormal is None else repr(answer.abnormal)
        grades = [repr(number) for number in (answer.grades or {}).values()]
        graded = [answer.grade or "", *grades] if layout.graded else []
        yield _row([one.source, answer.label, repr(answer.probability), ill, *numbers, *graded])


def _row(cells: Sequence[str]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _table(predictions: Iterable[Prediction], layout: Layout) -> Lines:
    name_width = max(6, min(layout.longest, _WIDEST_NAME))
    label_width = max(5, *(len(name) for name in layout.classes))
    used = name_width + label_width + 2 + 2 * len("  probability")
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
        return f"{name:<{name_width}}  {label:<{label_width}}{main}{rest}\n"

    yield line("source", "class", ["probability", "abnormal"], shown)
    for one in predictions:
        answer = one.answer
        ill = "-" if answer.abnormal is None else f"{answer.abnormal:.3f}"
        told = {name: f"{number:.3f}" for name, number in answer.probabilities.items()}
        others = [(answer.grade or "-") if name in grade else told[name] for name in shown]
        yield line(one.source, answer.label, [f"{answer.probability:.3f}", ill], others)


def _room(titles: Iterable[str]) -> int:
    return sum(2 + max(5, len(title)) for title in titles)
