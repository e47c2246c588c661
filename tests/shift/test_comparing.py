"""Two sets of pictures: what is said of them, in which order, and what is left unsaid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_smears import CLASSES, smears
from test_glance import reference

from papscope.bundle import Bundle
from papscope.description import Description
from papscope.errors import BundleError, ImageError, MeasureError, SettingError
from papscope.preprocess import Preprocess, Source, Squares
from papscope.scores import Probabilities, Scores
from papscope.shift.carried import both, reference_of
from papscope.shift.comparing import compare
from papscope.shift.found import Shift
from papscope.shift.given import Given, given_by, of_manifest
from papscope.shift.measures import MEASURES, MEMBERS, NAMES, WORDS
from papscope.shift.measuring import Eyes, Looked, look
from papscope.shift.run import held_out_scores, measure_shift
from papscope.shift.testing import Draws

QUICK = Draws(most=60, permutations=199, resamples=100)


class Lightness:
    """An engine without a network: wild as far as a picture is dark; its features are colours."""

    at_once = 8

    def probabilities(self, squares: Squares) -> Probabilities:
        light = squares.mean(axis=(1, 2, 3)) / 255
        return np.stack([light, 1 - light], axis=1)

    def featured(self, squares: Squares, _: object = None) -> tuple[Probabilities, object]:
        colours = squares.mean(axis=(1, 2)).astype(np.float32)
        return self.probabilities(squares), np.column_stack([colours[:, 0], colours])


MODEL = Bundle(
    Description(classes=CLASSES, preprocess=Preprocess(size=48), backbone="made"), {}, "f" * 64
)
EYES = Eyes(Preprocess(size=48), MODEL, Lightness())


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Looked]:
    """Slides of one laboratory twice, and of another that is darker."""
    home = tmp_path_factory.mktemp("sets")
    made = {
        "train": smears(home / "train"),
        "same": smears(home / "same", seed=1),
        "dark": smears(home / "dark", seed=2, darker=60.0),
    }
    return {name: look(of_manifest(place), EYES) for name, place in made.items()}


def shift(sets: dict[str, Looked], new: str, **how: object) -> Shift:
    return compare(sets["train"], sets[new], draws=QUICK, **how).shift  # type: ignore[arg-type]


def scores(n: int = 40) -> Scores:
    """Answers that are right three times of four, and about as sure."""
    chance = np.linspace(0.55, 0.95, n)
    truth = (np.arange(n) % 4 == 0).astype(np.int64)
    return Scores(
        ids=tuple(f"{one}" for one in range(n)),
        groups=tuple(f"slide {one // 4}" for one in range(n)),
        truth=truth,
        probabilities=np.column_stack([chance, 1 - chance]),
        classes=CLASSES,
        paths=("a.png",) * n,
        boxes=(None,) * n,
    )


def test_slides_of_the_same_source_are_like_the_training_images(sets: dict[str, Looked]) -> None:
    found = shift(sets, "same")

    assert found.verdict == "Like the training images"
    assert found.exit_status == 0
    assert [one.name for one in found.families] == [*MEMBERS, "features"]


def test_darker_slides_are_different_in_colour_and_told_so_first(sets: dict[str, Looked]) -> None:
    found = shift(sets, "dark")

    assert found.exit_status == 20
    assert found.verdict.startswith("Different in colour")
    assert "darker" in found.verdict
    assert "do not trust" in found.verdict
    colour = found.families[0]
    assert colour.differences[0].size.value < -2
    assert colour.adjusted < 0.05
    scale = next(one for one in found.families if one.name == "scale")
    assert scale.finding == "alike"


def test_pictures_without_groups_count_as_one_each_and_that_is_said(
    sets: dict[str, Looked],
) -> None:
    dark = sets["dark"]
    bare = replace(dark, given=replace(dark.given, groups=(None,) * len(dark)))

    found = compare(sets["train"], bare, draws=QUICK).shift

    assert found.new.groups == len(dark)
    assert any("have no known group and count as one each" in one for one in found.warnings)


def test_two_slides_against_four_are_too_few_to_tell(sets: dict[str, Looked]) -> None:
    def some(name: str, slides: int) -> Looked:
        one = sets[name]
        places = [n for n, group in enumerate(one.given.groups) if int(str(group)[6:]) < slides]
        return Looked(one.given.chosen(places), one.looks[places])

    found = compare(some("train", 4), some("dark", 2), draws=QUICK).shift

    assert found.verdict.startswith("Too few groups to tell: colour")
    assert found.exit_status == 20
    assert any("come from 2 slides" in one for one in found.warnings)


def test_the_expected_accuracy_stands_beside_the_true_one(sets: dict[str, Looked]) -> None:
    found = shift(sets, "same", held_out=scores(), model=MODEL)

    assert found.expected is not None
    assert found.expected.of == "classes"
    assert found.expected.true is not None
    assert found.expected.true.n == len(sets["same"])
    assert "Such estimates see no labels" in found.cost_sentences[1]
    assert "labels given" in found.cost_sentences[2]


def test_labels_of_other_classes_are_compared_by_their_side(sets: dict[str, Looked]) -> None:
    same = sets["same"]
    other = tuple(replace(one, name=f"my {one.name}") for one in CLASSES)
    labels = tuple(f"my {one}" for one in same.given.labels)
    sets = {**sets, "same": replace(same, given=replace(same.given, classes=other, labels=labels))}

    found = shift(sets, "same", held_out=scores(), model=MODEL)

    assert found.expected is not None
    assert found.expected.of == "normal or abnormal"
    assert found.expected.true == shift_of_sides(same)
    assert any("only normal against abnormal" in one for one in found.warnings)


def shift_of_sides(same: Looked) -> object:
    """The truth for the same pictures under their own names."""
    own = compare(same, same, held_out=scores(), model=MODEL, draws=QUICK).shift.expected
    assert own is not None
    return own.true


def test_numbers_are_the_same_each_time_and_fit_into_json(sets: dict[str, Looked]) -> None:
    first, again = (shift(sets, "dark", held_out=scores(), model=MODEL).to_json() for _ in "ab")

    assert first == again
    assert first["different"][0] == "colour"
    assert first["families"]["colour"]["differences"]["lightness"]["word"] == "darker"
    assert first["model"] == "f" * 12


def test_the_most_unlike_pictures_are_picked(sets: dict[str, Looked]) -> None:
    same = sets["same"]
    looks = same.looks.copy()
    looks[7, NAMES.index("lightness")] -= 50

    found = compare(sets["train"], replace(same, looks=looks), draws=QUICK).shift

    assert found.picks.unlike[0] == 7
    assert 7 not in found.picks.new


def test_a_bad_picture_is_left_out_and_told(tmp_path: Path) -> None:
    smears(tmp_path / "new", slides=3)
    (tmp_path / "new" / "00-0.png").write_text("text")

    found = look(given_by([str(tmp_path / "new")]), Eyes())

    assert len(found) == 11
    assert [name for name, _ in found.failures] == [str(tmp_path / "new" / "00-0.png")]
    assert isinstance(found.failures[0][1], ImageError)
    with pytest.raises(SettingError, match=r"not one picture of 1 pictures|not one picture of"):
        look(given_by([str(tmp_path / "new" / "00-0.png")]), Eyes())


def test_drawing_keeps_order_and_says_from_how_many() -> None:
    given = Given(
        name="a", sources=tuple(Source(Path(f"{n}")) for n in range(9)), groups=(None,) * 9
    )

    some = given.drawn(4, 0)

    places = [int(str(one.picture)) for one in some.sources]
    assert places == sorted(places)
    assert (len(places), some.of) == (4, 9)
    assert given.drawn(4, 0).sources == some.sources
    assert given.drawn(4, 1).sources != some.sources


def test_a_model_without_numbers_of_its_training_pictures_is_no_side(
    sets: dict[str, Looked],
) -> None:
    with pytest.raises(BundleError, match="carries no numbers of what it learned from"):
        measure_shift(None, sets["same"].given, eyes=EYES, draws=QUICK)
    with pytest.raises(SettingError, match="no training pictures"):
        measure_shift(None, sets["same"].given, draws=QUICK)


def test_carried_cells_are_taken_in_the_shares_of_the_calls(sets: dict[str, Looked]) -> None:
    model = replace(MODEL, reference=reference().to_tensors())
    carried = reference_of(model, "it")
    chances = np.tile([0.9, 0.1], (len(sets["same"]), 1))
    chances[: len(chances) // 4] = [0.1, 0.9]

    train, new = both(carried, model, replace(sets["same"], probabilities=chances), 0)

    labels = [carried.labels[carried.ids.index(f"cell {n}")] for n in range(80)]
    assert len(labels) == 80
    assert len(train) == pytest.approx(40 / 0.75, abs=1)
    assert train.features is not None
    assert new.features is not None
    assert train.features.shape[1] == new.features.shape[1]
    assert np.allclose(np.nanmean(train.looks[:, 0]), np.sinh(carried.looks_centre[0]), rtol=0.1)


def test_scores_that_would_mislead_are_refused() -> None:
    whole = scores()
    wrong = {
        "of training images": replace(whole, about={"part": "train"}),
        "may have learned from": replace(whole, about={"leaks": "leaks: 3 images"}),
        "calibrated otherwise": replace(
            whole, about={"model": {"calibration": {"temperature": 2.0}}}
        ),
        "of other classes": replace(
            whole, classes=tuple(replace(one, name=one.name + "s") for one in CLASSES)
        ),
    }
    for message, one in wrong.items():
        with pytest.raises(MeasureError, match=message):
            held_out_scores(MODEL, [one])
    with pytest.raises(MeasureError, match="do not tell what a model says"):
        held_out_scores(None, [whole])


def test_scores_are_calibrated_as_the_model_is() -> None:
    softer = replace(MODEL.description, calibration={"method": "temperature", "temperature": 3.0})

    found = held_out_scores(replace(MODEL, description=softer), [scores()])

    assert found is not None
    assert found.probabilities.max() < scores().probabilities.max() - 0.1
    assert (found.called == scores().called).all()


def test_every_measure_has_a_word_for_more_and_for_less() -> None:
    members = [one for family in MEMBERS.values() for one in family]
    assert set(members) == set(WORDS)
    assert set(members) <= set(MEASURES) == set(NAMES)
