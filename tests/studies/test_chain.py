from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from made_stages import QUICK, listed, made_herlev, made_sipakmed, written

from papscope.bundle import DESCRIPTION, WEIGHTS, read_bundle
from papscope.errors import BundleError, SplitError, TrainingError
from papscope.files import write_json
from papscope.manifest import read_manifest
from papscope.scores import read_scores
from papscope.scoring import score
from papscope.split import read_split
from papscope.studies import chain_stage
from papscope.studies.chain import Chained, run_chain
from papscope.studies.chain_data import Places
from papscope.studies.chain_recipe import ChainRecipe, read_chain
from papscope.studies.chain_stage import ChainWatch, Interrupted
from papscope.train.fit import fit
from papscope.train.module import EpochDone


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    root = tmp_path_factory.mktemp("data")
    made_herlev(root / "herlev")
    made_sipakmed(root / "sipakmed")
    return Places(root=root, allow_partial=True)


@pytest.fixture(scope="module")
def triple(places: Places, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Chained]:
    folder = tmp_path_factory.mktemp("triple") / "chain"
    return folder, run_chain(read_chain("triple", QUICK), folder, places)


def two(folder: Path, *, epochs: int = 1, more: str = "") -> ChainRecipe:
    """Herlev, then SIPaKMeD."""
    text = (
        '[chain]\ncompare = false\n[[stage]]\ndataset = "herlev"\n[[stage]]\ndataset = "sipakmed"\n'
    )
    return read_chain(written(folder / "two.toml", text + more), {**QUICK, "epochs": str(epochs)})


@pytest.fixture(scope="module")
def whole(places: Places, tmp_path_factory: pytest.TempPathFactory) -> Chained:
    """A chain of two stages and two epochs each that nothing cut off."""
    folder = tmp_path_factory.mktemp("whole")
    return run_chain(two(folder, epochs=2), folder / "chain", places)


@pytest.fixture
def finished(whole: Chained, tmp_path: Path) -> Path:
    """A copy of its folder, to do harm to."""
    return Path(shutil.copytree(whole.bundle.parent, tmp_path / "chain"))


def known(bundle: Path) -> Any:
    return json.loads((bundle / DESCRIPTION).read_bytes())["provenance"]


def test_the_head_is_new_in_each_stage_and_the_rest_comes_from_the_stage_before(
    triple: tuple[Path, Chained],
) -> None:
    _, done = triple

    assert [len(one.bundle.description.classes) for one in done.stages] == [5, 7, 5]
    first, second, third = (one.sentence for one in done.stages)
    assert first.startswith("weights: random")
    assert "from stage 1, sipakmed-extended; the head is new" in second
    assert "from stage 2, herlev; the head is new" in third


def test_the_last_bundle_tells_of_all_stages_and_of_no_folder(
    triple: tuple[Path, Chained],
) -> None:
    folder, done = triple

    stages = known(done.bundle)["chain"]

    assert [one["name"] for one in stages] == ["sipakmed-extended", "herlev", "sipakmed"]
    assert [one["dataset"] for one in stages] == ["sipakmed", "herlev", "sipakmed"]
    assert [one["extend"] for one in stages] == ["original", None, None]
    assert stages[1]["settings"]["weights"] == "stage 1, sipakmed-extended"
    assert all(one["metrics"]["n"] > 0 and len(one["manifest_sha256"]) == 64 for one in stages)
    assert str(folder) not in (done.bundle / DESCRIPTION).read_text(encoding="utf-8")
    card = (done.bundle / "README.md").read_text(encoding="utf-8")
    assert "## Trained in a chain, triple" in card
    assert "2. **herlev**: herlev, 7 classes\n" in card
    assert "each training image extended (original)" in card
    assert card.count("Cite: Jantzen") == 1


def test_each_training_image_of_an_extended_stage_is_there_fifteen_times(
    triple: tuple[Path, Chained],
) -> None:
    folder, _ = triple
    place = folder / "stage-1-sipakmed-extended"
    before, after = (
        read_split(place / name).part_of.values() for name in ("split.csv", "extended/split.csv")
    )

    assert list(after).count("train") == 15 * list(before).count("train")
    assert list(after).count("test") == list(before).count("test")


def test_a_data_set_that_occurs_twice_is_divided_once(triple: tuple[Path, Chained]) -> None:
    folder, _ = triple

    first, last = (
        (folder / stage / "split.csv").read_bytes()
        for stage in ("stage-1-sipakmed-extended", "stage-3-sipakmed")
    )

    assert first == last


