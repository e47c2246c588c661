"""A summary, or a comparison, as tables for a terminal of 80 columns.

Takes   a `Summary`, or a `Comparison`
Gives   rich tables and lines of text, to be printed by whoever has a terminal
Never   prints, or rounds what is stored
"""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.table import Table
from rich.text import Text

from papscope.evaluate.compare import MEASURES, Comparison
from papscope.evaluate.intervals import LEVEL, Estimate, Measure, Undefined
from papscope.evaluate.summary import CLASS_KEYS, METRICS, OVERALL_KEYS, Summary


def said(measure: Measure, digits: int = 3) -> str:
    """Word a measure: its value and interval, or that it is undefined and why.

    >>> said(Estimate(0.5, 0.25, 0.75, 4))
    '0.500 [0.250, 0.750]'
    """
    if isinstance(measure, Estimate):
        value, low, high = (
            f"{end:.{digits}f}" for end in (measure.value, measure.low, measure.high)
        )
        return f"{value} [{low}, {high}]"
    return f"undefined: {measure.why}"


def overall_table(summary: Summary) -> Table:
    """Show the measures of all classes together."""
    title = f"{summary.n} images from {summary.groups} groups"
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("measure")
    table.add_column(f"value [{summary.level:.0%} interval]")
    table.add_column("n", justify="right")
    for key in OVERALL_KEYS:
        measure = summary.overall[key]
        table.add_row(METRICS[key].title, Text(said(measure)), str(measure.n))
    return table


def class_table(summary: Summary) -> Table:
    """Show the measures of each class, the interval below the value."""
    table = Table(title="Each class", box=box.SIMPLE, title_justify="left", show_lines=False)
    table.add_column("class\nimages, groups")
    for key in CLASS_KEYS:
        table.add_column(METRICS[key].title, justify="right")
    for name, one in summary.per_class.items():
        support = one["support"]
        cells = [_two_lines(one[key]) for key in CLASS_KEYS]
        table.add_row(Text(f"{name}\n{support['n']}, {support['groups']}"), *cells)
    return table


def _two_lines(measure: Measure) -> Text:
    if isinstance(measure, Estimate):
        return Text(f"{measure.value:.2f}\n{measure.low:.2f}-{measure.high:.2f}")
    return Text("undefined", style="dim")


def confusion_table(summary: Summary) -> Table:
    """Show the confusion matrix: rows the truth, columns what was called, by number."""
    table = Table(
        title="Confusion matrix",
        box=box.SIMPLE_HEAD,
        title_justify="left",
    )
    table.add_column("truth / called")
    for place in range(len(summary.classes)):
        table.add_column(str(place + 1), justify="right")
    for place, one in enumerate(summary.classes):
        row = summary.confusion[place]
        cells = [Text(str(n), style="bold" if k == place else "") for k, n in enumerate(row)]
        table.add_row(Text(f"{place + 1} {one.name}"), *cells)
    return table


def comparison_table(found: Comparison, a: str, b: str) -> Table:
    """Show every measure of two models, the difference and its interval.

    Args:
        found: what was compared.
        a: what to call the first model.
        b: what to call the second.
    """
    title = f"{found.n} images from {found.groups} groups"
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("measure")
    for name in (a, b):
        table.add_column(Text(name), justify="right")
    table.add_column(f"difference [{LEVEL:.0%} interval]", no_wrap=True)
    table.add_column(Text(f"{b} better"), justify="right", no_wrap=True)
    for key, metric in MEASURES.items():
        one = found.measures[key]
        if isinstance(one, Undefined):
            table.add_row(metric.title, "", "", Text(f"undefined: {one.why}"), "")
            continue
        gap = one.difference
        told = f"{gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"
        style = "bold" if one.better else ""
        better = f"{one.b_better:.1%}"
        table.add_row(metric.title, f"{one.a:.3f}", f"{one.b:.3f}", Text(told, style=style), better)
    return table


def notes(summary: Summary) -> Iterator[str]:
    """Give the map of normal and abnormal, what each undefined measure lacks, and the warnings."""
    if summary.sides:
        for side in ("normal", "abnormal"):
            names = [name for name, found in summary.sides.items() if found == side]
            yield f"{side}: {', '.join(names)}"
        yield "an image is called abnormal when the class it is called is on that side"
    for name, one in summary.per_class.items():
        for key in CLASS_KEYS:
            measure = one[key]
            if not isinstance(measure, Estimate):
                yield f"{METRICS[key].title} of {name} is {said(measure)}"
    for warning in summary.warnings:
        yield f"warning: {warning}"
