"""What every report says, whatever is in it.

Takes   nothing
Gives   sentences
Never   speaks of a slide or a patient but to say that nothing is said of them
"""

from __future__ import annotations

RESEARCH = "Research use only. Not a medical device."
"""Stands on each page."""

INTENDED_USE = (
    "This report shows what a computer model said of single pictures of cells, and what people who "
    "read them said, for research and for teaching.",
    "Nobody may decide about a patient by it. It says nothing of the slide that the pictures come "
    "from, nor of a person: numbers of pictures in a class are numbers of pictures, and somebody "
    "chose which pictures are here.",
)

LIMITS = (
    "Cells that are not in these pictures were not seen. Whether a slide is adequate, its "
    "background, the architecture of its cells, and the rare cell among fifty thousand are out of "
    "view.",
    "Pictures that the model calls normal exclude nothing; a single one that it calls abnormal "
    "finds nothing.",
    "The model always answers with one of its classes, for a picture of no cell too. It has no "
    "name for glandular lesions, infections, or anything else that is none of its classes.",
    "Another stain, microscope, scale or preparation than that of the pictures it learned from can "
    "cost most of its accuracy, without a sign.",
    "A probability is the model's own, calibrated at best on pictures like those it learned from. "
    "The order of the gallery is the model's, and a cell that it takes for harmless stands last.",
    "People gave their verdicts with the model's answer before their eyes, which draws them "
    "towards it. What they say is an opinion on one picture of one cell.",
)

NO_SCALE = "The scale of these pictures is not known: sizes in them cannot be measured."


def scale(um_per_px: float | None) -> str:
    """Word the scale of a case.

    >>> scale(0.25)
    '0.25 micrometres along the edge of a pixel'
    """
    return NO_SCALE if um_per_px is None else f"{um_per_px:g} micrometres along the edge of a pixel"


NOT_HERE = "It does not answer here any more: what its rules promise is told by its card."


def set_aside(*, referred: int, set_aside: int, without: int) -> str:
    """Say how many pictures rules leave to a person.

    Args:
        referred: answered pictures for which a rule asks for a person.
        set_aside: answered pictures for which no rule does.
        without: answered pictures of models without rules.

    >>> set_aside(referred=3, set_aside=1, without=0)
    'For a person: 3 of 4 pictures. Set aside by the rule: 1 of 4.'
    >>> set_aside(referred=0, set_aside=0, without=2)
    'No rule says which pictures a person must see: all 2 are for a person.'
    """
    ruled, ends = referred + set_aside, ""
    if not ruled:
        return f"No rule says which pictures a person must see: all {without} are for a person."
    if without:
        ends = f" For {without} more no rule says anything: they are for a person too."
    return (
        f"For a person: {referred} of {ruled} pictures. Set aside by the rule: {set_aside} of "
        f"{ruled}.{ends}"
    )


def standing(*, closed_at: str | None, who: str, hidden: int) -> str:
    """Say which verdicts a report shows.

    Args:
        closed_at: the day on which the case was closed; None while it is open.
        who: the person for whom the report is made.
        hidden: pictures on which others have a verdict and this person has none.
    """
    if closed_at is not None:
        return f"The case was closed on {closed_at}: all verdicts are shown, and frozen."
    left = f" Others' verdicts on {hidden} more pictures are left out." if hidden else ""
    return (
        f"The case is open. Shown are the verdicts on pictures that {who} has read.{left} Do not "
        "show this report to anybody who has yet to read these pictures."
    )
