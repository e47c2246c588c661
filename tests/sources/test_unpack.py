"""Archives that anybody may have written: unpacked whole in their folder, or not at all."""

import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import py7zr
import pytest

from papscope.errors import DiskError, DownloadError
from papscope.sources import unpack as unpacking
from papscope.sources.unpack import Limits, unpack

Pack = Callable[[Path, dict[str, bytes]], Path]

GOOD = {"im_A/001.bmp": b"field", "im_A/CROPPED/001_01.bmp": b"cell", "im_A/notes": b""}


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return path


def seven_zipped(path: Path, members: dict[str, bytes]) -> Path:
    with py7zr.SevenZipFile(path, "w") as archive:
        for name, data in members.items():
            archive._writestr(data, name)  # writestr would refuse the bad names that are wanted
    return path


both = pytest.mark.parametrize("pack", [zipped, seven_zipped])


def everything(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@both
def test_an_archive_becomes_its_folder(tmp_path: Path, pack: Pack) -> None:
    archive = pack(tmp_path / "set.archive", GOOD)
    told: list[tuple[str, int, int | None]] = []

    count = unpack(archive, tmp_path / "set", tell=lambda *words: told.append(words))

    assert count == 3
    files = {name: data for name, data in everything(tmp_path / "set").items() if data is not None}
    assert files == GOOD
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set", "set.archive"]
    assert told[-1] == ("files unpacked", 3, 3)


@both
def test_a_single_folder_of_the_same_name_is_not_doubled(tmp_path: Path, pack: Pack) -> None:
    archive = pack(tmp_path / "im_A.archive", GOOD)
    unpack(archive, tmp_path / "im_A")
    assert (tmp_path / "im_A" / "001.bmp").read_bytes() == b"field"


@both
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.bmp", "leaves the folder"),
        ("a/../../evil.bmp", "leaves the folder"),
        ("..\\evil.bmp", "leaves the folder"),
        ("/evil.bmp", "has an absolute name"),
        ("\\\\host\\share\\evil.bmp", "has an absolute name"),
        ("C:\\evil.bmp", "names a drive or a stream"),
        ("C:evil.bmp", "names a drive or a stream"),
        ("a\nb.bmp", "has no usable name"),
    ],
)
def test_a_name_that_leaves_the_folder_is_refused_before_anything_is_written(
    tmp_path: Path, pack: Pack, name: str, reason: str
) -> None:
    inner = tmp_path / "deep" / "deeper"
    inner.mkdir(parents=True)
    archive = pack(inner / "set.archive", {"good.bmp": b"good", name: b"evil"})
    before = everything(tmp_path)

    with pytest.raises(DownloadError, match=reason) as told:
        unpack(archive, inner / "set")
    assert "set.archive is not unpacked" in str(told.value)
    assert everything(tmp_path) == before


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (stat.S_IFLNK, "is a link"),
        (stat.S_IFCHR, "is a device"),
        (stat.S_IFBLK, "is a device"),
        (stat.S_IFIFO, "is a device"),
        (stat.S_IFSOCK, "is a device"),
    ],
)
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, kind: int, reason: str) -> None:
    info = zipfile.ZipInfo("odd")
    info.create_system = 3
    info.external_attr = (kind | 0o644) << 16
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr(info, "/etc")
    with pytest.raises(DownloadError, match=reason):
        unpack(tmp_path / "set.zip", tmp_path / "set")
    assert not (tmp_path / "set").exists()


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
@pytest.mark.parametrize("target", ["/etc", "good.bmp"])
def test_links_in_a_7z_are_refused_wherever_they_point(tmp_path: Path, target: str) -> None:
    (tmp_path / "good.bmp").write_bytes(b"good")
    (tmp_path / "link").symlink_to(target)
    with py7zr.SevenZipFile(tmp_path / "set.7z", "w") as archive:
        archive.write(tmp_path / "good.bmp", "good.bmp")
        archive.write(tmp_path / "link", "link")
    with pytest.raises(DownloadError, match="'link' is a link"):
        unpack(tmp_path / "set.7z", tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_device_in_a_7z_is_refused(tmp_path: Path) -> None:
    with py7zr.SevenZipFile(tmp_path / "set.7z", "w") as archive:
        archive.writestr(b"", "odd")
        archive.header.files_info.files[0]["attributes"] = (stat.S_IFCHR | 0o644) << 16 | 0x8000
    with pytest.raises(DownloadError, match="'odd' is a device"):
        unpack(tmp_path / "set.7z", tmp_path / "set")


@both
def test_a_bomb_is_refused_by_what_it_declares(tmp_path: Path, pack: Pack) -> None:
    archive = pack(tmp_path / "set.archive", {"zeros.bmp": bytes(5_000_000)})
    assert archive.stat().st_size < 20_000
    with pytest.raises(DownloadError, match="as a bomb would"):
        unpack(archive, tmp_path / "set", Limits(small=1_000_000))
    with pytest.raises(DownloadError, match="as a bomb would"):
        unpack(archive, tmp_path / "set", Limits(bytes=1_000_000))
    assert everything(tmp_path).keys() == {"set.archive"}


@both
def test_a_bomb_that_declares_little_is_stopped_on_the_way(
    tmp_path: Path, pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = pack(tmp_path / "set.archive", {"zeros.bmp": bytes(5_000_000)})
    monkeypatch.setattr(unpacking, "_refuse_bad", lambda *_: None)
    with pytest.raises(DownloadError, match=r"bomb|exceeds limit"):
        unpack(archive, tmp_path / "set", Limits(small=1_000_000))
    assert everything(tmp_path).keys() == {"set.archive"}


@both
def test_too_many_files_are_refused(tmp_path: Path, pack: Pack) -> None:
    archive = pack(tmp_path / "set.archive", {f"{count}.bmp": b"" for count in range(5)})
    with pytest.raises(DownloadError, match="5 files, more than 4"):
        unpack(archive, tmp_path / "set", Limits(files=4))


@both
def test_a_name_that_is_there_twice_is_refused(tmp_path: Path, pack: Pack) -> None:
    archive = pack(tmp_path / "set.archive", {"a/x.bmp": b"1", "A/./X.bmp": b"2"})
    with pytest.raises(DownloadError, match="is there twice"):
        unpack(archive, tmp_path / "set")


@both
def test_a_damaged_archive_leaves_nothing(tmp_path: Path, pack: Pack) -> None:
    body = os.urandom(200_000)
    archive = pack(tmp_path / "set.archive", {"a.bmp": b"first", "b.bmp": body})
    data = bytearray(archive.read_bytes())
    data[100_000] ^= 0xFF
    archive.write_bytes(bytes(data))
    with pytest.raises(DownloadError, match=r"set\.archive is not unpacked: it is damaged"):
        unpack(archive, tmp_path / "set")
    assert everything(tmp_path).keys() == {"set.archive"}


@both
def test_a_truncated_archive_is_told(tmp_path: Path, pack: Pack) -> None:
    archive = pack(tmp_path / "set.archive", GOOD)
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(DownloadError, match="is not unpacked"):
        unpack(archive, tmp_path / "set")


def test_a_page_in_the_archives_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "set.7z").write_bytes(b"<html>not found</html>")
    with pytest.raises(DownloadError, match="neither zip nor 7z"):
        unpack(tmp_path / "set.7z", tmp_path / "set")


def test_an_encrypted_7z_is_told(tmp_path: Path) -> None:
    with py7zr.SevenZipFile(tmp_path / "set.7z", "w", password="secret") as archive:
        archive.writestr(b"cell", "a.bmp")
    with pytest.raises(DownloadError, match="is encrypted"):
        unpack(tmp_path / "set.7z", tmp_path / "set")


def test_a_folder_in_the_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine").write_bytes(b"mine")
    archive = zipped(tmp_path / "set.zip", GOOD)
    with pytest.raises(DownloadError, match="is there already"):
        unpack(archive, tmp_path / "set")
    assert everything(tmp_path / "set") == {"mine": b"mine"}


def test_too_little_room_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = zipped(tmp_path / "set.zip", GOOD)
    monkeypatch.setattr(unpacking, "free_bytes", lambda _: 3)
    with pytest.raises(DiskError, match="are needed to unpack"):
        unpack(archive, tmp_path / "set")
    assert everything(tmp_path).keys() == {"set.zip"}


def test_what_an_interrupted_run_left_does_not_matter(tmp_path: Path) -> None:
    left = tmp_path / ".set.unpacking"
    left.mkdir()
    (left / "half.bmp").write_bytes(b"ha")
    unpack(zipped(tmp_path / "set.zip", GOOD), tmp_path / "set")
    assert "half.bmp" not in everything(tmp_path / "set")
    assert not left.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no modes")
def test_files_are_readable_and_never_runnable_whatever_the_archive_says(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("a.bmp")
    info.external_attr = (stat.S_IFREG | 0o4777) << 16
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr(info, "cell")
    unpack(tmp_path / "set.zip", tmp_path / "set")
    assert stat.S_IMODE((tmp_path / "set" / "a.bmp").stat().st_mode) == 0o644