def test_what_any_stage_has_seen_is_found_out_when_the_last_model_is_scored(
    triple: tuple[Path, Chained],
) -> None:
    folder, done = triple
    bundle = read_bundle(done.bundle)
    clean = read_scores(folder / "scores-chain.csv")
    herlev = read_manifest(folder / "stage-2-herlev" / "manifest.csv")
    learned = read_split(folder / "stage-2-herlev" / "split.csv").part_of
    last = read_manifest(folder / "stage-3-sipakmed" / "manifest.csv")
    # Herlev's images under names that the last model knows.
    rows = tuple(replace(row, label=last.class_names[0]) for row in herlev.rows)
    disguised = replace(herlev, rows=rows, classes=last.classes, digest="")

    leaks = score(bundle, disguised).leaks

    assert clean.leaks is None
    count = sum(part in ("train", "val") for part in learned.values())
    assert f"of 21 images, the model was trained on {count}," in str(leaks)


def test_imagenets_statistics_hold_throughout(triple: tuple[Path, Chained]) -> None:
    _, done = triple
    scaled = {
        (one.bundle.description.preprocess.mean, one.bundle.description.preprocess.std)
        for one in done.stages
    }
    assert len(scaled) == 1


def test_the_chain_and_the_single_stage_answer_for_the_same_images_and_are_compared(
    triple: tuple[Path, Chained],
) -> None:
    folder, done = triple
    told = json.loads((folder / "comparison.json").read_bytes())
    chain, single = (read_scores(folder / f"scores-{name}.csv") for name in ("chain", "single"))
    split = read_split(folder / "stage-3-sipakmed" / "split.csv")

    assert chain.ids == single.ids
    assert set(chain.ids) == {name for name, part in split.part_of.items() if part == "test"}
    assert chain.about["model"]["bundle_sha256"] == done.digest
    alone = known(folder / "single" / "bundle")
    assert alone["weights"].startswith("weights: random")
    assert alone["training"]["settings"]["seed"] == done.stages[-1].settings["seed"]
    assert told["verdict"] == done.verdict
    assert told["n"] == len(chain) == 5


class Cut(BaseException):
    """Stands for a power failure."""


def cut_off_at(epoch: int) -> ChainWatch:
    heard: list[EpochDone] = []

    def hear(done: EpochDone) -> None:
        heard.append(done)
        if len(heard) == epoch:
            raise Cut

    return ChainWatch(on_epoch=hear)


@pytest.mark.parametrize("epoch", [2, 3])
def test_a_chain_cut_off_in_any_stage_ends_as_one_that_was_not(
    epoch: int, whole: Chained, places: Places, tmp_path: Path
) -> None:
    recipe = two(tmp_path, epochs=2)
    with pytest.raises(Cut):
        run_chain(recipe, tmp_path / "cut", places, watch=cut_off_at(epoch))

    resumed = run_chain(recipe, tmp_path / "cut", places, resume=True)

    assert resumed.digest == whole.digest
    assert (resumed.bundle / WEIGHTS).read_bytes() == (whole.bundle / WEIGHTS).read_bytes()


def test_finished_stages_are_kept_and_not_trained_again(
    whole: Chained, finished: Path, places: Places, tmp_path: Path
) -> None:
    notes: list[str] = []
    epochs: list[EpochDone] = []

    watch = ChainWatch(on_epoch=epochs.append, on_note=notes.append)
    again = run_chain(two(tmp_path, epochs=2), finished, places, resume=True, watch=watch)

    assert (again.digest, epochs) == (whole.digest, [])
    assert [note.partition(":")[0] for note in notes] == ["finished before, verified"] * 2


def test_a_finished_stage_that_was_changed_is_refused(
    finished: Path, places: Places, tmp_path: Path
) -> None:
    recipe = two(tmp_path, epochs=2)
    weights = finished / "stage-1-herlev" / "bundle" / WEIGHTS
    before = weights.read_bytes()

    weights.write_bytes(before[:-1] + b"\x7f")
    with pytest.raises(BundleError, match=r"is not the file that bundle\.json vouches for"):
        run_chain(recipe, finished, places, resume=True)
    weights.write_bytes(before)
    told = json.loads((finished / "stage-2-sipakmed" / "stage.json").read_bytes())
    write_json(finished / "stage-2-sipakmed" / "stage.json", {**told, "began_from": "0" * 64})
    with pytest.raises(TrainingError, match="came from another bundle than the stage before"):
        run_chain(recipe, finished, places, resume=True)


def test_a_folder_holds_one_chain(finished: Path, places: Places, tmp_path: Path) -> None:
    recipe = two(tmp_path, epochs=2)

    with pytest.raises(TrainingError, match="already holds a chain"):
        run_chain(recipe, finished, places)
    with pytest.raises(TrainingError, match=r"recipe\.stages\.1\.train\.epochs was 2, now 3"):
        run_chain(two(tmp_path, epochs=3), finished, places, resume=True)
    with pytest.raises(TrainingError, match="there is no chain to resume"):
        run_chain(recipe, tmp_path / "none", places, resume=True)


