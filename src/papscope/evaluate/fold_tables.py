"""A cross-validation as tables for a terminal: each fold, the repeats, the choices, the leak.

Takes   what is told of a cross-validation
Gives   rich tables, to be printed by whoever has a terminal
Never   prints, or shows a leaking number without its stamp
"""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.table import Table
from rich.text import Text

from papscope.evaluate.compare import MEASURES, Compared
from papscope.evaluate.folds import SHOWN, FoldsTold
from papscope.evaluate.intervals import LEVEL, Estimate, Measure
from papscope.evaluate.summary import METRICS, Summary
from papscope.evaluate.tables import said

_HEADS = {"accuracy": "accuracy", "macro_f1": "macro F1", "abnormal_auroc": "abn. AUROC"}


def fold_tables(told: FoldsTold, honest: Summary) -> Iterator[Table]:
    """Give every table that there is something to show in.

    Args:
        told: of the cross-validation.
        honest: the measures of the first repeat, all folds together.
    """
    yield _folds(told)
    if told.spread:
        yield _repeats(told)
    if told.candidates:
        yield _choices(told)
    if told.leak:
        yield _leak(told, honest)


def _table(title: str) -> Table:
    return Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")


def _short(measure: Measure) -> str:
    return f"{measure.value:.3f}" if isinstance(measure, Estimate) else "undefined"


def _folds(told: FoldsTold) -> Table:
    many = len(told.repeats) > 1
    table = _table("Each fold")
    for name in (*(("repeat",) if many else ()), "fold", "images", "groups"):
        table.add_column(name, justify="right")
    for key in SHOWN:
        table.add_column(_HEADS[key], justify="right", no_wrap=True)
    table.add_column("epoch", justify="right")
    if told.candidates:
        table.add_column("chosen")
    for repeat, lines in enumerate(told.repeats, start=1):
        for one in lines:
            first = (str(repeat),) if many else ()
            chosen = (Text(one.choice.name),) if one.choice else ()
            counts = (str(one.fold), str(one.n), str(one.groups))
            measures = (_short(one.measures[key]) for key in SHOWN)
            table.add_row(*first, *counts, *measures, f"{one.kept_epoch}/{one.epochs}", *chosen)
    return table


def _repeats(told: FoldsTold) -> Table:
    table = _table(f"{len(told.seeds)} repeats, with seeds {told.seeds[0]} to {told.seeds[-1]}")
    table.add_column("measure")
    table.add_column(f"mean [{LEVEL:.0%} interval]")
    table.add_column("deviation", justify="right")
    table.add_column("each")
    for key, one in (told.spread or {}).items():
        each = " ".join(f"{value:.3f}" for value in one.values)
        table.add_row(METRICS[key].title, Text(said(one.mean)), f"{one.deviation:.3f}", each)
    return table


def _choices(told: FoldsTold) -> Table:
    """Show each candidate's mean over the inner folds; the chosen one's is bold."""
    first = told.repeats[0][0].choice
    table = _table(f"Choice by mean {first.by if first else ''}")
    table.add_column("repeat", justify="right")
    table.add_column("fold", justify="right")
    for name in told.candidates:
        table.add_column(Text(name), justify="right")
    for repeat, lines in enumerate(told.repeats, start=1):
        for one in lines:
            if one.choice:
                chosen = one.choice.name
                means = [
                    Text(f"{each.mean:.3f}", style="bold" if each.name == chosen else "")
                    for each in one.choice.tried
                ]
                table.add_row(str(repeat), str(one.fold), *means)
    return table


def _leak(told: FoldsTold, honest: Summary) -> Table:
    assert told.leak is not None
    table = _table("Honest and leaky, on the same images")
    table.add_column("measure")
    table.add_column("honest")
    table.add_column(Text("by image: LEAKS", style="bold red"))
    table.add_column(f"inflation [{LEVEL:.0%} interval]", no_wrap=True)
    for key, one in told.leak.inflation.measures.items():
        if isinstance(one, Compared) and key in METRICS:
            gap = one.difference
            table.add_row(
                MEASURES[key].title,
                _short(honest.overall[key]),
                Text(_short(told.leak.leaky.overall[key]), style="red"),
                Text(f"{gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"),
            )
    return table
