from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from made_pictures import cell, png, saved, zipped

from papscope.errors import ImageError, PapscopeError, UploadError, UploadTooLarge
from papscope.serve.intake import archives
from papscope.serve.intake.decoders import Decoders
from papscope.serve.intake.uploads import Sent, taken_in
from papscope.serve.settings import Limits

GOOD = saved(cell())
OTHER = saved(cell(1), "JPEG")


def taken(*files: tuple[str, bytes], limits: Limits | None = None) -> list[Sent]:
    return list(taken_in([(name, io.BytesIO(data)) for name, data in files], limits or Limits()))


def told(sent: Sent) -> str:
    """What became of a file: `good`, or the error's words."""
    assert (sent.data is None) != (sent.error is None)
    return "good" if sent.error is None else str(sent.error)


def from_zip(data: bytes, limits: Limits | None = None) -> list[tuple[str, str]]:
    return [(one.name, told(one)) for one in taken(("s.zip", data), limits=limits)]


def member(name: str, data: bytes = GOOD, **of: object) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    for key, value in of.items():
        setattr(info, key, value)
    return info, data


def packed(*members: tuple[zipfile.ZipInfo, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for info, data in members:
            archive.writestr(info, data)
    return held.getvalue()


def test_pictures_come_out_as_they_were_sent_and_in_order() -> None:
    sent = taken(("b/x.png", GOOD), ("a.jpg", OTHER))
    assert sent == [Sent("b/x.png", GOOD, None), Sent("a.jpg", OTHER, None)]


def test_a_zip_is_known_by_its_bytes_and_its_folders_are_kept() -> None:
    data = zipped({"slide 7/": b"", "slide 7/x.png": GOOD, "y.txt": OTHER})
    assert taken(("holiday.jpg", data)) == [
        Sent("slide 7/x.png", GOOD, None),
        Sent("y.txt", OTHER, None),
    ]


def test_pictures_of_several_archives_say_which_one_they_are_of() -> None:
    one, two = zipped({"x.png": GOOD}), zipped({"x.png": OTHER})
    names = [sent.name for sent in taken(("one.zip", one), ("two.zip", two), ("x.png", GOOD))]
    assert names == ["one/x.png", "two/x.png", "x.png"]


def test_a_picture_with_a_zip_behind_it_is_a_picture_alone() -> None:
    assert taken(("x.png", GOOD + zipped({"y.png": OTHER}, packed=0))) == [
        Sent("x.png", GOOD + zipped({"y.png": OTHER}, packed=0), None)
    ]


def test_what_systems_leave_beside_pictures_is_not_told_of() -> None:
    litter = {
        "__MACOSX/._x.png": b"\0\5\x16\7", "a/.DS_Store": b"x", "a/Thumbs.db": b"x",
        "desktop.ini": b"x", "a/._y.png": b"x",
    }  # fmt: skip
    data = zipped({**litter, "a/x.png": GOOD})
    assert from_zip(data) == [("a/x.png", "good")]
    assert [one.name for one in taken(*litter.items(), ("x.png", GOOD))] == ["x.png"]


BAD: Mapping[str, tuple[tuple[zipfile.ZipInfo, bytes], str]] = {
    "text": (member("n.txt", b"notes"), "n.txt is not a picture"),
    "empty": (member("n.png", b""), "n.png is empty"),
    "zip": (member("n.zip", zipped({"x.png": GOOD})), "n.zip is an archive, not a picture"),
    "link": (
        member("n.png", b"/etc/passwd", external_attr=(stat.S_IFLNK | 0o777) << 16),
        "n.png is a link",
    ),
    "link to a picture": (
        member("n.png", GOOD, external_attr=(stat.S_IFLNK | 0o777) << 16), "n.png is a link",
    ),
    "device": (
        member("n.png", GOOD, external_attr=(stat.S_IFCHR | 0o666) << 16), "is a device",
    ),
    "pipe": (member("n.png", GOOD, external_attr=(stat.S_IFIFO | 0o666) << 16), "is a device"),
    "above": (member("../n.png"), "n.png has a name that leads out of the archive"),
    "above, later": (member("a/../../n.png"), "leads out of the archive"),
    "above, backwards": (member("..\\n.png"), "leads out of the archive"),
    "absolute": (member("/etc/n.png"), "leads out of the archive"),
    "drive": (member("C:\\n.png"), "leads out of the archive"),
    "bzip2": (member("n.png", compress_type=zipfile.ZIP_BZIP2), "packed in an unusual way"),
    "lzma": (member("n.png", compress_type=zipfile.ZIP_LZMA), "packed in an unusual way"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_member_is_told_of_and_the_others_are_not_lost(kind: str) -> None:
    bad, words = BAD[kind]
    data = packed(member("a.png"), bad, member("z.png"))

    first, second, third = from_zip(data)

    assert (first, third) == (("a.png", "good"), ("z.png", "good"))
    assert words in second[1]
    assert ".." not in second[0]


def test_a_name_that_is_there_twice_is_taken_once() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        data = packed(member("a.png"), member("a.png", OTHER), member("b.png"))
    assert from_zip(data) == [
        ("a.png", "good"),
        ("a.png", "a.png is there twice"),
        ("b.png", "good"),
    ]


def test_an_encrypted_member_is_told_of() -> None:
    data = bytearray(packed(member("a.png"), member("b.png")))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rindex(signature) + place] |= 1
    assert from_zip(bytes(data)) == [("a.png", "good"), ("b.png", "b.png is encrypted")]


def test_a_wrong_check_sum_is_told_of() -> None:
    data = bytearray(packed(member("a.png"), member("b.png"), member("c.png")))
    second = data.index(b"PK\x03\x04", 10)
    data[second + 30 + 5 + 100] ^= 1
    (_, one), (_, two), (_, three) = from_zip(bytes(data))
    assert (one, three) == ("good", "good")
    assert "b.png is damaged in the archive (Bad CRC-32" in two


def test_members_that_share_their_bytes_are_taken_once() -> None:
    whole = bytearray(packed(member("a.png"), member("b.png"), member("c.png")))
    listed = whole.index(b"PK\x01\x02")
    second = whole.index(b"PK\x01\x02", listed + 1)
    struct.pack_into("<I", whole, second + 42, 0)  # b.png claims to begin where a.png does
    (_, one), (_, two), (_, three) = from_zip(bytes(whole))
    assert (one, three) == ("good", "good")
    assert "shares its bytes" in two


def test_members_within_a_member_are_refused_though_their_headers_are_their_own() -> None:
    inner = packed(member("b.png"))
    outer = packed(member("a.png", GOOD + inner[: inner.index(b"PK\x01\x02")]), member("b.png"))
    whole = bytearray(outer)
    second = whole.index(b"PK\x01\x02", whole.index(b"PK\x01\x02") + 1)
    struct.pack_into("<I", whole, second + 42, whole.index(b"PK\x03\x04", 10))
    (_, one), (_, two) = from_zip(bytes(whole))
    assert one == "good"
    assert "shares its bytes" in two


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: data[:-30],
        lambda data: data[: len(data) // 2],
        lambda data: data[:4] + bytes(100),
        lambda data: data[:4],
        lambda data: data[:2] + b"\x05\x06" + bytes(18),
        lambda data: data.replace(b"PK\x01\x02", b"PK\x09\x09"),
    ],
    ids=["no end", "half", "nulls", "four bytes", "nothing in it", "no list"],
)
def test_an_archive_that_cannot_be_used_is_refused(harm: Callable[[bytes], bytes]) -> None:
    data = harm(packed(member("a.png"), member("b.png")))
    with pytest.raises(UploadError) as caught:
        taken(("s.zip", data))
    assert caught.value.hint
    assert [told(one)[:5] for one in taken(("s.zip", data), ("x.png", GOOD))] in (
        [["good"], ["s.zip", "good"]]
    )


def test_an_upload_without_any_picture_is_refused_at_its_end() -> None:
    with pytest.raises(UploadError, match=r"nothing .* is a picture: a.txt is not .* and 1 more"):
        taken(("a.txt", b"notes"), ("b.txt", b"notes"))
    with pytest.raises(UploadError, match="nothing that was sent is a picture"):
        taken()
    with pytest.raises(UploadError, match=r"nothing .* n.txt is not a picture"):
        taken(("s.zip", zipped({"n.txt": b"notes"})))


def bomb(size: int, count: int = 1) -> bytes:
    """A zip of files that begin as pictures do and go on with nulls."""
    return zipped({f"{one}.bmp": b"BM" + bytes(size) for one in range(count)})


def test_a_bomb_is_refused_by_its_ratio_whatever_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SMALL", 1_000_000)
    assert len(bomb(900_000)) < 2_000
    assert from_zip(bomb(900_000)) == [("0.bmp", "good")]
    with pytest.raises(UploadTooLarge, match=r"s.zip unpacks to more than 1 MB, as a bomb would"):
        from_zip(bomb(600_000, 3))


def test_all_archives_of_an_upload_share_one_allowance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SMALL", 1_000_000)
    files = [(f"{one}.zip", bomb(300_000)) for one in range(5)]
    with pytest.raises(UploadTooLarge, match="unpacks to more than"):
        taken(*files)


def test_content_is_counted_as_it_is_unpacked() -> None:
    limits = Limits(unpacked_bytes=2 * len(GOOD))
    files = {f"{one}.png": GOOD for one in range(3)}
    with pytest.raises(UploadTooLarge, match="unpacks to more than"):
        taken(("s.zip", zipped(files)), limits=limits)
    assert len(taken(("s.zip", zipped(dict(list(files.items())[:2]))), limits=limits)) == 2


def test_a_member_that_hides_its_size_gives_no_more_than_it_said() -> None:
    data = bytearray(zipped({"a.bmp": b"BM" + bytes(5_000_000), "b.png": GOOD}))
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(signature) + place, 100)
    (_, one), (_, two) = from_zip(bytes(data))
    assert "damaged" in one
    assert two == "good"


def test_files_of_too_many_bytes_are_told_of_one_by_one() -> None:
    limits = Limits(file_bytes=len(GOOD))
    large = b"BM" + bytes(len(GOOD))
    expected = "l.bmp is too large: over 0 MB"
    sent = taken(("l.bmp", large), ("a.png", GOOD), limits=limits)
    assert [told(one) for one in sent] == [expected, "good"]
    data = zipped({"l.bmp": large, "a.png": GOOD})
    assert [words for _, words in from_zip(data, limits)] == [expected, "good"]


def test_too_many_files_are_refused_before_any_is_given() -> None:
    data = zipped({f"{one}.png": GOOD for one in range(3)})
    files = [("a.png", io.BytesIO(GOOD)), ("s.zip", io.BytesIO(data))]
    with pytest.raises(UploadTooLarge, match="there are 4 files, more than 3"):
        next(taken_in(files, Limits(files=3)))
    assert len(list(taken_in(files, Limits(files=4)))) == 4


def test_a_list_of_contents_beyond_all_measure_is_not_read(tmp_path: Path) -> None:
    length = 1 << 31  # of nulls, which take no room on the disk
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, length, 4, 0)
    with (tmp_path / "s.zip").open("wb") as made:
        made.write(b"PK\x03\x04")
        made.seek(length + 4)
        made.write(end)

    with (
        (tmp_path / "s.zip").open("rb") as file,
        pytest.raises(UploadError, match="its list of contents is far too long"),
    ):
        list(taken_in([("s.zip", file)], Limits()))


