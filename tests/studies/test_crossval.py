"""What a cross-validation does with its folds; the trainings themselves are stood in for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_slides import draw, quick

from papscope.errors import SettingError, SplitError, TrainingError
from papscope.evaluate.intervals import Estimate
from papscope.labelled import targets
from papscope.manifest import Manifest
from papscope.scores import Scores, read_scores
from papscope.split import LEAKS, part_rows, read_split
from papscope.studies.answered import Answered, Job
from papscope.studies.crossval import CrossValidated, cross_validate
from papscope.studies.crossval_settings import CrossvalSettings
from papscope.train.settings import TrainSettings
from papscope.train.trainer import Watch

Skill = Callable[[Job], float]


@dataclass
class Stand:
    """Stands for training: answers with the skill that it is told, and remembers every job."""

    skill: Skill = lambda _: 0.75
    jobs: list[tuple[Job, Path]] = field(default_factory=list)

    def __call__(self, job: Job, place: Path, _: Watch) -> Answered:
        self.jobs.append((job, place))
        rows = part_rows(job.split, job.manifest, "test")
        truth = targets(job.manifest, rows)
        right = np.arange(len(rows)) < round(self.skill(job) * len(rows))
        sure = 0.9 if job.settings.lr == 0.001 else 0.6
        chances = np.where(np.eye(2)[truth] == right[:, None], sure, 1 - sure)
        found = Scores(
            ids=tuple(row.id for row in rows),
            groups=tuple(row.group for row in rows),
            truth=truth,
            probabilities=chances,
            classes=job.manifest.classes,
            paths=tuple(row.path.as_posix() for row in rows),
            boxes=(None,) * len(rows),
            about={
                "part": "test",
                "dataset": "discs",
                "protocol": job.split.protocol.to_json(),
                "model": {"backbone": job.settings.backbone, "bundle_sha256": str(len(self.jobs))},
                "training": {"settings": {"lr": job.settings.lr, "size": job.settings.size}},
            },
        )
        history = ({"epoch": 1, "train_loss": 0.5},)
        return Answered(found, 1, 1, 0.5, history, again=False)

    @property
    def outer(self) -> list[tuple[Job, Path]]:
        return [(job, place) for job, place in self.jobs if "inner" not in place.parts]

    @property
    def inner(self) -> list[tuple[Job, Path]]:
        return [(job, place) for job, place in self.jobs if "inner" in place.parts]


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Trainings are stood in for; the page is drawn."""
    made = Stand()
    for module in ("crossval", "nested"):
        monkeypatch.setattr(f"papscope.studies.{module}.answered", made)
    return made


