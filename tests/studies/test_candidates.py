"""Candidates are laid over the recipe, and no name is passed over."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_slides import quick

from papscope.augment.settings import OnlineSettings
from papscope.errors import SettingError
from papscope.studies.candidates import read_candidates

GROUND = quick(epochs=7, augment=OnlineSettings(rotation=5, noise=0.1))


def written(folder: Path, text: str) -> Path:
    (folder / "c.toml").write_text(text)
    return folder / "c.toml"


def test_a_candidate_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    text = (
        "[candidates.plain]\n[candidates.big]\nsize = 48\n[candidates.big.augment]\nrotation = 15\n"
    )

    found = read_candidates(written(tmp_path, text), GROUND)

    assert list(found) == ["plain", "big"]
    assert found["plain"] == GROUND
    assert found["big"] == quick(
        epochs=7, size=48, augment=OnlineSettings(rotation=15.0, noise=0.1)
    )


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        (
            "[candidates.a]\n[candidates.b]\nsise = 48",
            r"c\.toml: candidate b \[train\] has no setting 'sise'",
            "did you mean 'size'?",
        ),
        (
            "[candidates.a]\n[candidates.b.augment]\nrotaton = 3",
            r"candidate b \[augment\] has no setting 'rotaton'",
            "did you mean 'rotation'?",
        ),
        ("[candidates.a]\n[candidates.b]\nsize = 5", "candidate b: size is 5; want 16", "size"),
        ('[candidates.a]\n[candidates.b]\nsize = "5"', "size is '5'; want a whole number", ""),
        ("[candidates.a]\n[candidates.b]\naugment = 5", "candidate b: augment is 5", "augment]"),
        ("[candidats.a]\n[candidats.b]", "no use for 'candidats'", "did you mean 'candidates'?"),
        ("[candidates.a]", "has nothing to choose from", "twice or more"),
        ("candidates = 3", "has nothing to choose from", "twice or more"),
        ("[candidates]\na = 3\nb = 4", "candidate a is no table", "write"),
        ("[candidates.a]\n[candidates.b]", "candidates a and b are the same", "leave one out"),
        ("[candidates.a]\n[candidates.'../b']", "cannot be a folder's name", "letters"),
        ("[candidates.a", "is not TOML", "mend that line"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, what: str, hint: str) -> None:
    with pytest.raises(SettingError, match=what) as no:
        read_candidates(written(tmp_path, text), GROUND)
    assert hint in no.value.hint


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"there is no file .*none\.toml"):
        read_candidates(tmp_path / "none.toml", GROUND)