def test_a_member_is_unpacked_only_when_it_is_asked_for() -> None:
    class Counting(io.BytesIO):
        count = 0

        def read(self, count: int | None = -1) -> bytes:
            piece = super().read(count)
            self.count += len(piece)
            return piece

    noise = [saved(cell(one, 300, 300)) for one in range(9)]
    file = Counting(zipped({f"{one}.png": data for one, data in enumerate(noise)}, packed=0))
    series = taken_in([("s.zip", file)], Limits())
    next(series)
    assert file.count < len(noise[0]) + 20_000


def test_a_zip_of_more_than_four_gigabytes_by_its_headers_is_read_as_any(tmp_path: Path) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        with archive.open("a.png", "w", force_zip64=True) as opened:
            opened.write(GOOD)
        archive.writestr("b.png", OTHER)
    assert from_zip(held.getvalue()) == [("a.png", "good"), ("b.png", "good")]


def test_a_zip_that_holds_itself_is_opened_once() -> None:
    inner = b"quine"
    for _ in range(5):
        inner = zipped({"again.zip": inner, "a.png": GOOD})
    names = from_zip(inner)
    assert [words for _, words in names] == ["again.zip is an archive, not a picture", "good"]


def test_a_bomb_of_pixels_in_a_zip_is_left_to_the_decoder_which_refuses_it() -> None:
    small = png(50_000, 50_000, 1, 0, bytes(50_000 * 6251))
    (sent,) = taken(("s.zip", zipped({"a.png": small})))
    assert sent.data is not None
    with closing(Decoders(Limits())) as found, pytest.raises(ImageError) as caught:
        found.clean(sent.data, sent.name)
    assert caught.value.reason == "too-large"


