"""Numbers and verdicts as a report words them, the same in all its forms.

Takes   numbers, times, and verdicts
Gives   short text
Never   rounds a probability to a certainty
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from papscope.serve.agreement import Pair
from papscope.serve.kappa import Estimate
from papscope.serve.referral import UNLIKE_SAID, in_short
from papscope.serve.shown import ShownAnswer, ShownVerdict

_SHOWN = 3
"""Of a picture's probabilities."""


def chance(value: float) -> str:
    """Word a probability.

    >>> chance(0.9996), chance(0.123), chance(0.0002)
    ('> 0.999', '0.123', '< 0.001')
    """
    if value > 0.9995:
        return "> 0.999"
    return "< 0.001" if value < 0.0005 else f"{value:.3f}"


def likeliest(probabilities: Mapping[str, float]) -> str:
    """Word the likeliest classes.

    >>> likeliest({"NILM": 0.2, "LSIL": 0.7, "HSIL": 0.1, "SCC": 0.0})
    'LSIL 0.700, NILM 0.200, HSIL 0.100'
    """
    ranked = sorted(probabilities.items(), key=lambda one: -one[1])[:_SHOWN]
    return ", ".join(f"{name} {chance(value)}" for name, value in ranked)


def label(answer: ShownAnswer) -> str:
    """Word what the model says: never a class where the picture is unlike all that it knows."""
    said = f"{answer.label} {chance(answer.probability)}"
    return f"{UNLIKE_SAID}; no class (it would say {said})" if answer.unlike else said


def rules(answer: ShownAnswer) -> tuple[str, ...]:
    """Word what the model's rules make of an answer; nothing where it has none."""
    found = []
    if answer.labels is not None:
        found.append(f"set: {' or '.join(answer.labels) or 'none of its classes'}")
    if answer.refer is not None:
        found.append(
            f"for a person: {in_short(answer.refer)}" if answer.refer else "set aside by the rule"
        )
    return tuple(found)


def verdict(one: ShownVerdict) -> str:
    """Word a verdict."""
    said = {
        "agree": f"agrees: {one.label}",
        "correct": f"says {one.label}",
        "unsure": "cannot tell",
    }[one.kind]
    return f"{one.reader} {said}{' (had seen others)' if one.informed else ''}, {day(one.given_at)}"


def day(moment: datetime) -> str:
    """Word a day, in UTC."""
    return f"{moment:%Y-%m-%d}"


def minute(moment: datetime) -> str:
    """Word a moment, in UTC."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def days(first: datetime, last: datetime) -> str:
    """Word the time between two moments."""
    return day(first) if day(first) == day(last) else f"{day(first)} to {day(last)}"


def estimate(one: Estimate | None, why: str | None) -> str:
    """Word a number with its interval, or why it does not exist.

    >>> estimate(Estimate(0.5, 0.25, 0.75, 12), None)
    '0.50 (0.25 to 0.75)'
    >>> estimate(None, "no picture was read by both")
    'not defined: no picture was read by both'
    """
    if one is None:
        return f"not defined: {why or 'too few pictures'}"
    if one.low is None or one.high is None:
        return f"{one.value:.2f} (no interval: {why or 'too few pictures'})"
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"


def pair(one: Pair) -> tuple[str, str, str, str, str]:
    """Word two readers' agreement: who, n, share, kappa, weighted kappa."""
    left_out = f", {one.unsure} left out: cannot tell" if one.unsure else ""
    return (
        f"{one.first} and {one.second}",
        f"{one.n}{left_out}",
        estimate(one.agreement, one.why.get("agreement")),
        estimate(one.kappa, one.why.get("kappa")),
        estimate(one.weighted_kappa, one.why.get("weighted_kappa")),
    )
