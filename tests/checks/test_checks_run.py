from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image

from papscope.checks import pictures, run
from papscope.checks.codes import CODES
from papscope.checks.findings import Finding, Report
from papscope.checks.masks import is_mask
from papscope.checks.run import check
from papscope.files import digest_of
from papscope.image import Box, Pixels, decode
from papscope.manifest import Manifest, Row
from papscope.split import Protocol, Split
from papscope.taxonomy import CellClass

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "findings.md"
SIDES = (CellClass("calm", "normal"), CellClass("odd", "abnormal"))


def pixels(seed: int, size: int = 96) -> Pixels:
    """Blobs of colour with some grain, like no other seed's."""
    rng = np.random.default_rng(seed)
    blobs = Image.fromarray(rng.integers(40, 220, (9, 9, 3), dtype=np.uint8))
    smooth = np.asarray(blobs.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float32)
    return np.clip(smooth + rng.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8)


def picture(seed: int, size: int = 96) -> Image.Image:
    return Image.fromarray(pixels(seed, size))


def row(root: Path, name: str, label: str | None = "calm", group: str | None = None) -> Row:
    """What an importer that trusts everybody would say of a file."""
    return Row(
        id=name,
        path=PurePosixPath(name),
        label=label,
        dataset="made",
        width=96,
        height=96,
        sha256=digest_of(root / name),
        group=group or f"slide of {name}",
    )


def manifest(root: Path, rows: list[Row]) -> Manifest:
    return Manifest(root, tuple(rows), "made", SIDES, licence="none", citation="none")


def sound(root: Path) -> list[Row]:
    """Ten images in ten groups, five a class, with which nothing is wrong."""
    for seed in range(10):
        picture(seed).save(root / f"{seed}.png")
    return [row(root, f"{seed}.png", "calm" if seed < 5 else "odd") for seed in range(10)]


def codes(report: Report) -> list[str]:
    return [one.code for one in report.findings]


def found_in(root: Path, name: str, **changes: str | None) -> list[str]:
    """The codes that one more file brings to a sound data set."""
    report = check(manifest(root, [*sound(root), row(root, name, **changes)]))
    assert all(one.rows[-1:] == (name,) for one in report.findings), report.findings
    return codes(report)


def truncated(file: Path) -> None:
    picture(20).save(file, "JPEG", quality=95)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def animated(file: Path) -> None:
    picture(20).save(file, "GIF", save_all=True, append_images=[picture(21), picture(22)])


def sixteen_bit(file: Path) -> None:
    Image.fromarray(pixels(20)[..., 0].astype(np.uint16) * 257).save(file, "PNG")


def cmyk(file: Path) -> None:
    picture(20).convert("CMYK").save(file, "JPEG")


