from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from papscope.augment.settings import OnlineSettings
from papscope.config import SHIPPED, train_settings
from papscope.errors import SettingError
from papscope.train.settings import TrainSettings


def written(folder: Path, text: str) -> str:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_recipes_can_be_followed(name: str) -> None:
    timm = pytest.importorskip("papscope.network.backbones")

    settings = train_settings(name, {})

    timm.check_name(settings.backbone)


def test_the_original_recipe_is_the_student_project() -> None:
    found = train_settings("original", {})

    assert (found.backbone, found.size, found.epochs) == ("resnet50", 224, 50)
    assert (found.batch_size, found.lr, found.head_epochs) == (10, 1e-3, 0)
    assert (found.schedule, found.weights) == ("onecycle", "imagenet")


def test_the_command_line_lies_over_the_recipe_and_the_recipe_over_the_defaults(
    tmp_path: Path,
) -> None:
    recipe = written(tmp_path, "[train]\nepochs = 7\nlr = 1\n[augment]\nscale = 0.3\n")

    found = train_settings(recipe, {"epochs": 9, "size": None}, {"augment.rotation": "12"})

    assert (found.epochs, found.lr, found.size) == (9, 1.0, 224)
    assert found.augment == OnlineSettings(scale=0.3, rotation=12.0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[train]\nepoch = 3\n", r"\[train\] has no setting 'epoch'"),
        ("[train]\nepochs = 'many'\n", "epochs is 'many'; want a whole number"),
        ("[train]\nepochs = 3.5\n", "epochs is 3.5; want a whole number"),
        ("[train]\nepochs = true\n", "epochs is True; want a whole number"),
        ("[train]\nlr = 0\n", "lr is 0.0; want"),
        ("[train]\nlr = nan\n", "lr is nan; want"),
        ("[train]\nbalance = 'odd'\n", "balance is 'odd'"),
        ("[train]\nsize = 8\n", "size is 8; want 16 to 1024"),
        ("[train]\nbatch_size = 1\n", "batch_size is 1"),
        ("[train]\n[train.augment]\nscale = 0.1\n", "holds 'augment'"),
        ("[augment]\nscale = 2\n", "scale is 2.0; want 0 to below 1"),
        ("[training]\nepochs = 3\n", "no use for 'training'"),
        ("epochs = 3\n", "no use for 'epochs'"),
        ("[train\n", "is not TOML"),
    ],
)
def test_what_a_recipe_may_not_say_is_refused_in_words(
    text: str, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match=problem):
        train_settings(written(tmp_path, text), {})


def test_a_near_name_is_offered(tmp_path: Path) -> None:
    with pytest.raises(SettingError) as raised:
        train_settings(written(tmp_path, "[train]\nbatchsize = 3\n"), {})

    assert raised.value.hint == "did you mean 'batch_size'?"


def test_a_recipe_that_is_not_there_is_told() -> None:
    with pytest.raises(SettingError, match="there is no recipe 'laptopp'"):
        train_settings("laptopp", {})
    with pytest.raises(SettingError, match="there is no table 'x'"):
        train_settings(None, {}, {"x.y": "1"})


def test_every_setting_can_be_given_as_text() -> None:
    for one in fields(TrainSettings):
        if one.name != "augment":
            value = getattr(TrainSettings(), one.name)
            text = str(value).lower() if isinstance(value, bool) else str(value)
            found = train_settings(None, {}, {one.name: text})
            assert getattr(found, one.name) == value
