"""What a model's rules promise, in sentences.

Takes   the rules and calibration that a bundle carries
Gives   sentences: what is promised, what it was fitted on, and what it does not hold for
Never   promises more than was fitted
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from papscope.description import Description
from papscope.rules import REASONS

NONE = (
    "It carries no rules: it never says that a person must look, nor among which classes it doubts."
)

BOUNDS = (
    "A promise is kept on the average of new groups like those that it was fitted on, not in each "
    "group, and not for another laboratory. It tells of single cells and of no slide."
)


_MARKS = ("n", "groups", "fitted_on")
"""Of what rules were fitted on; they are no rules."""


def rules_of(about: Description) -> tuple[str, ...]:
    """Name the rules that a model carries, in a few words each; nothing where it has none."""
    titles = {"sets": "sets of classes", "refer": "a threshold for abnormal"}
    found = [titles.get(one, one) for one in sorted(about.rules) if one not in _MARKS]
    return (*found, "what is unlike anything seen") if about.gate else tuple(found)


def promises(about: Description) -> tuple[str, ...]:
    """Say what a model's rules promise; one sentence that says so where it has none."""
    told = about.rules
    found = [*_of_sets(told), *_of_referral(told), *_of_gate(about.gate)]
    others = sorted(set(told) - {"sets", "refer", *_MARKS})
    if not found and not others:
        return (NONE,)
    found += [f"Another rule: {REASONS.get(one, one)}." for one in others]
    if told.get("fitted_on"):
        found.append(f"Fitted on {told['fitted_on']}.")
    return (*found, BOUNDS)


def _of_gate(told: Mapping[str, Any]) -> Iterator[str]:
    if not told:
        return
    share = f"{told['accept']:.0%} of" if "accept" in told else "most"
    on = f", fitted on {told['n']} cells in {told['groups']} groups" if "n" in told else ""
    yield (
        "A picture that is unlike all that it learned from is left for a person and has no class; "
        f"{share} genuine cells of a new group pass{on}."
    )


def _of_sets(told: Mapping[str, Any]) -> Iterator[str]:
    if "sets" not in told:
        return
    sets = told["sets"]
    whose = "cells of each class" if sets.get("by") == "class" else "cells"
    unsure = ", ".join(sets.get("without_promise", ()))
    but = f", but for {unsure}, which too few groups show" if unsure else ""
    yield (
        f"Its set of classes holds the right class for {sets['coverage']:.0%} of the {whose} of a "
        f"new group{but}."
    )


def _of_referral(told: Mapping[str, Any]) -> Iterator[str]:
    if "refer" in told:
        one = told["refer"]
        yield (
            f"{one['sensitivity']:.0%} of the abnormal cells of a new group are left for a person: "
            f"those whose abnormal classes together reach {one['abnormal']:.3f}."
        )
        yield (
            f"{1 - one['sensitivity']:.0%} of the abnormal cells may thus be among those that this "
            "threshold sets aside."
        )
    elif "sets" in told:
        yield (
            "It promises of no share of the abnormal cells that a person sees them: too few groups "
            "show any."
        )
