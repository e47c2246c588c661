"""Images made beforehand: of training alone, the same each time, and never across a split."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from made_families import draw

from papscope.augment import offline, plan
from papscope.augment.children import COPIES, OfflineSettings
from papscope.augment.offline import Extended, extend
from papscope.checks.run import check
from papscope.cutting import cut, cut_folds, fold_split
from papscope.errors import (
    DiskError,
    ImageError,
    MissingExtra,
    PapscopeError,
    SettingError,
    SplitError,
)
from papscope.files import digest_of, write_bytes
from papscope.image import cut as cut_out
from papscope.image import decode
from papscope.manifest import Manifest, Row, made_id, read_manifest, read_polygons
from papscope.split import Split, check_belongs, part_rows, read_split
from papscope.taxonomy import classes_of


@pytest.fixture
def cells(home: Path) -> Manifest:
    return read_manifest(home / "m.csv")


@pytest.fixture
def parts(cells: Manifest) -> Split:
    return cut(cells, seed=1)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images and, in `new`, of what was made of them; no test writes into it."""
    folder = tmp_path_factory.mktemp("home")
    cells = draw(folder)
    extend(cells, cut(cells, seed=1), folder / "new", polygons=read_polygons(folder / "m.csv"))
    return folder


@pytest.fixture
def done(home: Path) -> Extended:
    """What the folder came to, read again."""
    new = home / "new"
    manifest, split = read_manifest(new / "manifest.csv"), read_split(new / "split.csv")
    made = sum(row.made for row in manifest.rows)
    return Extended(manifest, split, new / "manifest.csv", new / "split.csv", made, 0)


