from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from made_stages import written

from papscope.config import CHAINS, SHIPPED, train_settings
from papscope.errors import SettingError
from papscope.studies.chain_recipe import read_chain
from papscope.studies.chain_settings import StageSettings
from papscope.train.settings import TrainSettings

HERLEV = '[[stage]]\ndataset = "herlev"\n'
CRIC = '[[stage]]\ndataset = "cric"\n'


@pytest.mark.parametrize("name", CHAINS)
def test_shipped_chains_can_be_followed(name: str) -> None:
    backbones = pytest.importorskip("papscope.network.backbones")

    found = read_chain(name)

    assert found.about.name == name
    backbones.check_name(found.stages[0].train.backbone)


def test_triple_is_the_student_projects_chain() -> None:
    stages = read_chain("triple").stages

    assert [one.data.dataset for one in stages] == ["sipakmed", "herlev", "sipakmed"]
    assert [one.data.extend for one in stages] == ["original", None, None]
    assert {(one.train.backbone, one.train.weights) for one in stages} == {("resnet50", "imagenet")}


def test_words_lie_over_stages_over_common_settings_over_the_recipe(tmp_path: Path) -> None:
    text = (
        '[chain]\nrecipe = "laptop"\nseed = 4\n[train]\nlr = 1e-4\nepochs = 5\n'
        f"[augment]\nscale = 0.3\n{HERLEV}epochs = 2\n[stage.augment]\nrotation = 7\n"
        f"{CRIC}seed = 9\n"
    )

    one, two = read_chain(written(tmp_path / "r.toml", text), {"size": "48"}).stages

    assert (one.train.backbone, one.train.size) == ("tf_efficientnet_lite0", 48)
    assert (one.train.lr, one.train.epochs, two.train.epochs) == (1e-4, 2, 5)
    assert (one.train.augment.scale, one.train.augment.rotation) == (0.3, 7.0)
    assert (two.train.augment.rotation, one.train.seed, two.train.seed) == (15.0, 4, 9)


def test_a_recipe_file_beside_the_chain_is_found(tmp_path: Path) -> None:
    written(tmp_path / "mine.toml", "[train]\nepochs = 6\n")
    text = f'[chain]\nrecipe = "mine.toml"\n{HERLEV}{CRIC}'

    assert read_chain(written(tmp_path / "r.toml", text)).stages[1].train.epochs == 6


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        (HERLEV, "has 1 stages, which is no chain", "twice or more"),
        ("[chain]\nsede = 1\n" + HERLEV + CRIC, "has no setting 'sede'", "'seed'"),
        ("[chian]\n" + HERLEV + CRIC, "has no use for 'chian'", "'chain'"),
        (HERLEV + CRIC + "corp = 90\n", "stage 2: .*no use for 'corp'", "'crop'"),
        (HERLEV + "epoch = 3\n" + CRIC, "stage 1: .*no use for 'epoch'", "'epochs'"),
        ("[train]\nepoch = 3\n" + HERLEV + CRIC, r"\[train\] has no use for 'epoch'", "'epochs'"),
        (HERLEV + "[stage.augment]\nrotaton = 3\n" + CRIC, "stage 1: .*'rotaton'", "'rotation'"),
        (HERLEV + "epochs = 0\n" + CRIC, "stage 1: epochs is 0", "change epochs"),
        (HERLEV + "epochs = 'two'\n" + CRIC, "epochs is 'two'; want a whole number", ""),
        (HERLEV + "crop = 90\n" + CRIC, "stage 1: herlev takes no crop", "none of its own"),
        (HERLEV + "split = 'x.csv'\n" + CRIC, "split goes with a manifest", "both"),
        (HERLEV + "manifest = 'x.csv'\n" + CRIC, "both a data set and a manifest", "either"),
        ("[[stage]]\nname = 'x'\n" + CRIC, "names no data", "either"),
        ("[[stage]]\nmanifest = 'a.csv'\nfold = 0\n" + CRIC, "fold goes with a split", "both"),
        (
            "[[stage]]\nmanifest = 'a.csv'\nsplit = 'b.csv'\nby = 'strict'\n" + CRIC,
            "for a split that the chain cuts",
            "leave",
        ),
        ("[[stage]]\nmanifest = 'a.csv'\ncrop = 9\n" + CRIC, "crop is for a data set", "import"),
        ("[[stage]]\ndataset = 'herlef'\n" + CRIC, "dataset is 'herlef'", "herlev"),
        (HERLEV + "by = 'image'\n" + CRIC, "by is 'image'", "group, strict"),
        (HERLEV + "extend = 'much'\n" + CRIC, "extend is 'much'", "original, gentle"),
        (HERLEV + "shares = {train = 'most'}\n" + CRIC, "share of train is 'most'", "shares ="),
        (HERLEV + "classes = ['one']\n" + CRIC, "classes are one", "two or more"),
        (HERLEV + "classes = 'one'\n" + CRIC, "classes is 'one'; want a list of texts", ""),
        (HERLEV + "name = '../x'\n" + CRIC, "cannot name a folder", "letters"),
        (HERLEV + CRIC + "weights = 'none'\n", "stage 2: it has weights of its own", "first"),
        (HERLEV + CRIC + "backbone = 'vgg16'\n", "stage 2, cric is a vgg16", r"\[train\]"),
        (HERLEV + CRIC + "devices = 2\n", "asks for 2 devices", "devices = 1"),
        ("[chain]\nrecipe = 'triple'\n" + HERLEV + CRIC, "triple is a chain of stages", "laptop"),
        ("[chain]\nresamples = 9\n" + HERLEV + CRIC, "9 resamples are too few", "100"),
        ("stage = 3\n", "stage is no row of tables", r"\[\[stage\]\]"),
        ("chain = 3\n" + HERLEV + CRIC, "chain is 3, not a table", r"\[chain\]"),
        ("[[stage]\n", "is not TOML", "mend"),
    ],
)
def test_what_a_chain_may_not_say_is_refused_in_words(
    text: str, problem: str, hint: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match=problem) as raised:
        read_chain(written(tmp_path / "r.toml", text))

    assert re.search(hint, raised.value.hint)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_recipe_of_one_training_is_no_chain(name: str) -> None:
    with pytest.raises(SettingError, match="settings of one training, not a chain") as raised:
        read_chain(name)
    assert f"papscope train --recipe {name}" in raised.value.hint


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_is_no_recipe_of_one_training(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="a chain of stages, not settings of one") as raised:
        train_settings(name, {})
    assert f"papscope chain {name}" in raised.value.hint
    with pytest.raises(SettingError, match="a chain of stages"):
        train_settings(written(tmp_path / "mine.toml", HERLEV + CRIC), {})


def test_a_near_name_of_a_chain_is_offered() -> None:
    with pytest.raises(SettingError, match="there is no recipe 'tripel'") as raised:
        read_chain("tripel")
    assert raised.value.hint == "did you mean 'triple'?"


def test_no_word_of_a_stage_means_two_things() -> None:
    data, train = ({one.name for one in fields(kind)} for kind in (StageSettings, TrainSettings))
    assert data & train == set()
