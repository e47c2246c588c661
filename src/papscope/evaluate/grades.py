"""Scores of six Bethesda categories, seen as the four grades.

Takes   `Scores` of the six categories
Gives   `Scores` of NILM, LSIL, HSIL and SCC
Never   gives a doubtful cell a grade: cells whose truth is ASC-US or ASC-H are left out
"""

from __future__ import annotations

import numpy as np

from papscope.decision import four_grades
from papscope.errors import MeasureError
from papscope.scores import Scores
from papscope.taxonomy import classes_of, graded_places


def graded(scores: Scores) -> Scores:
    """Keep the cells of the four grades, and the answers for them as `decision.four_grades` has it.

    Raises:
        MeasureError: the classes are not Bethesda's six categories.
    """
    places = graded_places(scores.classes)
    answers = four_grades(scores.probabilities, scores.classes)
    if places is None or answers is None:
        raise MeasureError(
            f"the classes {', '.join(scores.class_names)} are not Bethesda's six categories",
            hint="give scores of a model of six categories",
        )
    kept = np.flatnonzero(np.isin(scores.truth, places))
    return Scores(
        ids=tuple(scores.ids[place] for place in kept),
        groups=tuple(scores.groups[place] for place in kept),
        truth=np.array([places.index(true) for true in scores.truth[kept]], dtype=np.int64),
        probabilities=answers[kept],
        classes=classes_of("cric-4"),
        paths=tuple(scores.paths[place] for place in kept),
        boxes=tuple(scores.boxes[place] for place in kept),
        about=scores.about,
    )