def all_bytes(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_each_training_image_gets_fourteen_and_no_other_gets_one(
    done: Extended, cells: Manifest, parts: Split
) -> None:
    train = {row.id for row in part_rows(parts, cells, "train")}

    of = Counter(row.parent for row in done.manifest.rows if row.made)

    assert of == dict.fromkeys(train, COPIES)
    assert done.made == COPIES * len(train) == len(list(done.manifest_path.parent.rglob("*.png")))
    assert (done.kept, COPIES) == (0, 14)


def test_what_is_written_is_what_is_given_and_every_file_is_as_its_row_says(done: Extended) -> None:
    manifest, split = read_manifest(done.manifest_path), read_split(done.split_path)
    assert (manifest, split) == (done.manifest, done.split)
    for row in manifest.rows:
        pixels = decode(manifest.file_of(row))
        assert pixels.shape == (row.height, row.width, 3)
        assert digest_of(manifest.file_of(row)) == row.sha256


def test_the_old_rows_are_as_they_were_and_new_ones_keep_label_and_groups(
    done: Extended, cells: Manifest
) -> None:
    old = {row.id: row for row in cells.rows}
    assert [row.id for row in done.manifest.rows][: len(old)] == list(old)
    for row in done.manifest.rows:
        if not row.made:
            back = replace(row, path=old[row.id].path, mask=old[row.id].mask)
            assert back == old[row.id]
            assert done.manifest.file_of(row) == cells.file_of(old[row.id])
            continue
        parent = old[str(row.parent)]
        kept = ("label", "dataset", "group", "strict_group")
        assert [getattr(row, name) for name in kept] == [getattr(parent, name) for name in kept]
        assert (row.box, row.mask) == (None, None)


def test_outlines_stay_with_the_old_images_and_a_note_tells_of_the_new(done: Extended) -> None:
    assert list(read_polygons(done.manifest_path)) == ["calm-0"]
    assert (
        "were made of 6 training images, 14 of each, by `papscope augment --set gentle"
        in (done.manifest.notes[-1])
    )
    assert done.manifest.settings["augmented"]["seed"] == 0


def test_a_cell_in_a_box_is_cut_out_first(done: Extended, cells: Manifest) -> None:
    rows = {row.id: row for row in done.manifest.rows}
    parent = next(row for row in cells.rows if row.box is not None and made_id(row.id, 2) in rows)
    assert parent.box is not None
    crop = cut_out(decode(cells.file_of(parent)), parent.box)

    half_turn = decode(done.manifest.file_of(rows[made_id(parent.id, 2)]))

    assert np.array_equal(half_turn, crop[::-1, ::-1])


def test_the_new_split_is_the_old_one_with_the_new_images_in_training(
    done: Extended, parts: Split
) -> None:
    new = dict(done.split.part_of)
    children = {row.id for row in done.manifest.rows if row.made}
    assert {new.pop(child) for child in children} == {"train"}
    assert (new, done.split.protocol) == (dict(parts.part_of), parts.protocol)
    check_belongs(done.split, done.manifest)


@pytest.mark.slow
def test_a_run_again_and_a_run_with_workers_give_the_same_bytes(
    cells: Manifest, parts: Split, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = all_bytes(home / "new")
    copytree(home / "new", tmp_path / "new")

    again = extend(cells, parts, tmp_path / "new")
    monkeypatch.setattr(offline, "FEWEST_IMAGES", 1)
    monkeypatch.setattr(offline, "_CHUNK", 1)
    settings = OfflineSettings(workers=2)
    extend(cells, parts, tmp_path / "two", settings=settings)

    assert again.kept == again.made == 84
    two = all_bytes(tmp_path / "two")
    images = {name for name in before if name.endswith(".png")}
    assert {name: two[name] for name in images} == {name: before[name] for name in images}
    rerun = all_bytes(tmp_path / "new")["manifest.csv"]
    assert rerun == two["manifest.csv"].replace(b"two/", b"new/")
    assert two["augment.json"] == before["augment.json"]


def test_another_seed_makes_others(
    cells: Manifest, parts: Split, home: Path, tmp_path: Path
) -> None:
    extend(cells, parts, tmp_path / "two", settings=OfflineSettings(seed=1))
    one, two = all_bytes(home / "new"), all_bytes(tmp_path / "two")
    drawn = [name for name in one if name.endswith("-aug08.png")]
    assert drawn
    assert all(one[name] != two[name] for name in drawn)


def test_an_interrupted_run_goes_on_and_ends_as_if_nothing_had_happened(
    cells: Manifest, parts: Split, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = all_bytes(home / "new")
    calls: list[Path] = []

    def stop_at_the_thirtieth(path: Path, data: bytes, *, durable: bool) -> str:
        calls.append(path)
        if len(calls) == 30:
            raise KeyboardInterrupt
        return write_bytes(path, data, durable=durable)

    monkeypatch.setattr("papscope.augment.making.write_bytes", stop_at_the_thirtieth)
    with pytest.raises(KeyboardInterrupt):
        extend(cells, parts, tmp_path / "cut")
    monkeypatch.setattr("papscope.augment.making.write_bytes", write_bytes)
    assert len(list((tmp_path / "cut").rglob("*.png"))) == 29
    assert not (tmp_path / "cut/manifest.csv").exists()
    left = calls[-1].with_name(f".{calls[-1].name}.77.part")
    left.write_bytes(b"half")
    calls[3].write_bytes(calls[3].read_bytes()[:-40])  # a file that the disk lost the end of

    polygons = read_polygons(home / "m.csv")
    resumed = extend(cells, parts, tmp_path / "cut", polygons=polygons)

    assert resumed.kept == 28
    mended = all_bytes(tmp_path / "cut")
    assert mended.keys() == whole.keys()
    for name, content in whole.items():
        assert mended[name] == content or name in ("manifest.csv", "split.csv")


def test_folds_are_extended_for_the_one_that_is_tested(cells: Manifest, tmp_path: Path) -> None:
    folds = cut_folds(cells, folds=3)
    with pytest.raises(SettingError, match="the split has 3 folds"):
        extend(cells, folds, tmp_path / "new")

    done = extend(cells, fold_split(folds, cells, 1), tmp_path / "new")

    kept = {row.id for row in done.manifest.rows if folds.part_of.get(row.id) == "1"}
    assert kept == {row.id for row in part_rows(done.split, done.manifest, "test")}
    assert read_split(done.split_path).protocol.fold == 1


def test_dividing_anew_keeps_families_and_gives_the_originals_their_old_parts(
    done: Extended, cells: Manifest, parts: Split
) -> None:
    again = cut(done.manifest, seed=1)
    assert again.part_of == done.split.part_of  # made images weigh nothing
    for seed in range(5):
        other = cut(done.manifest, seed=seed)
        rows = {row.id: row for row in done.manifest.rows}
        held = [rows[name] for name in other.part_of if rows[name].made]
        assert held
        assert {other.part_of[row.id] for row in held} == {"train"}
        assert {other.part_of[str(row.parent)] for row in held} == {"train"}
        originals = {name: part for name, part in other.part_of.items() if not rows[name].made}
        assert originals == cut(cells, seed=seed).part_of


def test_folds_cut_anew_hold_families_and_test_no_made_image(done: Extended) -> None:
    folds = cut_folds(done.manifest, folds=3, seed=2)
    families = [row for row in done.manifest.rows if row.made]
    assert all(folds.part_of[row.id] == folds.part_of[str(row.parent)] for row in families)

    one = fold_split(folds, done.manifest, 0)

    for part in ("val", "test"):
        assert not [row for row in part_rows(one, done.manifest, part) if row.made]
        assert not [row for row in families if one.part_of.get(row.id) == part]
    assert [row for row in part_rows(one, done.manifest, "train") if row.made]


def test_validation_and_test_never_give_a_made_image_even_where_a_split_holds_one(
    done: Extended,
) -> None:
    wrong = {name: "test" for name in done.split.part_of if "~aug" in name}
    split = replace(done.split, part_of={**done.split.part_of, **wrong})

    rows = part_rows(split, done.manifest, "test")

    assert rows
    assert not [row for row in rows if row.made]


@pytest.mark.parametrize("grouped", [True, False])
def test_check_has_nothing_to_say_of_families_on_their_side(
    done: Extended, cells: Manifest, parts: Split, grouped: bool
) -> None:
    def codes(manifest: Manifest, split: Split) -> list[str]:
        """Without groups, pictures that look alike are told of."""
        bare = tuple(replace(row, group=None, strict_group=None) for row in manifest.rows)
        shown = manifest if grouped else replace(manifest, rows=bare)
        return [one.code for one in check(shown, split=split).findings]

    assert codes(done.manifest, done.split) == codes(cells, parts)


def test_check_stops_where_a_child_leaves_its_parents_side(done: Extended) -> None:
    child = next(row.id for row in done.manifest.rows if row.made)
    moved = {name: "val" if name == child else part for name, part in done.split.part_of.items()}

    report = check(done.manifest, split=replace(done.split, part_of=moved))

    (found,) = report.by_code()["child-parts"]
    assert (found.severity, found.rows[1:]) == ("stop", (child,))
    assert "which is in train, are in val" in found.what
    assert report.exit_status == 5


def test_check_stops_where_a_child_is_tested_or_differs_from_its_parent(done: Extended) -> None:
    child = next(row for row in done.manifest.rows if row.made)
    tested = dict.fromkeys((child.id, str(child.parent)), "test")
    split = replace(done.split, part_of={**done.split.part_of, **tested})
    rows = [replace(row, group="x") if row.id == child.id else row for row in done.manifest.rows]

    codes = set(check(replace(done.manifest, rows=tuple(rows)), split=split).by_code())

    assert {"child-parts", "child-differs"} <= codes


def refused(
    kind: type[PapscopeError], match: str, call: Callable[[], object], folder: Path
) -> None:
    before = all_bytes(folder) if folder.exists() else None
    with pytest.raises(kind, match=match):
        call()
    assert (all_bytes(folder) if folder.exists() else None) == before


def test_a_manifest_that_has_made_images_is_refused(done: Extended, tmp_path: Path) -> None:
    new = tmp_path / "newer"
    call = lambda: extend(done.manifest, done.split, new)  # noqa: E731
    refused(SettingError, "holds 84 made images already, such as", call, new)


def test_the_split_of_another_manifest_and_an_empty_training_part_are_refused(
    cells: Manifest, parts: Split, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    other = replace(parts, manifest_sha256="0" * 64)
    refused(SplitError, "made for another manifest", lambda: extend(cells, other, new), new)
    empty = replace(parts, part_of=dict.fromkeys(parts.part_of, "test"))
    refused(SplitError, "no image is in training", lambda: extend(cells, empty, new), new)


def test_folders_that_hold_other_files_are_refused(
    cells: Manifest, parts: Split, home: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    refused(
        SettingError,
        "holds other files, such as mine.txt",
        lambda: extend(cells, parts, other),
        other,
    )
    new = tmp_path / "new"
    copytree(home / "new", new)
    seeded = OfflineSettings(seed=3)
    refused(
        SettingError,
        "begun otherwise: seed was 0, and is 3",
        lambda: extend(cells, parts, new, settings=seeded),
        new,
    )
    (new / "calm" / "mine.png").write_text("mine")
    refused(
        SettingError, "a file of another's: calm/mine.png", lambda: extend(cells, parts, new), new
    )
    inside = cells.root / "more"
    refused(SettingError, "lies among the images", lambda: extend(cells, parts, inside), inside)
    file = home / "m.csv"
    refused(SettingError, "is a file", lambda: extend(cells, parts, file), tmp_path / "x")


def test_a_full_disk_a_lost_and_a_changed_image_are_told(
    parts: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = draw(tmp_path)
    new = tmp_path / "new"
    with monkeypatch.context() as patch:
        patch.setattr(plan, "free_bytes", lambda _: 70_000_000)
        extend(cells, parts, tmp_path / "fits")
        patch.setattr(plan, "free_bytes", lambda _: 1000)
        refused(DiskError, "84 images may take 0.4 MB", lambda: extend(cells, parts, new), new)
    row = part_rows(parts, cells, "train")[0]
    file = cells.file_of(row)
    content = file.read_bytes()
    file.unlink()
    refused(ImageError, "1 images are missing, such as", lambda: extend(cells, parts, new), new)
    file.write_bytes(content + b" ")
    with pytest.raises(ImageError, match="has other bytes than when it was imported"):
        extend(cells, parts, new)


def test_without_scikit_image_the_extra_is_named(
    cells: Manifest, parts: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "find_spec", lambda _: None)
    new = tmp_path / "new"
    refused(MissingExtra, "needs scikit-image", lambda: extend(cells, parts, new), new)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(SettingError, match="there is no set 'wild'"):
        OfflineSettings(kind="wild")  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="workers is 0"):
        OfflineSettings(workers=0)


def test_ids_that_no_file_system_takes_get_safe_and_different_names(
    cells: Manifest, tmp_path: Path
) -> None:
    names = iter(("a/b", "a:b", "A/B", "..", "con", "ü" * 300, "a b~", "x", "y", "z"))
    rows = [replace(row, id=next(names)) if row.label == "calm" else row for row in cells.rows]
    odd = replace(cells, rows=tuple(rows), digest="")
    split = Split(cut(odd).protocol, dict.fromkeys((row.id for row in rows), "train"), "")

    done = extend(odd, split, tmp_path / "new")

    files = list((tmp_path / "new").rglob("*.png"))
    assert len(files) == len({str(path).casefold() for path in files}) == done.made == 12 * COPIES
    assert {path.parent.parent for path in files} == {tmp_path / "new"}
    assert max(len(os.fsencode(path.name)) for path in files) < 150
    assert {path.parent.name for path in files} == {"calm", "odd_ a_b"}


def test_a_folder_with_images_and_what_was_made_of_them_can_be_moved(
    parts: Split, tmp_path: Path
) -> None:
    cells = draw(tmp_path)
    (tmp_path / "all").mkdir()
    (tmp_path / "images").rename(tmp_path / "all/images")
    moved = replace(cells, root=tmp_path / "all/images")
    extend(moved, parts, tmp_path / "all/new")
    (tmp_path / "all").rename(tmp_path / "elsewhere")

    manifest = read_manifest(tmp_path / "elsewhere/new/manifest.csv")

    assert all(manifest.file_of(row).is_file() for row in manifest.rows)
    assert str(tmp_path) not in (tmp_path / "elsewhere/new/manifest.csv").read_text()


def test_an_image_made_of_nothing_known_is_an_ordinary_one() -> None:
    name = classes_of("herlev")[0].name
    row = Row("a~aug01", Path("a.png"), name, "herlev", 9, 9, "", parent="b")  # type: ignore[arg-type]
    assert not row.made
    assert replace(row, parent="a").made
    assert not replace(row, parent=None).made


def test_equal_pictures_are_changed_by_numbers_of_their_own(tmp_path: Path) -> None:
    cells = draw(tmp_path)
    first, second = (row for row in cells.rows if row.id in ("calm-0", "calm-1"))
    twin = replace(second, sha256=first.sha256, path=first.path)
    same = replace(cells, rows=(first, twin), digest="")
    split = Split(cut(cells).protocol, {first.id: "train", twin.id: "train"}, "")

    done = extend(same, split, tmp_path / "new")

    shown = {row.id: digest_of(done.manifest.file_of(row)) for row in done.manifest.rows}
    assert shown["calm-0"] == shown["calm-1"]
    assert shown[made_id("calm-0", 1)] == shown[made_id("calm-1", 1)]  # a quarter turn
    drawn = [shown[made_id(name, k)] for name in ("calm-0", "calm-1") for k in range(8, 15)]
    assert len(set(drawn)) == 14
