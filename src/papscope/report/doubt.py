"""What a model may be left to do alone, as the section of a page.

Takes   what `evaluate.alone` measured
Gives   sentences, rows of tables and a picture, by the names that the template uses
Never   measures, or words a promise that the bundle does not make
"""

from __future__ import annotations

from typing import Any

from papscope.evaluate.alone import Alone
from papscope.evaluate.coverage import REFERRAL_TITLES, SET_TITLES
from papscope.report.curves import risk_svg
from papscope.report.numbers import Shown, plain, titled


def doubt(alone: Alone) -> dict[str, Any]:
    """Gather the section's content.

    Args:
        alone: of the scores that the page is of.
    """
    return {
        "aside": [_first_up(one.sentence()) for one in alone.aside],
        "risk": risk_svg("risk-coverage", alone.risk.curve),
        "risks": [
            titled(f"risk-{at:g}", f"{at:.0%} surest", "", one)
            for at, one in alone.risk.risks.items()
        ],
        "area": titled("risk-area", "Mean over all coverages", "", alone.risk.area),
        "promised": f"{alone.sets.promised:.0%}" if alone.sets else "",
        "sets": _sets(alone),
        "referral": _referral(alone),
        "by_chance": plain(alone.error_by_chance),
    }


def _first_up(sentence: str) -> str:
    return f"{sentence[0].upper()}{sentence[1:]}."


def _sets(alone: Alone) -> list[Shown]:
    if alone.sets is None:
        return []
    found = [
        titled(f"sets-{key}", title, "", getattr(alone.sets, key))
        for key, title in SET_TITLES.items()
    ]
    each = alone.sets.per_class.items()
    return found + [
        titled(f"sets-of-{name}", f"Class in the set, {name}", "", one) for name, one in each
    ]


def _referral(alone: Alone) -> list[Shown]:
    if alone.referral is None:
        return []
    return [
        titled(f"referral-{key}", title, "", getattr(alone.referral, key))
        for key, title in REFERRAL_TITLES.items()
    ]