def test_names_in_archives_are_shown_harmlessly() -> None:
    data = packed(member("a\u202egnp.exe"), member("b\x1b[2J\r\n.png"))
    assert [name for name, _ in from_zip(data)] == ["agnp.exe", "b[2J.png"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    some.lists(
        some.tuples(some.integers(0, 10_000), some.binary(min_size=1, max_size=9)),
        min_size=1,
        max_size=12,
    ),
    some.integers(0, 10_000),
)
def test_whatever_is_changed_in_a_zip_is_an_error_that_is_told(
    changes: list[tuple[int, bytes]], cut: int
) -> None:
    data = bytearray(packed(member("a.png", GOOD[:300]), member("b/c.png", OTHER[:200])))
    for place, piece in changes:
        start = place % len(data)
        data[start : start + len(piece)] = piece
    data[:4] = b"PK\x03\x04"
    with suppress(UploadError):
        for sent in taken(("s.zip", bytes(data[: len(data) - cut % 40]))):
            assert (sent.data is None) != (sent.error is None)
            assert sent.error is None or isinstance(sent.error, PapscopeError)


def test_nothing_is_written_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = packed(member("../a.png"), member("b.png"), member("/c.png"))
    opened: BinaryIO
    with (tmp_path / "s.zip").open("wb") as written:
        written.write(data)
    with (tmp_path / "s.zip").open("rb") as opened:
        assert len(list(taken_in([("s.zip", opened)], Limits()))) == 3
    assert [one.name for one in tmp_path.iterdir()] == ["s.zip"]
    assert not (tmp_path.parent / "a.png").exists()
