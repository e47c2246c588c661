"""What a bundle's card says of its gate.

Takes   a card in Markdown, and what the bundle tells of its gate
Gives   the card with a section on it
Never   promises that what passes is answered rightly
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HEADING = "## Unlike anything seen"


def gate_section(gate: Mapping[str, Any]) -> str:
    """Word a gate as a section of a card.

    Args:
        gate: as a bundle carries it.

    >>> told = {"accept": 0.95, "cells": 10, "fitted_on": "9 cells", "detectors": {"looks": []}}
    >>> gate_section(told).splitlines()[2][:64]
    'A picture that is unlike anything learned from is for a person: '
    """
    by = ", ".join(gate.get("detectors", {}))
    return (
        f"{HEADING}\n\nA picture that is unlike anything learned from is for a person: its class "
        f"and its\nprobability say nothing. The gate ({by}) rests on {gate.get('cells', '?')} "
        f"training cells and lets {gate.get('accept', 0):.0%}\nof the genuine cells of a new group "
        f"pass; its threshold was set by {gate.get('fitted_on', 'cells not named')}.\nThat a "
        "picture passes does not say that its answer is right."
    )


def with_gate(text: str, gate: Mapping[str, Any]) -> str:
    r"""Put a gate's section into a card, in the place of an older one or at its end.

    >>> old = "# M\n\n## Unlike anything seen\n\nOld.\n\n## Data\n\nMine.\n"
    >>> new = with_gate(old, {"accept": 0.9})
    >>> "Old." in new, new.endswith("\n\n## Data\n\nMine.\n")
    (False, True)
    """
    section = gate_section(gate)
    head, found, rest = text.partition(f"{HEADING}\n")
    if not found:
        return f"{text.rstrip()}\n\n{section}\n".lstrip()
    _, more, tail = rest.partition("\n## ")
    return f"{head}{section}\n" + (f"\n## {tail}" if more else "")