def test_images_that_changed_since_the_chain_began_are_refused(
    finished: Path, places: Places, tmp_path: Path
) -> None:
    assert places.root is not None
    other = made_sipakmed(tmp_path / "other", seed=1)
    moved = replace(places, folders={"sipakmed": other})

    with pytest.raises(TrainingError, match="stage 2, sipakmed, are not those that the chain"):
        run_chain(two(tmp_path, epochs=2), finished, moved, resume=True)


def test_ctrl_c_leaves_a_chain_that_can_be_resumed(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, real = two(tmp_path), fit

    def stopped(*args: Any, **words: Any) -> Any:
        return replace(real(*args, **words), interrupted=True)

    monkeypatch.setattr(chain_stage, "fit", stopped)
    with pytest.raises(Interrupted):
        run_chain(recipe, tmp_path / "chain", places)
    assert not (tmp_path / "chain" / "stage-1-herlev" / "stage.json").exists()
    monkeypatch.undo()

    assert run_chain(recipe, tmp_path / "chain", places, resume=True).verdict is None


def test_a_head_is_kept_where_the_stage_before_had_the_same_classes(
    places: Places, tmp_path: Path
) -> None:
    recipe = two(tmp_path, more='[[stage]]\nname = "again"\ndataset = "sipakmed"\n')

    done = run_chain(recipe, tmp_path / "chain", places)

    assert "the head is new" in done.stages[1].sentence
    assert "the head is new" not in done.stages[2].sentence


def test_a_stage_that_hands_nothing_on_is_told_of(places: Places, tmp_path: Path) -> None:
    notes: list[str] = []
    text = (
        '[chain]\ncompare = false\n[[stage]]\ndataset = "herlev"\nhead_epochs = 1\n'
        '[[stage]]\ndataset = "sipakmed"\n'
    )
    recipe = read_chain(written(tmp_path / "r.toml", text), QUICK)

    run_chain(recipe, tmp_path / "chain", places, watch=ChainWatch(on_note=notes.append))

    assert sum("only the head learns here" in note for note in notes) == 1


def test_only_the_wanted_classes_are_learned_and_divided_as_the_whole_is(
    places: Places, tmp_path: Path
) -> None:
    wanted = ["Parabasal", "Metaplastic", "Dyskeratotic"]
    third = f'[[stage]]\nname = "three"\ndataset = "sipakmed"\nclasses = {wanted}\n'

    done = run_chain(two(tmp_path, more=third), tmp_path / "chain", places)

    names = [one.name for one in done.stages[2].bundle.description.classes]
    assert names == [n for n in done.stages[1].ready.manifest.class_names if n in wanted]
    whole, some = (done.stages[place].ready.split.part_of for place in (1, 2))
    assert len(some) == 9
    assert some.items() <= whole.items()


def test_test_images_that_an_earlier_stage_learns_from_are_refused_before_any_training(
    places: Places, tmp_path: Path
) -> None:
    assert places.root is not None
    for name, seed in (("one", 0), ("two", 5)):
        listed("sipakmed", places.root / "sipakmed", tmp_path / f"{name}.csv", seed)
    text = "".join(
        f'[[stage]]\nmanifest = "{name}.csv"\nsplit = "{name}.split.csv"\n'
        for name in ("one", "two")
    )
    recipe = read_chain(written(tmp_path / "r.toml", text), QUICK)

    with pytest.raises(
        SplitError, match=r"stage 2, two, is tested on \d images that stage 1, one, "
    ):
        run_chain(recipe, tmp_path / "chain")

    assert not (tmp_path / "chain").exists()


def test_a_users_manifests_are_used_as_they_are(places: Places, tmp_path: Path) -> None:
    assert places.root is not None
    listed("herlev", places.root / "herlev", tmp_path / "one.csv")
    listed("sipakmed", places.root / "sipakmed", tmp_path / "two.csv")
    text = "[chain]\nresamples = 100\n" + "".join(
        f'[[stage]]\nmanifest = "{name}.csv"\nsplit = "{name}.split.csv"\n'
        for name in ("one", "two")
    )
    recipe = read_chain(written(tmp_path / "r.toml", text), QUICK)

    done = run_chain(recipe, tmp_path / "chain")

    assert done.stages[0].ready.files == (tmp_path / "one.csv", tmp_path / "one.split.csv")
    assert known(done.bundle)["manifest_sha256"] == read_manifest(tmp_path / "two.csv").digest
    assert done.comparison is not None
