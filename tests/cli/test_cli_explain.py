"""`papscope explain`: a folder, a page, and no map that failed a check."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from papscope.bundle import Bundle, Description, read_bundle, write_bundle
from papscope.cli.main import app
from papscope.explain import run as running
from papscope.explain.maps import Map, MapMaker, Method
from papscope.image import Pixels
from papscope.network.backbones import build, preprocess_for, tensors_of
from papscope.predict.engine import Engine
from papscope.report.why_page import write_why_page
from papscope.taxonomy import classes_of

CLASSES = classes_of("cric-4")
SIZE = 32


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A network of random weights, whose head is wide enough for answers to differ."""
    torch.set_num_threads(1)
    torch.manual_seed(3)
    network = build("test_efficientnet", len(CLASSES), size=SIZE)
    for layer in network.modules():
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.normal_(layer.weight)
    preprocess = preprocess_for("test_efficientnet", size=SIZE)
    about = Description(classes=CLASSES, preprocess=preprocess, backbone="test_efficientnet")
    write_bundle(tmp_path / "bundle", about, tensors_of(network), "a card")
    return tmp_path / "bundle"


@pytest.fixture
def cells(tmp_path: Path) -> list[Path]:
    draw = np.random.default_rng(0)
    files = [tmp_path / f"cell-{n}.png" for n in range(2)]
    for file in files:
        Image.fromarray(draw.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)).save(file)
    return files


def asked(*words: object) -> Result:
    env = {"COLUMNS": "200", "NO_COLOR": "1"}
    return CliRunner().invoke(app, ["explain", *map(str, words)], env=env)


def told(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "explain.json").read_text())
    return found


def edges(square: Pixels, place: int) -> Map:
    """What any network would have a map of: it never looks at this one."""
    return np.asarray(np.abs(np.diff(square.mean(axis=2), axis=1, append=0)), dtype=np.float32)


def test_a_folder_holds_the_page_the_numbers_and_the_maps_that_passed(
    bundle: Path, cells: list[Path], tmp_path: Path
) -> None:
    folder = tmp_path / "explained"
    done = asked(bundle, cells[0], "-o", folder, "--device", "cpu", "--threads", "1")

    assert done.exit_code == 0, done.output
    numbers = told(folder)
    assert numbers["model_sha256"] == read_bundle(bundle).digest
    pictures = numbers["pictures"]
    assert isinstance(pictures, list)
    shown = [one["files"] for each in pictures for one in each["maps"].values() if one["shown"]]
    assert {path for one in shown for path in one.values()} == {
        path.relative_to(folder).as_posix()
        for kind in ("maps", "overlays")
        for path in (folder / kind).glob("*")
    }
    assert {len(each["maps"]) for each in pictures} == {4}
    page = (folder / "explain.html").read_text()
    assert "not where disease is" in page
    assert page.count("No map:") == 4 - len(shown)
    assert "http" not in page.replace("http-equiv", "")
    assert str(tmp_path) not in page + (folder / "explain.json").read_text()


def test_a_method_that_overlooks_the_weights_gets_no_map(
    bundle: Path, cells: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def maker(
        bundle: Bundle, method: Method, *, device: str = "auto", engine: Engine | None = None
    ) -> MapMaker:
        return edges

    monkeypatch.setattr(running, "maker_for", maker)
    folder = tmp_path / "explained"

    done = asked(bundle, *cells, "-o", folder, "--method", "grad-cam++")

    assert done.stdout.count("no map: it failed a check: its maps stay much the same") == 2
    assert not list(folder.glob("*/*.png"))
    assert not list(folder.glob("*/*.npy"))
    assert (folder / "explain.html").read_text().count("No map:") == 2


def test_a_network_that_answers_the_same_for_everything_gets_no_map(
    bundle: Path, cells: list[Path], tmp_path: Path
) -> None:
    read = read_bundle(bundle)
    blind = {name: np.zeros_like(one) for name, one in read.tensors.items()}
    write_bundle(tmp_path / "blind", read.description, blind, "a card")
    folder = tmp_path / "explained"

    done = asked(tmp_path / "blind", cells[0], "-o", folder, "--method", "occlusion")

    assert "occlusion: no map: it failed a check: removing what it points at" in done.stdout
    assert not list(folder.glob("*/*.png"))


def test_a_second_run_takes_the_check_from_the_first_and_leaves_nothing_old(
    bundle: Path, cells: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "explained"
    (folder / "maps").mkdir(parents=True)
    words = (bundle, cells[0], "-o", folder, "--method", "layer-cam")
    (folder / "explain.json").write_text('{"papscope": "explanation"}')
    (folder / "maps" / "0009-layer-cam.npy").write_bytes(b"old")
    first = asked(*words)

    monkeypatch.setattr(running, "sanity_of", lambda *_, **__: pytest.fail("checked again"))
    again = asked(*words)

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert first.stdout == again.stdout
    assert not (folder / "maps" / "0009-layer-cam.npy").exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--method", "magic"), "there is no method 'magic'"),
        (("--class", "ASC-US"), "the model has no class 'ASC-US'"),
        (("--most", "1"), "2 pictures are named; 1 are explained at most"),
        (("--training", "cells.csv"), "neighbours need a manifest and its split"),
    ],
)
def test_what_cannot_be_done_is_told_before_any_work(
    bundle: Path, cells: list[Path], tmp_path: Path, words: tuple[str, str], why: str
) -> None:
    done = asked(bundle, *cells, "-o", tmp_path / "explained", *words)
    assert done.exit_code == 2
    assert why in done.stderr
    assert not (tmp_path / "explained").exists()


def test_a_folder_with_other_files_is_left_alone(bundle: Path, cells: list[Path]) -> None:
    done = asked(bundle, cells[0], "-o", cells[0].parent)
    assert done.exit_code == 11
    assert "holds other files and is left alone" in done.stderr


def test_a_picture_that_cannot_be_used_is_told_and_the_others_explained(
    bundle: Path, cells: list[Path], tmp_path: Path
) -> None:
    cells[0].write_bytes(b"no picture")
    folder = tmp_path / "explained"
    done = asked(bundle, *cells, "-o", folder, "--method", "layer-cam")
    assert done.exit_code == 3
    assert "1 of 2 pictures could not be used" in done.stderr
    assert len(told(folder)["pictures"]) == 1  # type: ignore[arg-type]


def test_the_page_is_the_same_each_time(bundle: Path, cells: list[Path], tmp_path: Path) -> None:
    from papscope.explain.run import ExplainSettings, explain, ready
    from papscope.predict.engines import engine_for
    from papscope.preprocess import Source

    read = read_bundle(bundle)
    given = ready(read, engine_for(read, device="cpu", threads=1), [Source(cells[0])])
    account = explain(given, ExplainSettings(method="layer-cam", device="cpu"))
    one, other = (write_why_page(tmp_path / name, account) for name in ("a.html", "b.html"))
    assert one.read_bytes() == other.read_bytes()
