from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_discs import draw, quick

from papscope.augment.settings import OnlineSettings
from papscope.bundle import WEIGHTS, read_bundle
from papscope.cutting import cut
from papscope.errors import (
    DiskError,
    ImageError,
    SettingError,
    SplitError,
    TrainingError,
    WeightsError,
)
from papscope.files import write_bytes
from papscope.manifest import Manifest
from papscope.network.backbones import from_bundle
from papscope.seeds import stream
from papscope.split import Split, write_split
from papscope.train import checkpoint, losses
from papscope.train.fit import fit
from papscope.train.module import EpochDone
from papscope.train.rates import find_rate
from papscope.train.settings import TrainSettings
from papscope.train.trainer import Watch

BUSY = quick(
    head_epochs=1,
    layer_decay=0.8,
    balance="sampler",
    label_smoothing=0.1,
    mixup=0.4,
    cutmix=1.0,
    stain_norm="reinhard",
    ema=0.9,
    drop_rate=0.2,
    augment=OnlineSettings(
        rotation=20, scale=0.2, crop=0.2, elastic=0.05, stain=0.1, contrast=0.2, tint=0.1, blur=0.8,
        noise=0.02, jpeg=0.3,
    ),
)  # fmt: skip
"""Everything that draws random numbers, at once."""


