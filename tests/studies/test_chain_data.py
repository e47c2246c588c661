from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_stages import QUICK, listed, made_herlev, made_sipakmed, written

from papscope.cutting import cut_folds
from papscope.errors import SettingError, SourceError, SplitError, TableError
from papscope.manifest import read_manifest
from papscope.split import write_split
from papscope.studies.chain_data import Images, Places, images_of
from papscope.studies.chain_recipe import read_chain

HERLEV = '[[stage]]\ndataset = "herlev"\n'
CELLS = '[[stage]]\ndataset = "sipakmed"\n'


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    root = tmp_path_factory.mktemp("data")
    made_herlev(root / "herlev")
    made_sipakmed(root / "sipakmed")
    return Places(root=root, allow_partial=True)


def gathered(text: str, folder: Path, places: Places) -> tuple[Images, ...]:
    return images_of(read_chain(written(folder / "r.toml", text), QUICK), places)


@pytest.mark.parametrize(
    ("text", "error", "problem"),
    [
        (HERLEV + "classes = ['a', 'b']\n" + CELLS, SettingError, "herlev: herlev has no class a"),
        (CELLS + HERLEV + CELLS + "by = 'group'\nshares = {train = 0.5, val = 0.5}\n",
         SplitError, "3, sipakmed: it divides sipakmed otherwise than stage 1, sipakmed"),
        (HERLEV + CELLS + "by = 'strict'\n", SplitError, "sipakmed has no strict groups"),
        (HERLEV + CELLS + "shares = {train = 0.5, val = 0.6}\n", SplitError, "do not sum to 1"),
        (HERLEV + CELLS + "shares = {train = 0.5, test = 0.5}\n", SplitError, "no epoch can be"),
        (HERLEV + '[[stage]]\ndataset = "cric"\n', SourceError, "cric is wanted, and .* no folder"),
        (HERLEV + '[[stage]]\nmanifest = "no.csv"\n', TableError, r"there is no file no\.csv"),
    ],
)  # fmt: skip
def test_data_that_will_not_do_are_refused(
    text: str, error: Any, problem: str, places: Places, tmp_path: Path
) -> None:
    with pytest.raises(error, match=problem):
        gathered(text, tmp_path, places)


def test_places_are_asked_for_by_name_and_idle_ones_refused(places: Places, tmp_path: Path) -> None:
    assert places.root is not None
    named = {"herlev": places.root / "herlev"}

    with pytest.raises(SourceError, match="sipakmed is wanted, and nobody has said") as raised:
        gathered(HERLEV + CELLS, tmp_path, Places(named))
    assert "--data sipakmed=FOLDER" in raised.value.hint
    with pytest.raises(SettingError, match="no stage of r wants circ"):
        gathered(HERLEV + CELLS, tmp_path, Places({**named, "circ": tmp_path}, places.root))


def test_counts_other_than_the_published_ones_are_refused_unless_a_part_will_do(
    places: Places, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match="other counts here than published"):
        gathered(HERLEV + CELLS, tmp_path, Places(root=places.root))
    partial = HERLEV + "allow_partial = true\n" + CELLS + "allow_partial = true\n"
    assert len(gathered(partial, tmp_path, Places(root=places.root))) == 2


def test_a_stage_of_the_same_data_is_divided_as_before_even_by_other_classes(
    places: Places, tmp_path: Path
) -> None:
    text = CELLS + "shares = {train = 0.34, val = 0.33, test = 0.33}\n" + HERLEV + CELLS

    first, _, last = gathered(text + "classes = ['Parabasal', 'Metaplastic']\n", tmp_path, places)

    assert last.split.part_of.items() <= first.split.part_of.items()
    assert last.split.protocol == first.split.protocol


def test_folds_want_one_of_them_named(places: Places, tmp_path: Path) -> None:
    assert places.root is not None
    manifest = listed("herlev", places.root / "herlev", tmp_path / "h.csv")
    write_split(tmp_path / "f.csv", cut_folds(read_manifest(manifest), folds=3))
    stage = '[[stage]]\nmanifest = "h.csv"\nsplit = "f.csv"\n'

    with pytest.raises(SettingError, match=r"stage 1, h: f\.csv has 3 folds"):
        gathered(stage + CELLS, tmp_path, places)
    with pytest.raises(SplitError, match="the split has no fold 7"):
        gathered(stage + "fold = 7\n" + CELLS, tmp_path, places)


def test_a_part_without_one_of_the_classes_is_refused(places: Places, tmp_path: Path) -> None:
    assert places.root is not None
    manifest = listed("herlev", places.root / "herlev", tmp_path / "h.csv")
    split = tmp_path / "h.split.csv"
    lines = [
        line.replace(",test", ",val") if line.startswith("carcinoma_in_situ") else line
        for line in split.read_text(encoding="utf-8").splitlines()
    ]
    split.write_text("\n".join(lines) + "\n", encoding="utf-8")
    stage = f'[[stage]]\nmanifest = "{manifest}"\nsplit = "h.split.csv"\n'

    with pytest.raises(SplitError, match="stage 1, h: no image of test is carcinoma_in_situ"):
        gathered(stage + CELLS, tmp_path, places)
