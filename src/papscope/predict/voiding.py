"""What answering over other orientations than the bundle says does to what was fitted for it.

Takes   a bundle's description, and what was asked
Gives   the reason for which every cell is then for a person, and a warning
Never   changes an answer
"""

from __future__ import annotations

import warnings

from papscope.description import Description
from papscope.rules import OTHERWISE


class OtherOrientations(UserWarning):
    """What was fitted for one way of answering is used for another."""


def voided(about: Description, asked: bool | None) -> tuple[str, ...]:
    """Give the reasons that then hold for every cell, and warn of them; nothing where all is kept.

    Args:
        about: of the bundle, as it was written.
        asked: whether to answer over all orientations; None as the bundle says.
    """
    fitted = [
        name
        for name, there in (
            ("calibration", about.calibration),
            ("prediction sets and thresholds", about.rules),
            ("gate", about.gate),
        )
        if there
    ]
    if asked is None or asked == about.orientations or not fitted:
        return ()
    way = "with" if about.orientations else "without"
    ends = ": every cell is for a person" if about.rules else ""
    warnings.warn(
        f"the bundle's {', '.join(fitted)} were fitted for answers {way} the mean over "
        f"orientations, and promise nothing for these{ends}",
        OtherOrientations,
        stacklevel=3,
    )
    return (OTHERWISE,)
