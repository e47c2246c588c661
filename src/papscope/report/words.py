"""The sentences of a report: how it was measured, and what it cannot show.

Takes   what scores tell of themselves, and the classes
Gives   plain sentences, in an order fit for reading
Never   says more than is recorded
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from papscope.report.about import About
from papscope.taxonomy import CellClass

_TITLES = {
    "sipakmed": "SIPaKMeD",
    "herlev": "Herlev",
    "cric": "CRIC Cervix",
    "cric-4": "CRIC Cervix, four grades",
    "mendeley": "Mendeley LBC",
    "synthetic": "Made images",
}

_OF_THE_SET = {
    "sipakmed": (
        "SIPaKMeD publishes no patient or slide number: cells of one cluster image are kept on one "
        "side, which is the strictest division possible, but the same patient may be on both.",
        "Cells were cut out along outlines drawn by hand; in use somebody or something has to find "
        "the cells first, and its errors add to these.",
        "Metaplastic cells are counted on the side printed above; published work puts them on "
        "either side.",
    ),
    "herlev": (
        "Herlev publishes no patient number: groups are read from the file names, and the same "
        "patient may be in more than one of them.",
        "Herlev has no koilocytes and no atypical categories (ASC-US, ASC-H), so nothing here "
        "tells how such cells would be called.",
        "Its 917 cells were chosen one by one and about three quarters are abnormal, far more "
        "than in screening: predictive values do not carry over.",
    ),
    "cric": (
        "CRIC publishes no patient number: cells of one field are kept on one side, but several "
        "fields may come from one patient.",
        "Labels are points on nuclei; a square around a nucleus shows neighbours too, and not "
        "every cell of a field is labelled.",
        "All fields are of conventional smears from one microscope; liquid-based preparations look "
        "different.",
    ),
    "mendeley": (
        "A label belongs to a whole field of view and not to one cell of it.",
        "Slide names are read from file names; several slides may come from one patient.",
        "All fields come from one camera and one liquid-based preparation.",
    ),
    "synthetic": (
        "The images are drawn by a program. The numbers show that the software works, and nothing "
        "whatever about cells.",
    ),
}

_GENERAL = (
    "Research software, not a medical device: no result may be used for the care of a patient.",
    "Images are of single cells or small fields, labelled one by one. A label of a cell is no "
    "diagnosis of a slide or of a patient, and no share of abnormal cells is measured here.",
    "Intervals tell how the numbers would vary with other groups from the same source. They do "
    "not cover another laboratory, stain, scanner or population.",
    "Training again with another seed would give somewhat other numbers; that spread is not in the "
    "intervals either.",
)

_NO_GLANDS = (
    "No class is a glandular lesion (AGC, adenocarcinoma in situ, adenocarcinoma): glandular "
    "disease can be neither found nor excluded."
)
_GLANDULAR = re.compile(r"\b(agc|ais|adeno\w*|glandular)\b", re.IGNORECASE)


def title_of(dataset: str | None) -> str:
    """Give a data set's name as it is written in print."""
    if dataset is None:
        return "Labelled images"
    return _TITLES.get(dataset, dataset)


def protocol(about: About) -> str:
    """Say how the images were divided, in a sentence.

    >>> from papscope.report.about import read_about
    >>> protocol(read_about({}))
    'How the images were divided is not recorded.'
    """
    if about.protocol is None:
        return "How the images were divided is not recorded."
    return f"The images were divided so: {about.protocol.sentence()}."


def limits(about: About, classes: Sequence[CellClass], grouped: bool) -> tuple[str, ...]:
    """Say what the numbers cannot show.

    Args:
        about: where the scores come from.
        classes: in order.
        grouped: whether every image has a group.
    """
    base = (about.dataset or "").partition("-")[0]
    lines = list(_OF_THE_SET.get(base, ()))
    if not grouped:
        lines.append(
            "Some images have no recorded group; each of them counts as a group of its own, and "
            "intervals are too narrow if they share slides."
        )
    told = " ".join(f"{one.name} {one.bethesda} {one.note}" for one in classes)
    if not about.made and not _GLANDULAR.search(told.replace("_", " ")):
        lines.append(_NO_GLANDS)
    return (*_GENERAL[:1], *lines, *_GENERAL[1:])
