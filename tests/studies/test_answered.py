"""A fold is trained once: cut off it is gone on with, finished it is read, changed refused."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
import torch
from made_slides import draw, quick
from typer.testing import CliRunner, Result

from papscope.bundle import WEIGHTS
from papscope.cli.main import app
from papscope.errors import TrainingError
from papscope.manifest import Manifest
from papscope.scores import read_scores
from papscope.studies.answered import Answered, Job, answered
from papscope.studies.crossval_settings import CrossvalSettings
from papscope.studies.folding import outer_folds, parts_of
from papscope.train.module import EpochDone
from papscope.train.trainer import Watch

SETTINGS = quick(epochs=3)


class Cut(BaseException):
    """Stands for a power failure."""


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return draw(tmp_path_factory.mktemp("slides"), (4, 4), cells=2)


@pytest.fixture
def job(slides: Manifest) -> Job:
    folds = outer_folds(slides, "group", CrossvalSettings(folds=2), 0)
    return Job(slides, parts_of(folds, slides, 1, SETTINGS), SETTINGS, keep=True)


def untroubled(job: Job, place: Path) -> Answered:
    return answered(job, place, Watch())


def test_a_finished_fold_is_read_and_not_trained_again(job: Job, tmp_path: Path) -> None:
    first = untroubled(job, tmp_path / "fold")

    heard: list[EpochDone] = []
    second = answered(job, tmp_path / "fold", Watch(on_epoch=heard.append))

    assert (first.again, second.again, heard) == (False, True, [])
    assert second.scores.ids == first.scores.ids
    assert (second.scores.probabilities == first.scores.probabilities).all()
    assert (second.epochs, second.kept_epoch, len(second.history)) == (3, 3, 3)
    kept = sorted(one.name for one in (tmp_path / "fold").iterdir())
    assert kept == ["bundle", "fold.json", "scores.csv"]


def test_a_fold_cut_off_in_its_midst_ends_with_the_same_answers(job: Job, tmp_path: Path) -> None:
    whole = untroubled(job, tmp_path / "whole")

    def cut(done: EpochDone) -> None:
        if done.epoch == 2:
            raise Cut

    with pytest.raises(Cut):
        answered(job, tmp_path / "cut", Watch(on_epoch=cut))
    heard: list[int] = []
    again = answered(job, tmp_path / "cut", Watch(on_epoch=lambda done: heard.append(done.epoch)))

    assert 1 not in heard
    assert (again.scores.probabilities == whole.scores.probabilities).all()
    assert again.seconds is None
    files = [tmp_path / name / "bundle" / WEIGHTS for name in ("whole", "cut")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_ctrl_c_keeps_the_epoch_and_does_not_count_as_finished(job: Job, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)

    def press(done: EpochDone) -> None:
        if done.epoch == 2:
            heard = signal.getsignal(signal.SIGINT)
            assert callable(heard)
            assert heard is not before
            heard(signal.SIGINT, None)  # a true signal may end this process, and all its tests

    with pytest.raises(KeyboardInterrupt):
        answered(job, tmp_path / "fold", Watch(on_epoch=press))

    assert not (tmp_path / "fold/fold.json").exists()
    assert untroubled(job, tmp_path / "fold").epochs == 3


def test_a_finished_fold_that_was_changed_is_refused(job: Job, tmp_path: Path) -> None:
    place = tmp_path / "fold"
    untroubled(job, place)
    text = (place / "scores.csv").read_text()

    (place / "scores.csv").write_text(text + "\n")
    with pytest.raises(TrainingError, match=r"scores\.csv is not what was finished") as no:
        untroubled(job, place)
    assert no.value.hint.startswith(f"remove {place} and resume")

    (place / "scores.csv").write_text(text)
    (place / "bundle/bundle.json").unlink()
    with pytest.raises(TrainingError, match=r"bundle\.json is not what was finished"):
        untroubled(job, place)
    (place / "fold.json").write_text("{")
    with pytest.raises(TrainingError, match=r"fold\.json is damaged"):
        untroubled(job, place)


def command(folder: Path, *words: object) -> Result:
    fast = ["--backbone", "test_efficientnet", "--weights", "none", "--size", "32", "--lr", "3e-3"]
    more = ["--batch-size", "8", "--threads", "1", "--accelerator", "cpu", "--set", "keep=last"]
    line = ["crossval", folder / "slides.csv", "-o", folder / "cv", *fast, *more, *words]
    env = {"COLUMNS": "200", "NO_COLOR": "1"}
    return CliRunner().invoke(app, [str(word) for word in line], env=env)


def test_a_random_split_flatters_where_slides_can_be_known_again(tmp_path: Path) -> None:
    draw(tmp_path, (5, 5), cells=8, shades=(125, 125), tell_tale=0.9)

    told = command(tmp_path, "--folds", 2, "--epochs", 8, "--also-leaky", "--resamples", 200)

    assert told.exit_code == 0, told.output
    found = json.loads((tmp_path / "cv/metrics.json").read_text())["crossval"]["leaky"]
    gap = found["inflation"]["measures"]["accuracy"]
    assert gap["b"] - gap["a"] > 0.3
    assert gap["better"] == "b"
    assert "by image: LEAKS" in told.stdout
    assert "Believe the honest numbers" in told.stdout
    assert "fold 1 of 2, epoch 8 of 8: loss" in told.stderr
    assert "leaky, fold 1 of 2 done (leaks: cells of one slide on both sides)" in told.stderr
    scores = read_scores(tmp_path / "cv/scores.csv")
    assert scores.about["command"].startswith(f"papscope crossval {tmp_path}/slides.csv --output")
    assert "--also-leaky" in scores.about["command"]
    assert scores.about["training"]["settings"]["epochs"] == 8


def test_the_command_chooses_and_its_scores_serve_the_other_commands(tmp_path: Path) -> None:
    draw(tmp_path, (4, 4), cells=2)
    (tmp_path / "c.toml").write_text("[candidates.fast]\n[candidates.slow]\nlr = 1e-6\n")
    asked = ("--folds", 2, "--inner-folds", 2, "--epochs", 3, "--choose", tmp_path / "c.toml")
    told = command(tmp_path, *asked, "--resamples", 100)
    assert told.exit_code == 0, told.output
    assert "by macro_f1 on inner folds: fast " in told.stderr

    scores = str(tmp_path / "cv/scores.csv")
    folder = str(tmp_path / "again")
    for words in (["compare", scores, scores], ["evaluate", "--scores", scores, "-o", folder]):
        assert CliRunner().invoke(app, [*words, "--resamples", "100"]).exit_code == 0
    again = command(tmp_path, *asked, "--resamples", 100, "--resume")
    assert again.exit_code == 0
    assert "epoch" not in again.stderr.replace("epochs", "")
    assert again.stdout == told.stdout


def test_the_command_tells_what_is_wrong_in_two_lines(tmp_path: Path) -> None:
    draw(tmp_path, (4, 2), cells=2)
    few = command(tmp_path, "--folds", 3)
    assert few.exit_code == 6
    assert few.stderr.splitlines()[-1] == "  try: at most 2 folds are possible: --folds 2"
    misspelt = command(tmp_path, "--set", "epoch=3")
    assert (misspelt.exit_code, "did you mean 'epochs'?" in misspelt.stderr) == (2, True)
    leaky = command(tmp_path, "--by", "image", "--also-leaky")
    assert (leaky.exit_code, "leak already" in leaky.stderr) == (2, True)
    assert not (tmp_path / "cv").exists()