def too_large(file: Path) -> None:
    """A PNG whose header declares 30,000 x 30,000 pixels, in a hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(90_001))) + chunk(b"IEND", b"")
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + header + body)


def unreadable(file: Path) -> None:
    picture(20).save(file, "PNG")
    data = bytearray(file.read_bytes())
    data[60:400] = bytes(340)
    file.write_bytes(bytes(data))


def blank(file: Path) -> None:
    Image.new("RGB", (96, 96), (214, 200, 220)).save(file, "PNG")


def blurred(file: Path) -> None:
    soft = Image.fromarray(pixels(20)[::24, ::24]).resize((96, 96), Image.Resampling.BICUBIC)
    soft.save(file, "PNG")


def saturated(file: Path) -> None:
    burnt = pixels(20)
    burnt[:70] = 255
    Image.fromarray(burnt).save(file, "PNG")


def masked(file: Path) -> None:
    drawn = np.full((96, 96, 3), (128, 0, 0), dtype=np.uint8)
    drawn[20:70, 30:80] = (0, 0, 255)
    drawn[40:50, 40:60] = (0, 0, 128)
    Image.fromarray(drawn).save(file, "PNG")


@pytest.mark.parametrize(
    ("code", "name", "make"),
    [
        ("not-an-image", "x.png", lambda file: file.write_text("no picture at all")),
        ("not-an-image", "x.png", lambda file: file.write_bytes(b"")),
        ("unreadable", "x.png", unreadable),
        ("truncated", "x.jpg", truncated),
        ("animated", "x.gif", animated),
        ("sixteen-bit", "x.png", sixteen_bit),
        ("cmyk", "x.jpg", cmyk),
        ("too-large", "x.png", too_large),
        ("too-small", "x.png", lambda file: picture(20, 6).save(file)),
        ("alpha", "x.png", lambda file: picture(20).convert("RGBA").save(file)),
        ("blank", "x.png", blank),
        ("blurred", "x.png", blurred),
        ("saturated", "x.png", saturated),
        ("mask", "x.png", masked),
        ("mask-name", "cell-d.png", lambda file: picture(20).save(file)),
        ("mask-name", "cell_mask.png", lambda file: picture(20).save(file)),
    ],
)
def test_a_bad_file_is_the_one_finding_among_sound_images(
    tmp_path: Path, code: str, name: str, make: Callable[[Path], object]
) -> None:
    make(tmp_path / name)

    assert found_in(tmp_path, name) == [code]


def test_sound_images_give_no_finding(tmp_path: Path) -> None:
    report = check(manifest(tmp_path, sound(tmp_path)))

    assert report.findings == ()
    assert (report.severity, report.exit_status) == (None, 0)
    assert (report.images, report.files) == (10, 10)
    assert (report.counts, report.groups) == ({"calm": 5, "odd": 5}, {"calm": 5, "odd": 5})


def test_files_that_are_gone_or_changed_since_import_are_told(tmp_path: Path) -> None:
    rows = sound(tmp_path)
    (tmp_path / "3.png").unlink()
    picture(30).save(tmp_path / "4.png")

    report = check(manifest(tmp_path, rows))

    assert [(one.code, one.rows) for one in report.findings] == [
        ("missing", ("3.png",)),
        ("changed", ("4.png",)),
    ]


def test_a_row_that_is_anothers_mask_is_told_once(tmp_path: Path) -> None:
    rows = sound(tmp_path)
    masked(tmp_path / "3-d.png")
    rows[3] = replace(rows[3], mask=PurePosixPath("3-d.png"))

    report = check(manifest(tmp_path, [*rows, row(tmp_path, "3-d.png")]))

    assert codes(report) == ["mask"]


def test_a_mask_kept_as_jpeg_is_seen_through_its_noise(tmp_path: Path) -> None:
    masked(tmp_path / "mask.png")
    with Image.open(tmp_path / "mask.png") as drawn:
        drawn.save(tmp_path / "mask.jpg", quality=80)
    noisy = np.asarray(Image.open(tmp_path / "mask.jpg"))

    assert len(np.unique(noisy.reshape(-1, 3), axis=0)) > 50
    assert is_mask(noisy)
    assert not is_mask(pixels(1))


def test_odd_shapes_and_sizes_are_told_from_the_header(tmp_path: Path) -> None:
    rows = sound(tmp_path)
    rows[2] = replace(rows[2], width=500, height=96)
    rows[3] = replace(rows[3], width=2048, height=1536)

    report = check(manifest(tmp_path, rows))

    assert [(one.code, one.rows) for one in report.findings] == [
        ("odd-shape", ("2.png",)),
        ("odd-size", ("3.png",)),
    ]


def same_bytes(root: Path) -> None:
    (root / "copy.png").write_bytes((root / "0.png").read_bytes())


def same_pixels(root: Path) -> None:
    picture(0).save(root / "copy.png", "BMP")


def re_encoded(root: Path) -> None:
    picture(0).save(root / "copy.png", "JPEG", quality=60)


def resized(root: Path) -> None:
    picture(0).resize((150, 140), Image.Resampling.BICUBIC).save(root / "copy.png", "JPEG")


def mirrored(root: Path) -> None:
    picture(0).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(root / "copy.png")


def turned(root: Path) -> None:
    picture(0).transpose(Image.Transpose.ROTATE_90).save(root / "copy.png", "JPEG", quality=80)


def transposed(root: Path) -> None:
    picture(0).transpose(Image.Transpose.TRANSVERSE).save(root / "copy.png")


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("twin", same_bytes),
        ("near", same_pixels),
        ("near", re_encoded),
        ("near", resized),
        ("near", mirrored),
        ("near", turned),
        ("near", transposed),
    ],
)
def test_a_copy_stops_if_labels_groups_or_parts_differ(
    tmp_path: Path, kind: str, make: Callable[[Path], None]
) -> None:
    rows = sound(tmp_path)
    make(tmp_path)
    group = rows[0].group

    def with_copy(label: str, its_group: str | None, split: Split | None = None) -> list[str]:
        copy = replace(row(tmp_path, "copy.png", label), group=its_group)
        report = check(manifest(tmp_path, [*rows, copy]), split=split)
        assert all(
            one.rows == ("0.png", "copy.png") for one in report.findings if one.code[:4] == kind
        )
        return [code for code in codes(report) if code != "no-group"]

    assert with_copy("calm", group) == (["twin"] if kind == "twin" else [])
    assert with_copy("odd", group) == [f"{kind}-labels"]
    assert with_copy("calm", "another slide") == [f"{kind}-groups"]
    assert with_copy("odd", "another slide") == [f"{kind}-labels", f"{kind}-groups"]
    assert with_copy("calm", None) == [kind]
    parts = {one.id: "train" for one in rows} | {"copy.png": "test"}
    assert with_copy("calm", "another slide", made_split(parts)) == [f"{kind}-parts"]


def test_one_outline_in_two_stains_is_no_copy(tmp_path: Path) -> None:
    rows = sound(tmp_path)
    grey = pixels(60).mean(axis=2, keepdims=True)
    for name, stain in (
        ("pink.png", (30, 0, -30)),
        ("blue.png", (-30, 0, 30)),
        ("b2.png", (-30, 2, 28)),
    ):
        stained = np.clip(grey + np.array(stain), 0, 255).astype(np.uint8)
        Image.fromarray(stained).save(tmp_path / name)

    report = check(manifest(tmp_path, rows + [row(tmp_path, n) for n in ("pink.png", "blue.png")]))
    assert codes(report) == []

    report = check(manifest(tmp_path, rows + [row(tmp_path, n) for n in ("b2.png", "blue.png")]))
    assert codes(report) == ["near-groups"]


def made_split(part_of: dict[str, str], by: str = "group") -> Split:
    protocol = Protocol(by=by, seed=0, shares={"train": 0.6, "test": 0.4})  # type: ignore[arg-type]
    return Split(protocol, part_of, manifest_sha256="")


def test_copies_in_one_strict_group_do_not_stop_a_split_by_strict_groups(tmp_path: Path) -> None:
    rows = sound(tmp_path)
    re_encoded(tmp_path)
    rows[0] = replace(rows[0], strict_group="patient")
    copy = replace(row(tmp_path, "copy.png"), strict_group="patient")
    images = manifest(tmp_path, [*rows, copy])
    parts = {one.id: "train" for one in images.rows}

    assert codes(check(images, split=made_split(parts))) == ["near-groups"]
    assert codes(check(images, split=made_split(parts, by="strict"))) == []


def test_parts_in_which_a_source_came_divided_are_the_sides_without_a_split(tmp_path: Path) -> None:
    rows = [replace(one, part="train") for one in sound(tmp_path)]
    same_bytes(tmp_path)
    copy = replace(row(tmp_path, "copy.png"), part="val", group=rows[0].group)

    assert codes(check(manifest(tmp_path, [*rows, copy]))) == ["twin-parts", "group-parts"]


def test_boxes_of_one_file_overlap_without_a_finding_and_equal_boxes_are_twins(
    tmp_path: Path,
) -> None:
    rows = sound(tmp_path)
    picture(40, 300).save(tmp_path / "field.png")
    field = replace(row(tmp_path, "field.png"), width=300, height=300)

    def boxed(name: str, left: int, label: str = "calm") -> Row:
        return replace(field, id=name, box=Box(left, 50, 96, 96), label=label)

    overlapping = [boxed("a", 100), boxed("b", 101, "odd")]
    assert codes(check(manifest(tmp_path, [*rows, *overlapping]))) == []

    equal = [boxed("a", 100), boxed("b", 100, "odd")]
    report = check(manifest(tmp_path, [*rows, *equal]))
    assert [(one.code, one.rows) for one in report.findings] == [("twin-labels", ("a", "b"))]
    assert report.files == 11

    outside = [boxed("a", 100), boxed("b", 290)]
    assert codes(check(manifest(tmp_path, [*rows, *outside]))) == ["box-outside"]


def test_a_file_is_decoded_once_however_many_boxes_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = sound(tmp_path)
    picture(40, 300).save(tmp_path / "field.png")
    field = replace(row(tmp_path, "field.png"), width=300, height=300)
    rows += [replace(field, id=f"b{k}", box=Box(k * 20, 0, 96, 96)) for k in range(8)]
    decoded: list[str] = []

    def counted(file: Path, where: str) -> Pixels:
        decoded.append(where)
        return decode(file, where)

    monkeypatch.setattr(pictures, "decode", counted)

    check(manifest(tmp_path, rows))

    assert sorted(decoded) == sorted([f"{k}.png" for k in range(10)] + ["field.png"])


def test_rows_without_label_or_group_are_one_finding_each(tmp_path: Path) -> None:
    rows = sound(tmp_path)
    rows[0] = replace(rows[0], label=None)
    rows[5] = replace(rows[5], group=None)

    report = check(manifest(tmp_path, rows))

    assert [(one.code, one.rows) for one in report.findings if "no" in one.code] == [
        ("no-label", ("0.png",)),
        ("no-group", ("5.png",)),
    ]
    assert report.findings[0].what == "1 of 10 rows have no label"


@pytest.mark.parametrize(
    ("groups", "code"), [(1, "few-groups"), (2, "few-groups"), (3, "few-groups-folds"), (5, None)]
)
def test_a_class_of_few_groups_is_told(tmp_path: Path, groups: int, code: str | None) -> None:
    rows = sound(tmp_path)
    rows[5:] = [replace(one, group=f"s{k % groups}") for k, one in enumerate(rows[5:])]

    report = check(manifest(tmp_path, rows))

    assert [(one.code, one.where) for one in report.findings] == ([(code, "odd")] if code else [])


def test_folds_of_the_split_and_not_five_are_what_groups_are_compared_with(tmp_path: Path) -> None:
    rows = sound(tmp_path)
    images = manifest(tmp_path, rows)
    protocol = Protocol(by="group", seed=0, shares={}, folds=6)
    folds = Split(protocol, {one.id: str(k % 6) for k, one in enumerate(rows)}, "")

    assert codes(check(images, split=folds)) == ["few-groups-folds"] * 2


def test_empty_and_unbalanced_classes_are_told(tmp_path: Path) -> None:
    rows = sound(tmp_path)
    calm = manifest(tmp_path, [replace(one, label="calm") for one in rows])
    assert [(one.code, one.where) for one in check(calm).findings] == [("empty-class", "odd")]

    for seed in range(50, 91):
        picture(seed, 40).save(tmp_path / f"{seed}.png")
    more = [row(tmp_path, f"{seed}.png") for seed in range(50, 91)]
    few = [replace(one, label="odd" if k < 4 else "calm") for k, one in enumerate(rows)]
    report = check(manifest(tmp_path, few + more))
    assert "calm has 47 images, odd has 4" in [one.what for one in report.findings]


def test_a_divided_group_and_a_foreign_split_are_told(tmp_path: Path) -> None:
    rows = sound(tmp_path)
    rows[1] = replace(rows[1], group=rows[0].group)
    rows = [replace(one, strict_group=None) for one in rows]
    images = replace(manifest(tmp_path, rows), digest="ab")
    parts = {one.id: "train" for one in rows} | {"0.png": "test", "gone.png": "test"}

    report = check(images, split=made_split(parts))

    stops = {one.code: one.what for one in report.findings if one.severity == "stop"}
    assert stops == {
        "group-parts": "2 images in test, train",
        "split-rows": "1 of its 11 rows are not in this manifest",
    }


def test_stops_come_first_and_processes_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "FEWEST_IMAGES", 2)
    rows = sound(tmp_path)
    blurred(tmp_path / "soft.png")
    blank(tmp_path / "void.png")
    images = manifest(tmp_path, [row(tmp_path, "soft.png"), *rows, row(tmp_path, "void.png")])
    told: list[tuple[str, int, int | None]] = []

    alone = check(images, tell=lambda *words: told.append(words))
    together = check(images, workers=2)

    assert codes(alone) == ["blank", "blurred"]
    assert (alone.severity, alone.exit_status) == ("stop", 5)
    assert alone == together
    assert ("looking at images", 12, 12) in told


def test_every_code_is_told_in_the_manual_with_its_severity() -> None:
    manual = DOCS.read_text(encoding="utf-8")

    assert [
        code for code, kind in CODES.items() if f"| `{code}` | {kind.severity} |" not in manual
    ] == []


def test_every_finding_has_a_registered_code_and_the_registrys_severity(tmp_path: Path) -> None:
    blank(tmp_path / "void.png")
    report = check(manifest(tmp_path, [*sound(tmp_path), row(tmp_path, "void.png")]))

    (one,) = report.findings
    kind = CODES[one.code]
    assert one == Finding(one.code, kind.severity, "void.png", one.what, kind.advice, ("void.png",))
    assert report.to_json()["findings"][0]["code"] == "blank"
