"""Laying a split out as folders: the user's images are never touched, and no half tree is left."""

from __future__ import annotations

import errno
import os
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image

from papscope import materialise as module
from papscope.errors import DiskError, ImageError, SettingError, SplitError
from papscope.files import digest_of
from papscope.image import Box
from papscope.manifest import Manifest, Row
from papscope.materialise import materialise
from papscope.split import Protocol, Split
from papscope.taxonomy import named


def made(root: Path, *rows: Row) -> tuple[Manifest, Split]:
    """A manifest with its images on the disk, and a split: train, test, train, test, ..."""
    for row in rows:
        file = root / row.path
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            value = len(file.name)
            Image.fromarray(np.full((20, 30, 3), value, np.uint8)).save(file)
    manifest = Manifest(
        root=root,
        rows=rows,
        dataset="made",
        classes=named(str(row.label) for row in rows),
        licence="",
        citation="",
        digest="m",
    )
    part_of = {row.id: ("train", "test")[place % 2] for place, row in enumerate(rows)}
    shares = {"train": 0.5, "test": 0.5}
    return manifest, Split(Protocol(by="group", seed=0, shares=shares), part_of, "m")


def row(path: str, label: str = "a", box: Box | None = None, name: str = "") -> Row:
    return Row(
        id=name or path,
        path=PurePosixPath(path),
        label=label,
        dataset="made",
        width=30,
        height=20,
        sha256="",
        box=box,
    )


def tree(folder: Path) -> list[str]:
    files = (one for one in folder.rglob("*") if one.is_file())
    return sorted(one.relative_to(folder).as_posix() for one in files)


def test_every_image_lies_below_its_part_and_class_as_a_second_name(tmp_path: Path) -> None:
    manifest, split = made(tmp_path / "in", row("1.png"), row("2.png"), row("x/3.png", "b"))

    count = materialise(manifest, split, tmp_path / "out")

    assert count == 3
    assert tree(tmp_path / "out") == ["test/a/2.png", "train/a/1.png", "train/b/3.png"]
    assert (tmp_path / "out/train/a/1.png").samefile(tmp_path / "in/1.png")
    assert tree(tmp_path / "in") == ["1.png", "2.png", "x/3.png"]


def test_copies_are_files_of_their_own(tmp_path: Path) -> None:
    manifest, split = made(tmp_path / "in", row("1.png"), row("2.png"))

    materialise(manifest, split, tmp_path / "out", how="copy")

    copy, original = tmp_path / "out/train/a/1.png", tmp_path / "in/1.png"
    assert not copy.samefile(original)
    assert digest_of(copy) == digest_of(original)


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK])
def test_where_no_link_can_be_a_copy_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    manifest, split = made(tmp_path / "in", row("1.png"), row("2.png"))
    materialise(manifest, split, tmp_path / "out")
    assert digest_of(tmp_path / "out/train/a/1.png") == digest_of(tmp_path / "in/1.png")


def test_cells_are_cut_from_their_field_as_png(tmp_path: Path) -> None:
    field = tmp_path / "in" / "field.png"
    field.parent.mkdir()
    pixels = np.arange(20 * 30 * 3, dtype=np.uint32).reshape(20, 30, 3).astype(np.uint8)
    Image.fromarray(pixels).save(field)
    inside, outside = Box(3, 4, 10, 8), Box(-2, 0, 10, 8)
    manifest, split = made(
        tmp_path / "in",
        row("field.png", box=inside, name="c1"),
        row("field.png", box=outside, name="c2"),
    )

    materialise(manifest, split, tmp_path / "out")

    assert tree(tmp_path / "out") == ["test/a/field_c2.png", "train/a/field_c1.png"]
    cell = np.array(Image.open(tmp_path / "out/train/a/field_c1.png"))
    assert np.array_equal(cell, pixels[4:12, 3:13])
    assert Image.open(tmp_path / "out/test/a/field_c2.png").size == (10, 8)


