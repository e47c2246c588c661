"""Scores as a file: nothing is rounded, and numbers that are no probabilities are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from papscope.errors import TableError
from papscope.image import Box
from papscope.scores import Scores, read_scores, write_scores
from papscope.taxonomy import named


def made(**changes: Any) -> Scores:
    draw = np.random.default_rng(1).dirichlet([0.3, 0.3, 0.3], size=4)
    fields: dict[str, Any] = {
        "ids": ("i0", "i1", "i2", "i3"),
        "groups": ("s1", None, "s2", "s2"),
        "truth": np.array([0, 1, 2, 2]),
        "probabilities": draw,
        "classes": named("abc", abnormal="c"),
        "paths": ("p, 0.png", "p1.png", "p2.png", "p3.png"),
        "boxes": (None, Box(-1, 2, 3, 4), None, None),
        "about": {"root": "images", "seed": 0},
    }
    return Scores(**{**fields, **changes})


def test_what_is_read_is_what_was_written_to_the_last_bit(tmp_path: Path) -> None:
    scores = made()

    write_scores(tmp_path / "s.csv", scores)
    read = read_scores(tmp_path / "s.csv")

    assert np.array_equal(read.probabilities, scores.probabilities)
    assert np.array_equal(read.truth, scores.truth)
    for name in ("ids", "groups", "classes", "paths", "boxes", "about"):
        assert getattr(read, name) == getattr(scores, name), name


def test_no_images_are_scores_too(tmp_path: Path) -> None:
    none = made(
        ids=(), groups=(), truth=np.zeros(0, np.int64), probabilities=np.zeros((0, 3)), paths=(),
        boxes=(),
    )  # fmt: skip
    write_scores(tmp_path / "s.csv", none)
    assert len(read_scores(tmp_path / "s.csv")) == 0


def test_the_first_of_equally_likely_classes_is_called() -> None:
    even = np.array([[0.4, 0.4, 0.2], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
    assert made(probabilities=even).called.tolist() == [0, 1, 0, 2]
    assert made().class_names == ("a", "b", "c")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"ids": ("i0",)}, "1 ids"),
        ({"boxes": (None,)}, "4 ids"),
        ({"probabilities": np.full((4, 2), 0.5)}, "3 classes"),
        ({"truth": np.array([0, 1, 2, 3])}, "truth reaches 3; there are 3 classes"),
        ({"truth": np.array([0, 1, 2, -1])}, "truth"),
        ({"probabilities": np.full((4, 3), np.nan)}, "not a number"),
        ({"probabilities": np.tile([1.5, -0.5, 0.0], (4, 1))}, "negative"),
        ({"probabilities": np.full((4, 3), 0.3)}, "do not sum to 1"),
    ],
)
def test_what_are_no_scores_is_refused(changes: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        made(**changes)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("i1,,p1.png,-1,2,3,4,b,0.2,0.3,0.5", "i1,,p1.png,-1,2,3,4,z,0.2,0.3,0.5", "'z'"),
        ("0.2,0.3,0.5", "0.2,0.3,0.4", "do not sum to 1"),
        ("0.2,0.3,0.5", "0.2,0.3,much", "could not convert"),
        ("0.2,0.3,0.5", "0.2,0.3,nan", "not a number"),
        ("p:c", "p:d", "columns are"),
        ('"about"', '"notes"', "'about'"),
        ("-1,2,3,4", "-1,2,3,0", "holds nothing"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, old: str, new: str, match: str) -> None:
    file = tmp_path / "s.csv"
    write_scores(file, made(probabilities=np.tile([0.2, 0.3, 0.5], (4, 1))))
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(TableError, match=match):
        read_scores(file)


def test_a_file_cut_anywhere_is_refused_or_holds_fewer_whole_rows(tmp_path: Path) -> None:
    whole, short = tmp_path / "s.csv", tmp_path / "short.csv"
    write_scores(whole, replace(made(), probabilities=np.eye(3)[[0, 1, 2, 2]]))
    text = whole.read_bytes()
    for length in range(len(text)):
        short.write_bytes(text[:length])
        try:
            read = read_scores(short)
        except TableError:
            continue
        assert read.ids == made().ids[: len(read)]
