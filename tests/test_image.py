"""Pictures: every kind that is taken comes out right, every kind that is not is told why."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from papscope import image as module
from papscope.errors import ImageError
from papscope.image import FORMATS, MAX_PIXELS, Box, Pixels, cut, decode, facts


def made(width: int = 16, height: int = 12) -> Pixels:
    """Smooth colours, so that lossy formats stay near."""
    across = np.linspace(0, 200, width)[None, :].repeat(height, 0)
    down = np.linspace(0, 200, height)[:, None].repeat(width, 1)
    return np.stack([across, down, 255 - across], axis=2).astype(np.uint8)


def saved(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, bits: int, colour: int, pixels: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def reason_of(file: Path | bytes) -> str:
    with pytest.raises(ImageError) as refused:
        decode(file)
    assert refused.value.hint
    return refused.value.reason


@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_comes_out_as_rgb(kind: str, tmp_path: Path) -> None:
    pixels = made()
    file = tmp_path / "cell"
    file.write_bytes(saved(Image.fromarray(pixels), kind))

    from_path, from_bytes = decode(file), decode(file.read_bytes())

    assert np.array_equal(from_path, from_bytes)
    assert from_path.shape == (12, 16, 3)
    assert from_path.dtype == np.uint8
    lossy = {"JPEG": 12, "WEBP": 24, "GIF": 24}
    assert np.abs(from_path.astype(int) - pixels).mean() <= lossy.get(kind, 0)


@pytest.mark.parametrize("kind", ["BMP", "JPEG", "PNG", "TIFF"])
def test_a_header_is_told_without_decoding(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object) -> None:
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", explode)
    file = saved(Image.fromarray(made()), kind)
    found = facts(file)
    assert (found.format, found.mode, found.width, found.height, found.frames, found.alpha) == (
        kind, "RGB", 16, 12, 1, False,
    )  # fmt: skip


@pytest.mark.parametrize("mode", ["L", "P", "1"])
def test_grey_palette_and_black_and_white_become_rgb(mode: str) -> None:
    picture = Image.fromarray(made()).convert(mode)
    assert np.array_equal(decode(saved(picture)), np.array(picture.convert("RGB")))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_an_opacity_channel_is_laid_over_white(mode: str) -> None:
    picture = Image.new(mode, (16, 12))  # black, and nowhere opaque
    assert facts(saved(picture)).alpha
    assert (decode(saved(picture)) == 255).all()

    opaque = Image.fromarray(made()).convert(mode)
    assert np.array_equal(decode(saved(opaque)), np.array(opaque.convert("RGB")))


def test_a_transparent_colour_of_a_palette_is_laid_over_white() -> None:
    picture = Image.new("P", (16, 12), 0)
    picture.putpalette([10, 20, 30] * 256)
    assert (decode(saved(picture, transparency=0)) == 255).all()


def test_half_opaque_is_half_way_to_white() -> None:
    picture = Image.new("RGBA", (16, 12), (0, 0, 0, 128))
    assert np.abs(decode(saved(picture)).astype(int) - 127).max() <= 1


@pytest.mark.parametrize(("mark", "turned"), [(1, 0), (6, 3), (8, 1), (3, 2)])
def test_the_orientation_mark_of_a_camera_is_obeyed(mark: int, turned: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = mark
    file = saved(Image.fromarray(made()), "PNG", exif=exif)

    pixels = decode(file)

    assert np.array_equal(pixels, np.rot90(made(), turned))
    assert (facts(file).height, facts(file).width) == pixels.shape[:2]


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "not-an-image"),
        (b"cell,label\n1,a\n", "not-an-image"),
        (b"%PDF-1.4", "not-an-image"),
        (b"8BPS" + bytes(30), "not-an-image"),
        (saved(Image.fromarray(made(640, 640)), "PNG")[:-200], "truncated"),
        (saved(Image.fromarray(made(64, 64)), "JPEG")[:-200], "truncated"),
        (saved(Image.fromarray(made(64, 64)), "BMP")[:-200], "truncated"),
        (saved(Image.fromarray(made()).convert("CMYK"), "JPEG"), "cmyk"),
        (saved(Image.fromarray(made()).convert("CMYK"), "TIFF"), "cmyk"),
        (saved(Image.fromarray(made().astype(np.uint16)[:, :, 0])), "sixteen-bit"),
        (saved(Image.fromarray(made()[:, :, 0].astype(np.int32)), "TIFF"), "sixteen-bit"),
        (saved(Image.fromarray(made()[:, :, 0].astype(np.float32)), "TIFF"), "sixteen-bit"),
        (png(8, 8, 16, 2, bytes(8 * (1 + 8 * 6))), "sixteen-bit"),
        (png(8, 8, 16, 6, bytes(8 * (1 + 8 * 8))), "sixteen-bit"),
        (saved(Image.new("RGB", (7, 50))), "too-small"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_its_reason(
    file: bytes, reason: str, tmp_path: Path
) -> None:
    assert reason_of(file) == reason
    (tmp_path / "cell.png").write_bytes(file)
    assert reason_of(tmp_path / "cell.png") == reason


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PNG", "WEBP"])
def test_animations_and_pages_are_refused(kind: str) -> None:
    frames = [Image.fromarray(made()), Image.fromarray(255 - made())]
    file = saved(frames[0], kind, save_all=True, append_images=frames[1:])
    assert reason_of(file) == "animated"


@pytest.mark.parametrize("side", [11_000, 20_000, 60_000])
def test_bombs_are_refused_without_decoding(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object) -> None:
        raise AssertionError("a bomb was decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", explode)
    assert side * side > MAX_PIXELS
    assert reason_of(png(side, side, 8, 2, b"\0" * 1000)) == "too-large"


def test_places_that_hold_no_picture_are_told(tmp_path: Path) -> None:
    assert reason_of(tmp_path / "none.png") == "missing"
    assert reason_of(tmp_path) == "not-an-image"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="everything may be read here")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "cell.png"
    file.write_bytes(saved(Image.fromarray(made())))
    file.chmod(0)
    assert reason_of(file) == "unreadable"


def test_a_file_that_may_not_be_read_is_told_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(ImageError, match=r"cell\.png may not be read"):
        decode(tmp_path / "cell.png")


@pytest.mark.filterwarnings("ignore:.*:UserWarning")  # Pillow grumbles at damaged tags
def test_hostile_bytes_give_a_refusal_and_never_a_traceback() -> None:
    draw = np.random.default_rng(5)
    for kind in FORMATS:
        whole = bytearray(saved(Image.fromarray(made(32, 32)), kind))
        for _ in range(60):
            hostile = bytearray(whole)
            for place in draw.integers(0, len(whole), 6):
                hostile[place] = draw.integers(256)
            try:
                pixels = decode(bytes(hostile))
            except ImageError:
                continue
            assert pixels.ndim == 3


def test_errors_call_an_upload_by_the_name_given() -> None:
    with pytest.raises(ImageError, match=r"^cell 7 is empty"):
        decode(b"", where="cell 7")
    with pytest.raises(ImageError, match=r"^the upload is empty"):
        decode(b"")


def test_a_cut_inside_is_the_pixels_themselves() -> None:
    pixels = made()
    part = cut(pixels, Box(3, 2, 5, 4))
    assert np.array_equal(part, pixels[2:6, 3:8])
    assert part.flags.c_contiguous
    part[:] = 0
    assert pixels.any()


@pytest.mark.parametrize("box", [Box(-4, -3, 10, 9), Box(12, 8, 9, 9), Box(-40, 3, 100, 5)])
def test_a_cut_beyond_the_borders_mirrors_without_repeating_the_edge(box: Box) -> None:
    pixels = made()
    wide = np.pad(pixels, ((50, 50), (100, 100), (0, 0)), mode="reflect")
    wanted = wide[box.top + 50 :, box.left + 100 :][: box.height, : box.width]
    assert np.array_equal(cut(pixels, box), wanted)


def test_a_picture_of_one_row_can_be_cut_beyond_its_border() -> None:
    assert cut(made()[:1], Box(0, -2, 4, 5)).shape == (5, 4, 3)


def test_a_box_of_nothing_is_none() -> None:
    with pytest.raises(ValueError, match="0 x 5 pixels holds nothing"):
        Box(0, 0, 0, 5)


def test_the_limits_are_what_the_manual_says() -> None:
    assert (MAX_PIXELS, module.MIN_SIDE) == (100_000_000, 8)