def test_names_that_collide_are_numbered_also_by_case(tmp_path: Path) -> None:
    paths = ("p/1.png", "t0/x.png", "q/1.png", "t1/x.png", "r/1.PNG")
    manifest, split = made(tmp_path / "in", *(row(path) for path in paths))

    materialise(manifest, split, tmp_path / "out")

    assert tree(tmp_path / "out") == [
        "test/a/x-2.png", "test/a/x.png", "train/a/1-2.png", "train/a/1-3.PNG", "train/a/1.png",
    ]  # fmt: skip


def test_class_names_that_are_no_folder_names_stay_inside_the_tree(tmp_path: Path) -> None:
    labels = ["../../up", "ASC-US / LSIL", "nul", ".", "a:b", "a?b"]
    rows = [row(f"{n}.png", label) for n, label in enumerate(labels)]
    manifest, split = made(tmp_path / "in", *rows)

    materialise(manifest, split, tmp_path / "deep" / "out")

    folders = {Path(one).parts[1] for one in tree(tmp_path / "deep" / "out")}
    assert folders == {"_.._up", "ASC-US _ LSIL", "_nul", "_", "a_b", "a_b-2"}
    assert sorted(one.name for one in tmp_path.iterdir()) == ["deep", "in"]


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path: Path) -> None:
    manifest, split = made(tmp_path / "in", row("1.png"), row("2.png"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(SettingError, match="is not empty"):
        materialise(manifest, split, tmp_path / "out")
    with pytest.raises(SettingError, match="is not empty"):
        materialise(manifest, split, tmp_path / "out" / "mine.txt")
    assert tree(tmp_path / "out") == ["mine.txt"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    manifest, split = made(tmp_path / "in", row("1.png"), row("2.png"))
    (tmp_path / "out").mkdir()
    materialise(manifest, split, tmp_path / "out")
    assert len(tree(tmp_path / "out")) == 2


@pytest.mark.parametrize("boxed", [False, True])
def test_a_missing_image_leaves_nothing_behind(tmp_path: Path, boxed: bool) -> None:
    box = Box(0, 0, 5, 5) if boxed else None
    manifest, split = made(tmp_path / "in", row("1.png"), row("2.png", box=box))
    (tmp_path / "in/2.png").unlink()

    with pytest.raises(ImageError, match=r"there is no file .*2\.png"):
        materialise(manifest, split, tmp_path / "out")

    assert [one.name for one in tmp_path.iterdir()] == ["in"]
    assert tree(tmp_path / "in") == ["1.png"]


@pytest.mark.parametrize("problem", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_what_was_made_is_removed_when_it_stops_half_way(
    tmp_path: Path, problem: BaseException
) -> None:
    manifest, split = made(tmp_path / "in", row("1.png"), row("2.png"))

    def stop(_: str, done: int, __: int | None) -> None:
        if done == 2:
            raise problem

    with pytest.raises((DiskError, KeyboardInterrupt)):
        materialise(manifest, split, tmp_path / "out", tell=stop)

    assert [one.name for one in tmp_path.iterdir()] == ["in"]
    assert tree(tmp_path / "in") == ["1.png", "2.png"]


def test_too_little_room_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "free_bytes", lambda _: 10)
    manifest, split = made(tmp_path / "in", row("1.png"), row("2.png"))

    with pytest.raises(DiskError, match=r"the images take 0 MB and the disk has 0 MB"):
        materialise(manifest, split, tmp_path / "out", how="copy")
    assert not (tmp_path / "out").exists()

    materialise(manifest, split, tmp_path / "out", how="link")


def test_a_split_of_another_manifest_lays_nothing_out(tmp_path: Path) -> None:
    manifest, split = made(tmp_path / "in", row("1.png"), row("2.png"))
    with pytest.raises(SplitError, match="made for another manifest"):
        materialise(manifest, Split(split.protocol, split.part_of, "other"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