@pytest.fixture
def stand(drawing: Stand, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Trainings are stood in for, and the page, whose pictures take their time, is left out."""
    monkeypatch.setattr("papscope.studies.crossval.write_folds_page", lambda *_, **__: None)
    return drawing


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return draw(tmp_path_factory.mktemp("slides"), (6, 6), cells=2, strict=True)


def run(
    slides: Manifest,
    folder: Path,
    settings: TrainSettings | Mapping[str, TrainSettings] | None = None,
    *,
    resume: bool = False,
    **changes: Any,
) -> CrossValidated:
    cross = CrossvalSettings(**{"folds": 3, "inner_folds": 2, "resamples": 100, **changes})
    return cross_validate(slides, settings or quick(), folder, cross=cross, resume=resume)


TWO = {"slow": quick(lr=1e-4), "fast": quick(lr=1e-3)}


def skill(**by_rate: float) -> Skill:
    return lambda job: by_rate["fast" if job.settings.lr == 1e-3 else "slow"]


def test_every_image_is_answered_once_by_a_network_that_never_saw_its_group(
    slides: Manifest, stand: Stand, tmp_path: Path
) -> None:
    done = run(slides, tmp_path / "cv")

    found = done.scores[0]
    assert found.ids == tuple(row.id for row in slides.rows)
    assert found.groups == tuple(row.group for row in slides.rows)
    assert found.truth.tolist() == targets(slides, slides.rows).tolist()
    assert len(stand.jobs) == 3
    for job, _ in stand.jobs:
        learned, tested = (
            {row.group for row in part_rows(job.split, job.manifest, part)}
            for part in ("train", "test")
        )
        assert not learned & tested
    assert done.summary.leaks is None
    assert [line.n for line in done.told.repeats[0]] == [8, 8, 8]


def test_the_pooled_scores_are_a_file_that_tells_how_the_folds_were_cut(
    slides: Manifest, stand: Stand, tmp_path: Path
) -> None:
    run(slides, tmp_path / "cv", command="papscope crossval x.csv")

    found = read_scores(tmp_path / "cv/scores.csv")

    assert found.about["protocol"]["folds"] == 3
    assert found.about["protocol"]["fold"] is None
    assert found.about["command"] == "papscope crossval x.csv"
    assert "bundle_sha256" not in found.about["model"]  # there are three
    assert found.about["model"]["networks"] == 3
    counted = found.about["counts"]
    assert sum(sum(of_fold.values()) for of_fold in counted.values()) == len(slides.rows)


def test_each_fold_takes_the_candidate_that_is_best_on_inner_folds(
    slides: Manifest, stand: Stand, tmp_path: Path
) -> None:
    stand.skill = skill(slow=0.5, fast=1.0)

    done = run(slides, tmp_path / "cv", TWO)

    assert [line.choice.name for line in done.told.repeats[0] if line.choice] == ["fast"] * 3
    assert {job.settings.lr for job, _ in stand.outer} == {1e-3}
    assert len(stand.inner) == 3 * 2 * 2
    told = json.loads((tmp_path / "cv/metrics.json").read_text())["crossval"]
    assert told["candidates"] == {"slow": {"lr": 1e-4}, "fast": {"lr": 1e-3}}
    first = told["repeats"][0]["folds"][0]["choice"]
    assert (first["chosen"], first["by"]) == ("fast", "macro_f1")
    assert first["tried"]["fast"] == [1.0, 1.0]


def test_no_choice_sees_an_image_of_the_fold_that_it_is_made_for(
    slides: Manifest, stand: Stand, tmp_path: Path
) -> None:
    run(slides, tmp_path / "cv", TWO)

    for job, place in stand.inner:
        fold = place.parts[place.parts.index("inner") - 1]
        reported = next(outer for outer, where in stand.outer if where.name == fold)
        tested = {row.id for row in part_rows(reported.split, reported.manifest, "test")}
        groups = {row.group for row in part_rows(reported.split, reported.manifest, "test")}
        assert not tested & {row.id for row in job.manifest.rows}
        assert not groups & {row.group for row in job.manifest.rows}


def test_the_chosen_candidate_learns_from_the_whole_outer_training_part(
    slides: Manifest, stand: Stand, tmp_path: Path
) -> None:
    run(slides, tmp_path / "cv", TWO)

    for job, _ in stand.outer:
        assert job.keep
        assert set(job.split.part_of) == {row.id for row in slides.rows}
    assert not any(job.keep for job, _ in stand.inner)


def test_of_equal_candidates_the_first_named_is_taken(
    slides: Manifest, stand: Stand, tmp_path: Path
) -> None:
    stand.skill = skill(slow=0.75, fast=0.75)
    done = run(slides, tmp_path / "cv", TWO)
    assert [line.choice.name for line in done.told.repeats[0] if line.choice] == ["slow"] * 3


def test_by_log_loss_the_least_is_taken(slides: Manifest, stand: Stand, tmp_path: Path) -> None:
    stand.skill = skill(slow=0.5, fast=0.5)  # the fast one is as often wrong, and surer of it
    done = run(slides, tmp_path / "cv", {k: TWO[k] for k in ("fast", "slow")}, choose_by="log_loss")
    assert [line.choice.name for line in done.told.repeats[0] if line.choice] == ["slow"] * 3


def test_repeats_have_folds_and_seeds_of_their_own_and_a_spread(
    slides: Manifest, stand: Stand, tmp_path: Path
) -> None:
    stand.skill = lambda job: 0.5 if job.settings.seed == 4 else 1.0

    done = run(slides, tmp_path / "cv", quick(seed=4), repeats=2, seed=4)

    assert [job.settings.seed for job, _ in stand.jobs] == [4] * 3 + [5] * 3
    assert done.told.seeds == (4, 5)
    assert done.told.spread is not None
    spread = done.told.spread["accuracy"]
    assert spread.values == (0.5, 1.0)
    assert (spread.mean.value, spread.deviation) == pytest.approx((0.75, 0.125**0.5))
    cut = [(tmp_path / f"cv/repeat-{k}/folds.csv").read_text() for k in (1, 2)]
    assert cut[0].splitlines()[2:] != cut[1].splitlines()[2:]
    assert read_scores(tmp_path / "cv/scores-2.csv").ids == done.scores[0].ids


def test_leaky_folds_are_stamped_and_set_beside_the_honest_ones(
    slides: Manifest, stand: Stand, tmp_path: Path
) -> None:
    stand.skill = lambda job: 1.0 if job.split.protocol.by == "image" else 0.5

    done = run(slides, tmp_path / "cv", also_leaky=True)

    leak = done.told.leak
    assert leak is not None
    one = leak.inflation.measures["accuracy"]
    assert one.difference.value == 0.5  # type: ignore[union-attr]
    assert "Believe the honest numbers" in leak.sentence()
    assert "accuracy by +0.500" in leak.sentence()
    assert (done.summary.leaks, leak.leaky.leaks) == (None, LEAKS)
    assert read_scores(tmp_path / "cv/leaky/scores.csv").leaks == LEAKS
    assert read_scores(tmp_path / "cv/scores.csv").leaks is None
    assert LEAKS in (tmp_path / "cv/leaky/repeat-1/folds.csv").read_text()
    assert json.loads((tmp_path / "cv/metrics.json").read_text())["crossval"]["leaky"]["leaks"]


def test_folds_by_image_are_stamped(slides: Manifest, stand: Stand, tmp_path: Path) -> None:
    assert run(slides, tmp_path / "cv", by="image").summary.leaks == LEAKS


def test_a_network_that_had_seen_the_images_before_stamps_all(
    slides: Manifest, stand: Stand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def seen(job: Job, place: Path, watch: Watch) -> Answered:
        answer = stand(job, place, watch)
        about = {**answer.scores.about, "leaks": "leaks: it was trained on 3 of them"}
        fold = job.split.protocol.fold
        return replace(answer, scores=replace(answer.scores, about=about)) if fold == 1 else answer

    monkeypatch.setattr("papscope.studies.crossval.answered", seen)
    assert run(slides, tmp_path / "cv").summary.leaks == "leaks: it was trained on 3 of them"


def test_the_measures_are_those_of_all_answers_together(
    slides: Manifest, stand: Stand, tmp_path: Path
) -> None:
    stand.skill = lambda job: 1.0 if job.split.protocol.fold == 0 else 0.5
    done = run(slides, tmp_path / "cv")
    accuracy = done.summary.overall["accuracy"]
    assert isinstance(accuracy, Estimate)
    assert accuracy.value == pytest.approx((8 + 4 + 4) / 24)
    first = read_split(tmp_path / "cv/repeat-1/folds.csv").part_of
    scores = done.scores[0]
    right = dict(zip(scores.ids, (scores.called == scores.truth).tolist(), strict=True))
    assert all(right[name] for name, fold in first.items() if fold == "0")


def test_a_folder_is_gone_on_with_only_if_asked_for_the_same(
    slides: Manifest, stand: Stand, tmp_path: Path
) -> None:
    run(slides, tmp_path / "cv")

    with pytest.raises(TrainingError, match="already holds a cross-validation"):
        run(slides, tmp_path / "cv")
    with pytest.raises(TrainingError, match=r"settings\..*lr was 0\.003, now 0\.1"):
        run(slides, tmp_path / "cv", quick(lr=0.1), resume=True)
    with pytest.raises(TrainingError, match=r"crossval\.folds was 3, now 2"):
        run(slides, tmp_path / "cv", folds=2, resume=True)
    with pytest.raises(TrainingError, match="manifest_sha256 was"):
        run(replace(slides, digest="0" * 64), tmp_path / "cv", resume=True)
    run(slides, tmp_path / "cv", resume=True, also_leaky=True)  # changes no training


def test_what_is_not_a_cross_validation_is_left_alone(
    slides: Manifest, stand: Stand, tmp_path: Path
) -> None:
    (tmp_path / "cv").mkdir()
    (tmp_path / "cv/thesis.txt").write_text("mine")

    with pytest.raises(TrainingError, match="holds something else, which is left alone"):
        run(slides, tmp_path / "cv")
    with pytest.raises(TrainingError, match="holds something else, which is left alone"):
        run(slides, tmp_path / "cv", resume=True)

    assert [one.name for one in (tmp_path / "cv").iterdir()] == ["thesis.txt"]


def test_one_that_was_stopped_before_it_began_may_be_resumed(
    slides: Manifest, stand: Stand, tmp_path: Path
) -> None:
    assert run(slides, tmp_path / "cv", resume=True).summary.n == len(slides.rows)


def test_a_damaged_record_of_what_was_asked_is_told(
    slides: Manifest, stand: Stand, tmp_path: Path
) -> None:
    run(slides, tmp_path / "cv")
    (tmp_path / "cv/crossval.json").write_text("[1]")
    with pytest.raises(TrainingError, match=r"crossval\.json is damaged"):
        run(slides, tmp_path / "cv", resume=True)


@pytest.mark.parametrize(
    ("changes", "kind", "what"),
    [
        ({"folds": 1}, SettingError, "folds is 1; want 2 or more"),
        ({"inner_folds": 1}, SettingError, "inner_folds is 1"),
        ({"repeats": 0}, SettingError, "repeats is 0"),
        ({"by": "given"}, SettingError, "by is 'given'"),
        ({"choose_by": "f1"}, SettingError, "choose_by is 'f1'"),
        ({"by": "image", "also_leaky": True}, SettingError, "folds by image leak already"),
        ({"folds": 7}, SplitError, "7 folds each need every class"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_written(
    slides: Manifest, stand: Stand, tmp_path: Path, changes: Any, kind: Any, what: str
) -> None:
    with pytest.raises(kind, match=what):
        run(slides, tmp_path / "cv", **changes)
    assert not (tmp_path / "cv").exists()
    assert stand.jobs == []


def test_settings_that_cannot_be_are_told_before_anything_is_written(
    slides: Manifest, stand: Stand, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match="resnet5000"):
        run(slides, tmp_path / "cv", {"a": quick(), "b": quick(backbone="resnet5000")})
    with pytest.raises(SettingError, match="one device at a time"):
        run(slides, tmp_path / "cv", quick(devices=2))
    with pytest.raises(SettingError, match="nothing to choose from"):
        run(slides, tmp_path / "cv", {"only": quick()})
    sideless = replace(slides, classes=tuple(replace(c, side=None) for c in slides.classes))
    with pytest.raises(SettingError, match="nobody has said which classes are abnormal"):
        run(sideless, tmp_path / "cv", TWO, choose_by="abnormal_auroc")
    assert not (tmp_path / "cv").exists()


def test_the_page_shows_folds_choices_repeats_and_the_leak(
    slides: Manifest, drawing: Stand, tmp_path: Path
) -> None:
    drawing.skill = lambda job: 1.0 if job.split.protocol.by == "image" else 0.75

    run(slides, tmp_path / "cv", TWO, repeats=2, also_leaky=True, command="papscope crossval a.csv")

    page = (tmp_path / "cv/report.html").read_text()
    for place in ("folds", "repeats", "choices", "leaky"):
        assert f'<section id="{place}"' in page
        assert f'href="#{place}"' in page
    assert page.count("<tr data-fold=") == 3
    assert "Leaks: cells of one slide on both sides" in page
    assert "<b>+0.250</b>" in page
    assert "papscope crossval a.csv" in page
    assert 'src="http' not in page
    assert str(tmp_path) not in page


def test_the_same_cross_validation_gives_the_same_bytes_and_no_section_too_many(
    slides: Manifest, drawing: Stand, tmp_path: Path
) -> None:
    for name in "ab":
        run(slides, tmp_path / name)

    for file in ("scores.csv", "metrics.json", "report.html"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    page = (tmp_path / "a/report.html").read_text()
    assert '<section id="folds"' in page
    for place in ("repeats", "choices", "leaky"):
        assert f'id="{place}"' not in page
    assert "banner alarm" not in page


def test_it_is_told_how_far_it_is(slides: Manifest, stand: Stand, tmp_path: Path) -> None:
    notes: list[str] = []
    steps: list[tuple[int, int | None]] = []
    watch = Watch(
        tell=lambda what, done, total: (
            steps.append((done, total)) if what == "all epochs" else None
        ),
        on_note=notes.append,
    )
    cross = CrossvalSettings(folds=3, inner_folds=2, resamples=100)
    cross_validate(slides, TWO, tmp_path / "cv", cross=cross, watch=watch)

    every = 3 * (2 * (2 + 2) + 2)  # folds x (inner folds x both candidates' epochs + own epochs)
    assert steps[-1] == (every, every)
    assert sum("fold 1 of 3: chose slow" in note for note in notes) == 1
    assert sum(" of 3 done: accuracy 0.750" in note for note in notes) == 3
