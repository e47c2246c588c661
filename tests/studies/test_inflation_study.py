"""The given split and a clean one are trained alike; the trainings themselves are stood in for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from made_slides import draw, quick

from papscope.checks.leaks import Audit, audit_split
from papscope.cutting import cut, cut_folds
from papscope.errors import SettingError, SplitError, TrainingError
from papscope.evaluate.compare import Compared
from papscope.labelled import targets
from papscope.manifest import Manifest, write_manifest
from papscope.scores import Scores, read_scores
from papscope.split import LEAKS, Split, part_rows
from papscope.studies.answered import Answered, Job
from papscope.studies.clean import as_given, clean_split, tied
from papscope.studies.inflation import InflationSettings, measure_inflation
from papscope.train.trainer import Watch

SHARES = {"train": 0.5, "val": 0.25, "test": 0.25}


@dataclass
class Stand:
    """Stands for training: all is right where the split leaks, half where it does not."""

    jobs: list[tuple[Job, Path]] = field(default_factory=list)

    def __call__(self, job: Job, place: Path, _: Watch) -> Answered:
        self.jobs.append((job, place))
        rows = part_rows(job.split, job.manifest, "test")
        truth = targets(job.manifest, rows)
        share = 1.0 if job.split.protocol.leaks else 0.5
        right = np.arange(len(rows)) < round(share * len(rows))
        found = Scores(
            ids=tuple(row.id for row in rows),
            groups=tuple(row.group for row in rows),
            truth=truth,
            probabilities=np.where(np.eye(2)[truth] == right[:, None], 0.9, 0.1),
            classes=job.manifest.classes,
            paths=tuple(row.path.as_posix() for row in rows),
            boxes=(None,) * len(rows),
            about={
                "part": "test",
                "protocol": job.split.protocol.to_json(),
                "model": {"backbone": job.settings.backbone},
                "training": {"settings": {}},
            },
        )
        return Answered(found, 1, 1, 0.5, ({"epoch": 1, "train_loss": 0.5},), again=False)


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    made = Stand()
    for module in ("crossval", "inflation"):
        monkeypatch.setattr(f"papscope.studies.{module}.answered", made)
    return made


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return draw(tmp_path_factory.mktemp("slides"), (8, 8), tell_tale=1.0)


@pytest.fixture(scope="module")
def leaky(cells: Manifest) -> Audit:
    return audit_split(cells, cut(cells, by="image", shares=SHARES))


def test_both_splits_are_trained_alike_and_compared(
    leaky: Audit, stand: Stand, tmp_path: Path
) -> None:
    found = measure_inflation(leaky, quick(keep="best"), tmp_path / "m")

    (given, one), (clean, other) = stand.jobs
    assert [one.parent.name, other.parent.name] == ["given", "clean"]
    assert given.split.part_of == leaky.given.split.part_of
    assert given.settings == clean.settings
    assert Counter(given.split.part_of.values()) == Counter(clean.split.part_of.values())
    accuracy = found.measures["accuracy"]
    assert isinstance(accuracy, Compared)
    assert (accuracy.a, accuracy.b) == (0.5, 1.0)
    assert (found.how, found.paired, found.n) == ("parts", False, (12, 12))
    assert read_scores(tmp_path / "m/given/scores.csv").leaks == f"{LEAKS} (by an audit)"


def test_the_clean_split_cuts_no_tie_of_any_kind(cells: Manifest, leaky: Audit) -> None:
    ties = dict(leaky.ties)
    first, second = ties["group"][0], ties["group"][1]
    ties["near"] = (replace(first, ids=(first.ids[0], second.ids[0])),)
    images = tied(replace(leaky, ties=ties))

    for seed in range(5):
        clean = clean_split(as_given(leaky, images), images, seed)
        parts = {clean.part_of[name] for name in (*first.ids, *second.ids)}
        assert len(parts) == 1
        assert not audit_split(cells, clean).chief.certain


def test_images_that_nobody_grouped_can_be_cut_clean(cells: Manifest, leaky: Audit) -> None:
    bare = replace(cells, rows=tuple(replace(row, group=None) for row in cells.rows))
    images = tied(replace(leaky, manifest=bare, ties={}))
    clean = clean_split(as_given(leaky, images), images, 0)
    assert Counter(clean.part_of.values()) == {"train": 24, "val": 12, "test": 12}


def test_a_split_without_validation_keeps_the_last_epoch(
    cells: Manifest, stand: Stand, tmp_path: Path
) -> None:
    audit = audit_split(cells, cut(cells, by="image", shares={"train": 0.5, "test": 0.5}))
    notes: list[str] = []

    measure_inflation(audit, quick(keep="best"), tmp_path / "m", watch=Watch(on_note=notes.append))

    assert {job.settings.keep for job, _ in stand.jobs} == {"last"}
    assert "the split has no validation part, so the last epoch is kept" in notes


def test_a_split_without_a_test_part_is_tested_by_validation(
    cells: Manifest, stand: Stand, tmp_path: Path
) -> None:
    audit = audit_split(cells, cut(cells, by="image", shares={"train": 0.5, "val": 0.5}))

    found = measure_inflation(audit, quick(), tmp_path / "m")

    assert found.n[1] == 24
    assert stand.jobs[0][0].split.parts == ("train", "test")


def test_given_folds_are_trained_each_and_answer_for_the_same_images(
    cells: Manifest, stand: Stand, tmp_path: Path
) -> None:
    audit = audit_split(cells, cut_folds(cells, by="image", folds=3))

    found = measure_inflation(audit, quick(), tmp_path / "m")

    assert (found.how, found.paired, found.n) == ("folds", True, (48, 48))
    assert len(stand.jobs) == 6
    assert found.training == (32, 32)


def test_folds_in_the_splits_stead_are_those_of_a_cross_validation(
    leaky: Audit, stand: Stand, tmp_path: Path
) -> None:
    found = measure_inflation(leaky, quick(), tmp_path / "m", how=InflationSettings(folds=2))

    assert (found.how, found.paired) == ("by image", True)
    assert [job.split.protocol.by for job, _ in stand.jobs] == [
        "strict",
        "strict",
        "image",
        "image",
    ]
    assert "on folds by image" in found.sentence()


def test_a_folder_is_gone_on_with_only_if_asked_and_only_alike(
    leaky: Audit, stand: Stand, tmp_path: Path
) -> None:
    place = tmp_path / "m"
    measure_inflation(leaky, quick(), place)

    with pytest.raises(TrainingError, match="already holds a measurement"):
        measure_inflation(leaky, quick(), place)
    with pytest.raises(TrainingError, match=r"asked for otherwise: settings\.epochs was 2, now 3"):
        measure_inflation(leaky, quick(epochs=3), place, resume=True)
    how = InflationSettings(seed=1)
    with pytest.raises(TrainingError, match=r"asked for otherwise: splits\.clean was"):
        measure_inflation(leaky, quick(), place, how=how, resume=True)
    measure_inflation(leaky, quick(), place, resume=True)


def test_what_is_impossible_is_told_before_anything_is_trained(
    cells: Manifest, stand: Stand, tmp_path: Path
) -> None:
    every = tuple(row.id for row in cells.rows)
    audit = audit_split(cells, cut(cells, by="image", shares=SHARES))
    one = replace(audit.ties["group"][0], ids=every)

    with pytest.raises(SplitError, match="no clean split of these images is possible"):
        measure_inflation(replace(audit, ties={"group": (one,)}), quick(), tmp_path / "m")
    assert (stand.jobs, (tmp_path / "m").exists()) == ([], False)


def test_labels_in_one_part_alone_leave_nothing_to_measure(cells: Manifest, tmp_path: Path) -> None:
    split = cut(cells, by="image", shares=SHARES)
    rows = [
        row if split.part_of[row.id] == "train" else replace(row, label=None) for row in cells.rows
    ]
    few = replace(cells, rows=tuple(rows))
    audit = audit_split(few, Split(split.protocol, split.part_of, few.digest))
    with pytest.raises(SplitError, match="the labelled images are in train alone"):
        measure_inflation(audit, quick(), tmp_path / "m")


@pytest.mark.parametrize("wrong", [{"folds": 1}, {"resamples": 5}])
def test_settings_that_cannot_be_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(SettingError, match=next(iter(wrong))):
        InflationSettings(**wrong)


def test_a_real_training_shows_the_leak_and_is_not_done_again(tmp_path: Path) -> None:
    """Slides that give themselves away: half of the answers are right where no slide was seen."""
    made = draw(tmp_path, (8, 8), shades=(120, 120), tell_tale=1.0)
    write_manifest(tmp_path / "again.csv", made)
    audit = audit_split(made, cut(made, by="image", shares={"train": 0.66, "test": 0.34}))
    settings = quick(epochs=2)

    first = measure_inflation(audit, settings, tmp_path / "m")
    kept = (tmp_path / "m/given/training-0/fold.json").stat().st_mtime_ns
    again = measure_inflation(audit, settings, tmp_path / "m", resume=True)

    assert again.to_json() == first.to_json()
    assert (tmp_path / "m/given/training-0/fold.json").stat().st_mtime_ns == kept
    assert not (tmp_path / "m/given/training-0/run").exists()
