"""Measures as text and as places on a scale, for the tables of a page.

Takes   a measure: an estimate with its interval, or the reason why there is none
Gives   three digits after the point, and percentages of the scale's width
Never   rounds a number that a program reads: `exact` keeps it whole
"""

from __future__ import annotations

from dataclasses import dataclass

from papscope.evaluate.intervals import Estimate, Measure
from papscope.evaluate.summary import METRICS


@dataclass(frozen=True, slots=True)
class Shown:
    """One measure, ready for a table's row."""

    key: str
    title: str
    meaning: str
    n: int
    value: str = ""
    """Three digits after the point; empty where undefined."""
    exact: str = ""
    """All digits, for `<data value>`."""
    low: str = ""
    high: str = ""
    start: float = 0.0
    """Where the interval begins on a scale from 0 to 1, in percent of its width; so the others."""
    dot: float = 0.0
    end: float = 0.0
    why: str = ""
    """Why there is no value; empty where there is one."""


def plain(number: float) -> str:
    r"""Write a number with three digits and a true minus sign.

    >>> plain(0.98765), plain(-0.25) == "\N{MINUS SIGN}0.250", plain(-0.0001)
    ('0.988', True, '0.000')
    """
    text = f"{number:.3f}"
    return text.removeprefix("-") if text == "-0.000" else text.replace("-", "\N{MINUS SIGN}")


def signed(number: float) -> str:
    """Write a number with its sign.

    >>> signed(0.25), signed(-0.0001)
    ('+0.250', '0.000')
    """
    text = plain(number)
    return f"+{text}" if text[0].isdigit() and text != "0.000" else text


def shown(key: str, measure: Measure) -> Shown:
    """Write a measure.

    >>> one = shown("accuracy", Estimate(0.5, 0.25, 0.75, 8))
    >>> (one.value, one.low, one.high, one.start, one.dot, one.end)
    ('0.500', '0.250', '0.750', 25.0, 50.0, 75.0)
    """
    metric = METRICS[key]
    return titled(key, metric.title, metric.meaning, measure)


def titled(key: str, title: str, meaning: str, measure: Measure) -> Shown:
    """Write a measure that is not in `METRICS`.

    Args:
        key: names it on the page.
        title: what it is called.
        meaning: one sentence; may be empty.
        measure: itself.
    """
    if not isinstance(measure, Estimate):
        return Shown(key, title, meaning, measure.n, why=measure.why)
    start, dot, end = (
        round(100 * min(1.0, max(0.0, number)), 2)
        for number in (measure.low, measure.value, measure.high)
    )
    return Shown(
        key,
        title,
        meaning,
        measure.n,
        value=plain(measure.value),
        exact=repr(float(measure.value)),
        low=plain(measure.low),
        high=plain(measure.high),
        start=start,
        dot=dot,
        end=end,
    )
