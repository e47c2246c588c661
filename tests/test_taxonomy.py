"""What classes mean: as published, complete, and never guessed."""

from __future__ import annotations

import json

import pytest

from papscope.errors import SettingError
from papscope.taxonomy import KNOWN, CellClass, classes_of, grades, named, sides


@pytest.mark.parametrize("dataset", sorted(KNOWN))
def test_each_known_data_set_has_named_classes_on_two_sides(dataset: str) -> None:
    classes = classes_of(dataset)
    found = sides(classes)
    assert len({one.name for one in classes}) == len(classes)
    assert found is not None
    assert set(found) == {one.name for one in classes}
    assert set(found.values()) == {"normal", "abnormal"}


def test_the_readings_are_those_of_the_literature() -> None:
    sipakmed = {one.name: one for one in classes_of("sipakmed")}
    assert sipakmed["Dyskeratotic"].bethesda is None  # no single category fits
    assert sipakmed["Koilocytotic"].bethesda == "LSIL"
    assert sipakmed["Metaplastic"].side == "normal"
    herlev = {one.name: (one.bethesda, one.grade) for one in classes_of("herlev")}
    assert herlev["light_dysplastic"] == ("LSIL", 1)
    assert herlev["carcinoma_in_situ"] == ("HSIL", 4)


def test_metaplastic_cells_can_count_on_either_side_and_nothing_else_moves() -> None:
    before = {one.name: one.side for one in classes_of("sipakmed")}
    after = {one.name: one.side for one in classes_of("sipakmed", metaplastic="abnormal")}
    assert {name for name in before if before[name] != after[name]} == {"Metaplastic"}
    assert classes_of("cric", metaplastic="abnormal") == classes_of("cric")


def test_grades_are_in_order_or_absent() -> None:
    assert grades(classes_of("sipakmed")) is None
    assert grades(classes_of("cric")) == (0, 1, 2, 3, 4, 5)
    assert grades(classes_of("cric-4")) == (0, 1, 2, 3)
    assert grades(classes_of("herlev")) == (0, 0, 0, 1, 2, 3, 4)
    assert grades([CellClass("a", grade=1), CellClass("b", grade=1)]) is None


def test_sides_exist_only_where_all_classes_have_one_and_both_occur() -> None:
    assert sides(named("ab")) is None
    assert sides([CellClass("a", "normal"), CellClass("b")]) is None
    assert sides([CellClass("a", "normal"), CellClass("b", "normal")]) is None
    assert sides(named("ab", abnormal=["b"])) == {"a": "normal", "b": "abnormal"}


def test_an_abnormal_class_that_is_none_is_refused() -> None:
    with pytest.raises(SettingError, match="x, y is called abnormal but is no class") as refused:
        named("ab", abnormal=["b", "y", "x"])
    assert refused.value.hint == "the classes are a, b"


@pytest.mark.parametrize("dataset", sorted(KNOWN))
def test_a_class_survives_json(dataset: str) -> None:
    for one in classes_of(dataset):
        assert CellClass.from_json(json.loads(json.dumps(one.to_json()))) == one


@pytest.mark.parametrize(
    "value",
    [{}, {"name": ""}, {"name": 3}, {"name": "a", "side": "left"}, {"name": "a", "grade": "1"}],
)
def test_what_describes_no_class_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(SettingError, match="does not describe a class"):
        CellClass.from_json(value)
