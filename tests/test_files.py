"""Files are whole or absent, and damaged tables are told by line."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from papscope.errors import DiskError, TableError
from papscope.files import (
    canonical_json,
    digest_of,
    free_bytes,
    read_table,
    write_bytes,
    write_json,
    write_table,
    write_text,
)


def failing(number: int) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    data = b"x" * 3_000_000
    assert write_bytes(tmp_path / "a", data) == sha256(data).hexdigest()
    assert digest_of(tmp_path / "a") == sha256(data).hexdigest()


def test_missing_folders_are_made_and_no_draft_is_left(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "er" / "a.txt", "ü\n")
    assert (tmp_path / "deep/er/a.txt").read_bytes() == b"\xc3\xbc\n"
    assert [one.name for one in (tmp_path / "deep/er").iterdir()] == ["a.txt"]


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    file = tmp_path / "a.txt"
    write_text(file, "old")
    place = os if where == "fsync" else Path
    monkeypatch.setattr(place, where, failing(errno.ENOSPC))

    with pytest.raises(DiskError, match=r"the disk is full: .*a\.txt could not be written"):
        write_text(file, "new")

    assert file.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["a.txt"]


def test_a_crash_half_way_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.txt"
    write_text(file, "old")

    def crash(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(KeyboardInterrupt):
        write_text(file, "new")
    assert file.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["a.txt"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "")
    with pytest.raises(DiskError, match="could not be written") as told:
        write_text(tmp_path / "file" / "below.txt", "x")
    assert "permissions" in told.value.hint


def test_canonical_json_is_one_text_and_refuses_nan(tmp_path: Path) -> None:
    assert canonical_json({"b": 1, "a": "ü"}) == '{\n  "a": "ü",\n  "b": 1\n}\n'
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_room_is_told_for_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet") > 0


def made_table(path: Path) -> Path:
    rows = [("1", 'with, comma and "quotes"'), ("2", None), ("3", "two\nlines")]
    write_table(path, "manifest", {"root": "ü"}, ("id", "label"), rows)
    return path


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    table = read_table(made_table(tmp_path / "t.csv"), "manifest")
    assert table.head["root"] == "ü"
    assert table.columns == ("id", "label")
    assert [record["label"] for record in table.records()] == [
        'with, comma and "quotes"', "", "two\nlines",
    ]  # fmt: skip


def test_the_bytes_of_a_table_never_change(tmp_path: Path) -> None:
    assert made_table(tmp_path / "t.csv").read_bytes() == (
        b'# {"format": 1, "papscope": "manifest", "root": "\xc3\xbc"}\n'
        b'id,label\n1,"with, comma and ""quotes"""\n2,\n3,"two\nlines"\n'
    )


def test_a_table_that_a_spreadsheet_saved_with_its_mark_and_line_ends_is_read(
    tmp_path: Path,
) -> None:
    file = made_table(tmp_path / "t.csv")
    before = read_table(file, "manifest")
    text = file.read_bytes().replace(b'"two\nlines"', b"two lines").replace(b"\n", b"\r\n")
    file.write_bytes(b"\xef\xbb\xbf" + text)

    after = read_table(file, "manifest")

    assert (after.head, after.columns, after.rows[:2]) == (
        before.head, before.columns, before.rows[:2],
    )  # fmt: skip


def test_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"there is no file .*none\.csv"):
        read_table(tmp_path / "none.csv", "split")


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="cannot be read as text"):
        read_table(tmp_path, "split")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b"", "its first line is no head"),
        (b"\xff\xfe\x00", "cannot be read as text"),
        (b"id,label\n1,a\n", "its first line is no head"),
        (b"# not json\nid\n", "its first line is no head"),
        (b"# [1]\nid\n", "its first line is no head"),
        (b'# {"papscope": "split", "format": 1}\nid\n', "is a split, not a manifest"),
        (b'# {"papscope": "manifest", "format": 2}\nid\n', "has format 2; this papscope reads"),
        (b'# {"papscope": "manifest"}\nid\n', "has format None"),
        (b'# {"papscope": "manifest", "format": 1}\n', "has a head but no columns"),
        (b'# {"papscope": "manifest", "format": 1}\na,b\n1,2\n1', "line 4: 1 cells where 2"),
        (b'# {"papscope": "manifest", "format": 1}\na,b\n1,2,3\n', "line 3: 3 cells where 2"),
        (b'# {"papscope": "manifest", "format": 1}\na,b\n1,"cut sho', "line 3: unexpected end"),
    ],
)
def test_a_damaged_table_is_told_by_line(tmp_path: Path, text: bytes, match: str) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(text)
    with pytest.raises(TableError, match=match):
        read_table(file, "manifest")


def test_every_cut_of_a_table_is_refused_or_has_fewer_rows(tmp_path: Path) -> None:
    whole = made_table(tmp_path / "t.csv")
    text, before = whole.read_bytes(), read_table(whole, "manifest").rows
    short = tmp_path / "short.csv"
    for length in range(len(text)):
        short.write_bytes(text[:length])
        try:
            rows = read_table(short, "manifest").rows
        except TableError:
            continue
        assert len(rows) <= len(before)


def test_the_first_line_is_json_that_others_can_read(tmp_path: Path) -> None:
    line = made_table(tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()[0]
    assert json.loads(line.removeprefix("# ")) == {
        "format": 1, "papscope": "manifest", "root": "ü",
    }  # fmt: skip
