"""How a model's answer ranks a picture for a reviewer: how grave, and how sure.

Takes   an answer and the model's classes
Gives   two numbers, 0..1
Never   says what a picture shows: these order a gallery
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from papscope.decision import Answer
from papscope.taxonomy import CellClass, grades


def risk(answer: Answer, classes: Sequence[CellClass]) -> float:
    """Give how grave a picture is expected to be, 0..1, by which a gallery puts the worst first.

    Where every class has a place in the order of severity, it is the mean place over the model's
    probabilities, as a share of the gravest; otherwise the probability of all abnormal classes
    together; and where nobody has said which are abnormal, that of all but the likeliest.

    >>> from papscope.taxonomy import classes_of
    >>> chances = {"NILM": 0.5, "ASC-US": 0, "LSIL": 0, "ASC-H": 0, "HSIL": 0, "SCC": 0.5}
    >>> risk(Answer("NILM", 0.5, 0.5, chances), classes_of("cric"))
    0.5
    """
    places = grades(classes)
    if places is not None:
        least, most = min(places), max(places)
        each = zip(places, classes, strict=True)
        mean = sum(place * answer.probabilities[one.name] for place, one in each)
        return min(1.0, max(0.0, (mean - least) / (most - least)))
    return answer.abnormal if answer.abnormal is not None else 1 - answer.probability


def certainty(answer: Answer) -> float:
    """Give how sure the model is, 0..1: one minus the entropy as a share of the greatest possible.

    >>> certainty(Answer("a", 0.5, None, {"a": 0.5, "b": 0.5}))
    0.0
    >>> certainty(Answer("a", 1.0, None, {"a": 1.0, "b": 0.0}))
    1.0
    """
    shares = [share for share in answer.probabilities.values() if share > 0]
    if len(answer.probabilities) < 2:
        return 1.0
    entropy = -sum(share * log(share) for share in shares)
    return min(1.0, max(0.0, 1 - entropy / log(len(answer.probabilities))))
