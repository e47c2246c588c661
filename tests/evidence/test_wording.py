"""Values in words: no more than they say, and nothing where they say nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import made_run
import pytest

from papscope.evidence.documents import Document, Documents
from papscope.evidence.points import fill, worded
from papscope.split import LEAKS


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "No smear is on two sides."),
        ({"by": "strict"}, "No smear is on two sides, by the coarser groups of the data set."),
        ({"leaks": LEAKS}, f"L{LEAKS[1:]}."),
        ({"shares": {"train": 1.0}}, ""),
        ({"shares": {}, "folds": 5}, "No smear is on two sides."),
    ],
)
def test_what_is_apart_is_told_only_where_something_was_divided(
    change: dict[str, Any], words: str
) -> None:
    assert worded(replace(made_run.PROTOCOL, **change).to_json(), "level") == words


@pytest.mark.parametrize(
    ("value", "word", "words"),
    [
        ("none: all images were learned from", "measured-part", ""),
        ("validation", "measured-part", "validation"),
        (0, "positive", ""),
        (["one"], "several", ""),
        (["one", "two"], "several", "one, two"),
        ({"balance": "none"}, "imbalance", "No: each picture counts the same."),
        ({"blur": 0.0}, "augment", "nothing is varied"),
        ({"a": 3, "b": None}, None, "a 3"),
        (None, "level", ""),
        ("no protocol", "level", ""),
        ({"by": "chance"}, "level", ""),
        ({"64 x 48": 3}, "sizes", "64 x 48 (3 images)"),
        ({f"{k} x 9": 1 for k in (8, 10, 7, 6, 5, 4, 3)}, "sizes",
         "7 sizes, 3 to 10 wide and 9 to 9 high"),
        ({"shape": ["area"]}, "no-judged-input", ""),
        ({"kind": "ensemble", "members": [1, 2]}, "composition",
         "2 networks answer with the mean of their probabilities."),
        ({"accuracy": {"undefined": "no image", "n": 0}}, "headline", ""),
    ],
)  # fmt: skip
def test_values_are_worded(value: Any, word: str | None, words: str) -> None:
    assert worded(value, word) == words


def test_a_sentence_is_said_of_each_file_of_its_role() -> None:
    files = [Document("scores", f"{n}.csv", "", {"n": n}) for n in (1, 2)]

    found = fill("There are {scores:n}.", Documents(files))

    assert [one.text for one in found] == ["There are 1.", "There are 2."]
    assert [one.sources[0].file for one in found] == ["1.csv", "2.csv"]