HEARS_CTRL_C = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs tests may have it ignored
from papscope.cli.main import main
main()
"""


def press_ctrl_c(before: Any) -> None:
    """Call what hears Ctrl-C: a true signal may end this process, and with it all tests."""
    heard = signal.getsignal(signal.SIGINT)
    assert callable(heard)
    assert heard is not before
    heard(signal.SIGINT, None)


class Cut(BaseException):
    """Stands for a power failure: nothing may catch it and tidy up."""


def cut_off_at(call: int) -> Watch:
    """Listen to a run until its n-th batch or epoch, then end it."""
    heard = 0

    def hear(*_: Any) -> None:
        nonlocal heard
        heard += 1
        if heard == call:
            raise Cut

    def hear_batch(what: str, done: int, total: int | None) -> None:
        if what.startswith("epoch"):
            hear()

    return Watch(tell=hear_batch, on_epoch=hear)


def weights_of(bundle: Path) -> bytes:
    return (bundle / WEIGHTS).read_bytes()


def test_a_network_learns_what_can_be_learnt(discs: Manifest, parts: Split, tmp_path: Path) -> None:
    done = fit(discs, parts, quick(epochs=8), tmp_path / "run")

    assert done.best.val_accuracy is not None
    assert done.best.val_accuracy > 0.9
    assert done.history[-1].train_loss < done.history[0].train_loss


def test_the_bundle_answers_as_the_best_epoch_did(
    discs: Manifest, parts: Split, tmp_path: Path
) -> None:
    done = fit(discs, parts, quick(), tmp_path / "run")

    bundle = read_bundle(done.bundle)
    assert bundle.digest == done.digest
    assert [one.name for one in bundle.description.classes] == ["pale", "dark"]
    assert bundle.description.metrics["accuracy"] == done.best.val_accuracy
    from papscope.dataset import squares
    from papscope.preprocess import to_planes
    from papscope.split import part_rows

    rows = part_rows(parts, discs, "val")
    pictures = squares(discs, rows, bundle.description.preprocess, tmp_path)
    planes = torch.from_numpy(to_planes(np.asarray(pictures), bundle.description.preprocess))
    with torch.inference_mode():
        called = from_bundle(bundle)(planes).argmax(1).tolist()
    hits = [("pale", "dark")[place] == row.label for place, row in zip(called, rows, strict=True)]
    assert np.mean(hits) == pytest.approx(done.best.val_accuracy)


def test_the_same_seed_trains_the_same_weights_and_another_seed_others(
    discs: Manifest, parts: Split, tmp_path: Path
) -> None:
    one = fit(discs, parts, BUSY, tmp_path / "one")
    two = fit(discs, parts, BUSY, tmp_path / "two")
    other = fit(discs, parts, replace(BUSY, seed=6), tmp_path / "other")

    assert weights_of(one.bundle) == weights_of(two.bundle)
    assert one.digest == two.digest
    assert weights_of(one.bundle) != weights_of(other.bundle)


@pytest.mark.parametrize("call", [1, 4, 5, 6, 9, 11])
def test_a_run_cut_off_anywhere_ends_with_the_same_weights(
    call: int, discs: Manifest, parts: Split, tmp_path: Path
) -> None:
    whole = fit(discs, parts, BUSY, tmp_path / "whole")

    with pytest.raises(Cut):
        fit(discs, parts, BUSY, tmp_path / "cut", watch=cut_off_at(call))
    torch.rand(7)  # another process would have another random state
    resumed = fit(discs, parts, BUSY, tmp_path / "cut", resume=True)

    assert weights_of(resumed.bundle) == weights_of(whole.bundle)
    assert resumed.history == whole.history


@pytest.mark.slow
def test_a_run_killed_by_the_system_ends_with_the_same_weights(tmp_path: Path) -> None:
    discs = draw(tmp_path)
    write_split(tmp_path / "split.csv", cut(discs, seed=1))
    data = ["discs.csv", "--split", "split.csv", "--weights", "none", "--size", "32", "--seed", "5"]
    network = ["--backbone", "test_efficientnet", "--epochs", "40", "--batch-size", "6"]
    machine = ["--ema", "0.9", "--threads", "1", "--accelerator", "cpu"]
    words = ["train", *data, *network, *machine]

    def start(run: str, *more: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "papscope", *words, "-o", run, *more]
        return subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)

    assert start("whole").wait() == 0
    killed = start("killed")
    history = tmp_path / "killed" / "history.json"
    while not history.exists():
        assert killed.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert len(json.loads(history.read_bytes())) < 40

    assert start("killed", "--resume").wait() == 0

    one, other = tmp_path / "whole" / "bundle", tmp_path / "killed" / "bundle"
    assert weights_of(one) == weights_of(other)


@pytest.mark.slow
def test_two_processes_share_the_work_and_write_one_bundle(tmp_path: Path) -> None:
    discs = draw(tmp_path)
    write_split(tmp_path / "split.csv", cut(discs, seed=1))
    data = ["discs.csv", "--split", "split.csv", "--weights", "none", "--size", "32"]
    network = ["--backbone", "test_efficientnet", "--epochs", "2", "--batch-size", "4"]
    machine = ["--devices", "2", "--threads", "1", "--accelerator", "cpu", "--head-epochs", "1"]

    command = [sys.executable, "-m", "papscope", "train", *data, *network, *machine, "-o", "run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("bundle: run") == 1
    assert "epoch 2/2: 3" in done.stderr  # 22 images, 11 a process, batches of 4
    assert len(read_bundle(tmp_path / "run" / "bundle").description.classes) == 2


def test_frozen_layers_stay_as_they_came_with_their_statistics(
    discs: Manifest, parts: Split, tmp_path: Path
) -> None:
    first = fit(discs, parts, quick(epochs=1), tmp_path / "first")
    again = quick(epochs=2, weights=str(first.bundle), freeze=3)

    done = fit(discs, parts, again, tmp_path / "second")

    before, after = read_bundle(first.bundle).tensors, read_bundle(done.bundle).tensors
    same = {name for name in before if np.array_equal(before[name], after[name])}
    assert {"conv_stem.weight", "bn1.weight", "bn1.running_mean"} <= same
    assert not {"conv_head.weight", "bn2.running_mean", "classifier.weight"} & same


def test_freezing_all_layers_is_refused(discs: Manifest, parts: Split, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"freeze is 99; the network has \d+ layers"):
        fit(discs, parts, quick(freeze=99), tmp_path / "run")


def test_ctrl_c_keeps_the_last_whole_epoch(discs: Manifest, parts: Split, tmp_path: Path) -> None:
    whole = fit(discs, parts, BUSY, tmp_path / "whole")

    before = signal.getsignal(signal.SIGINT)

    def press(done: EpochDone) -> None:
        if done.epoch == 2:
            press_ctrl_c(before)

    stopped = fit(discs, parts, BUSY, tmp_path / "run", watch=Watch(on_epoch=press))
    assert signal.getsignal(signal.SIGINT) is before
    assert stopped.interrupted
    assert len(stopped.history) == 2
    resumed = fit(discs, parts, BUSY, tmp_path / "run", resume=True)

    assert weights_of(resumed.bundle) == weights_of(whole.bundle)


def test_a_run_that_fails_gives_ctrl_c_back(discs: Manifest, parts: Split, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)

    with pytest.raises(Cut):
        fit(discs, parts, BUSY, tmp_path / "run", watch=cut_off_at(4))

    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.slow
def test_ctrl_c_on_the_command_line_keeps_whole_epochs(tmp_path: Path) -> None:
    discs = draw(tmp_path)
    write_split(tmp_path / "split.csv", cut(discs, seed=1))
    data = ["discs.csv", "--split", "split.csv", "--weights", "none", "--size", "32"]
    network = ["--backbone", "test_efficientnet", "--epochs", "500", "--batch-size", "6"]
    machine = ["--threads", "1", "--accelerator", "cpu", "-o", "run"]
    command = [sys.executable, "-c", HEARS_CTRL_C, "train", *data, *network, *machine]
    run = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    history = tmp_path / "run" / "history.json"
    while not history.exists():
        assert run.poll() is None, "the run ended before Ctrl-C"
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    _, told = run.communicate(timeout=120)

    assert run.returncode == 130, told
    assert "Traceback" not in told
    assert read_bundle(tmp_path / "run" / "bundle").tensors


def test_a_folder_that_holds_a_run_is_not_trained_into(
    discs: Manifest, parts: Split, tmp_path: Path
) -> None:
    fit(discs, parts, quick(epochs=1), tmp_path / "run")

    with pytest.raises(TrainingError, match="already holds a training run"):
        fit(discs, parts, quick(epochs=1), tmp_path / "run")
    with pytest.raises(TrainingError, match=r"settings\.lr was 0\.003, now 0\.1"):
        fit(discs, parts, quick(epochs=1, lr=0.1), tmp_path / "run", resume=True)
    with pytest.raises(TrainingError, match="no run to resume"):
        fit(discs, parts, quick(epochs=1), tmp_path / "none", resume=True)


def test_a_run_that_never_began_may_be_asked_for_again(
    discs: Manifest, parts: Split, tmp_path: Path
) -> None:
    with pytest.raises(WeightsError, match="no weights"):
        fit(discs, parts, quick(weights="absent.pth"), tmp_path / "run")

    assert fit(discs, parts, quick(epochs=1), tmp_path / "run").bundle.exists()


def test_a_learning_rate_is_found_and_nothing_is_left_behind(
    discs: Manifest, parts: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.rglob("*"))

    found = find_rate(discs, parts, quick())

    assert 1e-6 < found.rate < 1
    assert len(found.rates) == len(found.losses)
    assert set(tmp_path.rglob("*")) == before


def test_a_class_without_training_images_is_told(
    discs: Manifest, parts: Split, tmp_path: Path
) -> None:
    moved = {
        name: "test" if name.startswith("dark") and part == "train" else part
        for name, part in parts.part_of.items()
    }

    with pytest.raises(TrainingError, match="no training image is dark"):
        fit(discs, replace(parts, part_of=moved), quick(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_no_number_is_told(discs: Manifest, parts: Split, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"loss is (nan|inf) (in|after) epoch \d+"):
        fit(discs, parts, quick(lr=99.0, optimiser="sgd", epochs=30), tmp_path / "run")


def test_too_little_memory_is_told(
    discs: Manifest, parts: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: Any, **__: Any) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 8 GB")

    monkeypatch.setattr("papscope.train.module.augment", no_memory)

    with pytest.raises(TrainingError, match="memory ran out with test_efficientnet at 32 px"):
        fit(discs, parts, quick(), tmp_path / "run")


def test_a_full_disk_is_told_and_the_last_checkpoint_is_kept(
    discs: Manifest, parts: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(discs, parts, quick(), tmp_path / "whole")
    written = 0

    def full(path: Path, data: bytes) -> str:
        nonlocal written
        written += 1
        if written == 4:
            raise DiskError(f"the disk is full: {path}", hint="free some space")
        return real(path, data)

    real = write_bytes
    monkeypatch.setattr(checkpoint, "write_bytes", full)
    with pytest.raises(DiskError, match="the disk is full"):
        fit(discs, parts, quick(), tmp_path / "run")
    monkeypatch.setattr(checkpoint, "write_bytes", real)

    resumed = fit(discs, parts, quick(), tmp_path / "run", resume=True)

    assert weights_of(resumed.bundle) == weights_of(whole.bundle)


def test_a_damaged_picture_is_named(discs: Manifest, parts: Split, tmp_path: Path) -> None:
    broken = discs.file_of(discs.rows[0])
    broken.write_bytes(broken.read_bytes()[:200])

    with pytest.raises(ImageError, match=broken.name):
        fit(discs, parts, quick(), tmp_path / "run")


def test_the_next_training_starts_from_a_bundle_and_replaces_the_head_of_other_classes(
    discs: Manifest, parts: Split, tmp_path: Path
) -> None:
    first = fit(discs, parts, quick(epochs=1), tmp_path / "first")
    notes: list[str] = []
    watch = Watch(on_note=notes.append)
    again = quick(epochs=1, weights=str(first.bundle))
    same = fit(discs, parts, again, tmp_path / "same", watch=watch)
    named = tuple(replace(one, name=one.name.upper()) for one in discs.classes)
    rows = tuple(replace(row, label=str(row.label).upper()) for row in discs.rows)
    others = replace(discs, classes=named, rows=rows)
    other = fit(others, parts, again, tmp_path / "other", watch=watch)

    assert not same.taken.head_replaced
    assert same.taken.kept == ()
    assert other.taken.head_replaced
    assert "the head is new" in notes[-1]


def without_validation(parts: Split) -> Split:
    moved = {"val": "train"}
    return replace(parts, part_of={name: moved.get(p, p) for name, p in parts.part_of.items()})


def test_the_last_epoch_is_kept_where_no_image_is_held_back(
    discs: Manifest, parts: Split, tmp_path: Path
) -> None:
    held_back = without_validation(parts)

    done = fit(discs, held_back, quick(keep="last", ema=0.5), tmp_path / "run")

    state = checkpoint.read_state(tmp_path / "run/last.safetensors")["state_dict"]
    tensors = read_bundle(done.bundle).tensors
    assert (done.best.epoch, done.best.val_macro_f1) == (3, None)
    name = "conv_stem.weight"
    assert np.array_equal(tensors[name], state[f"averaged.module.{name}"].numpy())
    assert read_bundle(done.bundle).description.metrics["n"] == 0
    assert "No image was held back" in (done.bundle / "README.md").read_text()
    with pytest.raises(SplitError, match="the split has no part 'val'"):
        fit(discs, held_back, quick(), tmp_path / "other")


def test_a_run_without_validation_that_was_cut_off_ends_with_the_same_weights(
    discs: Manifest, parts: Split, tmp_path: Path
) -> None:
    settings, held_back = replace(BUSY, keep="last"), without_validation(parts)
    whole = fit(discs, held_back, settings, tmp_path / "whole")

    with pytest.raises(Cut):
        fit(discs, held_back, settings, tmp_path / "run", watch=cut_off_at(9))
    resumed = fit(discs, held_back, settings, tmp_path / "run", resume=True)

    assert weights_of(resumed.bundle) == weights_of(whole.bundle)
    assert resumed.history == whole.history


def test_the_last_epoch_is_kept_though_an_earlier_one_did_better(
    discs: Manifest, parts: Split, tmp_path: Path
) -> None:
    done = fit(discs, parts, quick(keep="last", epochs=4), tmp_path / "run")

    assert done.best == done.history[-1]
    assert done.best.val_macro_f1 is not None
    with pytest.raises(SettingError, match="patience stops by validation"):
        quick(keep="last", patience=3)


def test_early_stopping_stops(discs: Manifest, parts: Split, tmp_path: Path) -> None:
    done = fit(discs, parts, quick(epochs=30, patience=2, lr=1e-8), tmp_path / "run")

    assert len(done.history) < 30


def test_a_state_survives_its_file_to_the_bit(tmp_path: Path) -> None:
    state: dict[Any, Any] = {
        "numbers": [0.1, 1e-300, 3, None, True, float("inf")],
        "pair": (torch.arange(3), "text"),
        7: {"deep": torch.tensor(2.5, dtype=torch.float64)},
    }

    checkpoint.write_state(tmp_path / "state", state)
    back: dict[Any, Any] = checkpoint.read_state(tmp_path / "state")

    assert back["numbers"] == state["numbers"]
    assert isinstance(back["pair"], tuple)
    assert torch.equal(back["pair"][0], torch.arange(3))
    assert back[7]["deep"].item() == 2.5  # JSON alone would make it "7"


def test_a_damaged_state_is_told(tmp_path: Path) -> None:
    checkpoint.write_state(tmp_path / "state", {"a": torch.arange(100)})
    whole = (tmp_path / "state").read_bytes()
    (tmp_path / "state").write_bytes(whole[:-10])

    with pytest.raises(TrainingError, match="cannot be resumed from"):
        checkpoint.read_state(tmp_path / "state")


def loss_of(settings: TrainSettings, logits: list[float], true: int, counts: list[int]) -> float:
    wanted = torch.nn.functional.one_hot(torch.tensor([true]), len(logits)).float()
    return losses.loss_for(np.array(counts), settings)(torch.tensor([logits]), wanted).item()


def test_a_plain_loss_is_cross_entropy() -> None:
    logits = [0.3, -1.0, 2.0]

    mine = loss_of(quick(), logits, 1, [5, 5, 5])

    theirs = torch.nn.functional.cross_entropy(torch.tensor([logits]), torch.tensor([1]))
    assert mine == pytest.approx(theirs.item())


def test_label_smoothing_is_that_of_torch() -> None:
    logits = [0.3, -1.0, 2.0]

    mine = loss_of(quick(label_smoothing=0.2), logits, 1, [5, 5, 5])

    theirs = torch.nn.functional.cross_entropy(
        torch.tensor([logits]), torch.tensor([1]), label_smoothing=0.2
    )
    assert mine == pytest.approx(theirs.item())


def test_weights_count_a_rare_class_more() -> None:
    settings = quick(balance="weights")

    rare, common = (loss_of(settings, [0.0, 0.0], true, [90, 10]) for true in (1, 0))

    assert rare == pytest.approx(9 * common)


def test_logit_adjustment_asks_more_of_a_rare_class() -> None:
    settings = quick(balance="logit")

    rare, common = (loss_of(settings, [0.0, 0.0], true, [90, 10]) for true in (1, 0))

    assert rare == pytest.approx(-np.log(0.1))
    assert common == pytest.approx(-np.log(0.9), rel=1e-5)


def test_focal_loss_counts_a_sure_answer_less() -> None:
    sure = loss_of(quick(balance="focal"), [4.0, 0.0], 0, [5, 5])
    plain = loss_of(quick(), [4.0, 0.0], 0, [5, 5])

    share = np.exp(-plain)
    assert sure == pytest.approx(plain * (1 - share) ** 2, rel=1e-4)


def test_the_sampler_draws_classes_evenly() -> None:
    from papscope.dataset import EpochOrder

    classes = np.array([0] * 900 + [1] * 100)
    chances = losses.chances(classes, np.bincount(classes), quick(balance="sampler"))
    order = EpochOrder(1000, 10, seed=3, chances=chances)

    drawn = classes[[place for batch in order for place in batch]]

    assert 0.45 < drawn.mean() < 0.55


def test_each_process_of_several_sees_its_own_part() -> None:
    from papscope.dataset import EpochOrder, Share

    seen = [
        {place for batch in EpochOrder(100, 7, seed=1, share=Share(rank, 4)) for place in batch}
        for rank in range(4)
    ]

    assert len(set.union(*seen)) == sum(len(one) for one in seen)
    assert len(set.union(*seen)) >= 96


def test_no_batch_holds_a_single_picture() -> None:
    from papscope.dataset import EpochOrder

    for count in range(2, 40):
        assert all(len(batch) > 1 for batch in EpochOrder(count, 6, seed=1))


def test_pictures_are_changed_within_their_range_and_by_the_generator_alone() -> None:
    from papscope.augment.online import augment

    random = stream(1, "pictures")
    pictures = torch.from_numpy(random.uniform(0, 255, (5, 3, 24, 24))).float()
    strong = OnlineSettings(rotation=90, scale=0.4, shift=0.2, brightness=0.4, contrast=0.5)

    def changed(seed: int) -> torch.Tensor:
        return augment(pictures.clone(), strong, torch.Generator().manual_seed(seed))

    assert torch.equal(changed(1), changed(1))
    assert not torch.equal(changed(1), changed(2))
    assert changed(1).min() >= 0
    assert changed(1).max() <= 255


def test_orientations_are_the_eight_and_lose_nothing() -> None:
    from papscope.augment.online import augment

    one = torch.arange(3 * 4 * 4).float().reshape(1, 3, 4, 4)
    draws = torch.Generator().manual_seed(0)

    seen = {tuple(augment(one, OnlineSettings(), draws).flatten().tolist()) for _ in range(200)}

    assert len(seen) == 8
    assert all(sorted(each) == sorted(one.flatten().tolist()) for each in seen)
