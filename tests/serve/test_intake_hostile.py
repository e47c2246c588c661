"""Files made to do harm, or that carry what nobody meant to send, each by hand."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from made_pictures import cell, chunk, png, saved, zipped
from PIL import Image, PngImagePlugin, TiffImagePlugin

from papscope.errors import ImageError
from papscope.image import decode
from papscope.serve.intake.decoders import Cleaned, Decoders
from papscope.serve.intake.png import encoded
from papscope.serve.settings import Limits

PATIENT = b"Jane Q Public 1961-04-01"


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    with closing(Decoders(Limits(decode_seconds=30.0), workers=1)) as found:
        yield found


def exif(**more: Any) -> Image.Exif:
    """Exif with a patient's name, a place and a small copy's place, as cameras write it."""
    found = Image.Exif()
    found[0x010E] = PATIENT.decode()  # what the picture shows
    found[0x013B] = PATIENT.decode()  # who took it
    found.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0" + PATIENT  # a comment
    found.get_ifd(0x8825).update({1: "N", 2: (51.0, 30.0, 26.0), 29: PATIENT.decode()})  # a place
    for name, value in more.items():
        found[int(name.removeprefix("tag"))] = value
    return found


def png_with_texts() -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Patient", PATIENT.decode())
    texts.add_text("Packed", PATIENT.decode() * 9, zip=True)
    texts.add_itxt("XML:com.adobe.xmp", f"<x>{PATIENT.decode()}</x>")
    return saved(cell(), pnginfo=texts, exif=exif(), icc_profile=PATIENT * 20, dpi=(300, 300))


def png_with_a_chunk_of_its_own() -> bytes:
    whole = saved(cell())
    return whole[:33] + chunk(b"ptNm", PATIENT) + whole[33:]


def jpeg_with_everything() -> bytes:
    return saved(
        cell(), "JPEG", exif=exif(), comment=PATIENT, icc_profile=PATIENT * 20,
        xmp=b"<x>" + PATIENT + b"</x>", quality=95,
    )  # fmt: skip


def jpeg_with_a_small_copy() -> bytes:
    small = saved(cell(9, 16, 16), "JPEG", comment=PATIENT)
    tiff = io.BytesIO()
    ifd = TiffImagePlugin.ImageFileDirectory_v2()
    ifd[513], ifd[514], ifd[0x010E] = 200, len(small), PATIENT.decode()
    ifd.save(tiff)
    return saved(cell(), "JPEG", exif=b"Exif\0\0" + tiff.getvalue().ljust(200, b"\0") + small)


def tiff_with_tags() -> bytes:
    ifd = TiffImagePlugin.ImageFileDirectory_v2()
    ifd[270], ifd[315] = PATIENT.decode(), PATIENT.decode()
    ifd[65000] = PATIENT.decode()
    return saved(cell(), "TIFF", tiffinfo=ifd)


def gif_with_a_comment() -> bytes:
    return saved(Image.fromarray(cell()).quantize(16), "GIF", comment=PATIENT)


def webp_with_everything() -> bytes:
    return saved(cell(), "WEBP", exif=exif(), xmp=PATIENT, icc_profile=PATIENT, lossless=True)


def followed(by: bytes, kind: str = "PNG") -> Callable[[], bytes]:
    return lambda: saved(cell(), kind) + by


CARRIERS: dict[str, Callable[[], bytes]] = {
    "png texts": png_with_texts,
    "png chunk": png_with_a_chunk_of_its_own,
    "png then zip": followed(zipped({"a.txt": PATIENT}, packed=0)),
    "png then text": followed(PATIENT),
    "png then html": followed(b"<script>" + PATIENT + b"</script>"),
    "jpeg": jpeg_with_everything,
    "jpeg small copy": jpeg_with_a_small_copy,
    "jpeg then zip": followed(zipped({"a.txt": PATIENT}, packed=0), "JPEG"),
    "jpeg then php": followed(b"<?php " + PATIENT, "JPEG"),
    "bmp then text": followed(PATIENT, "BMP"),
    "tiff tags": tiff_with_tags,
    "gif comment": gif_with_a_comment,
    "gif then html": followed(b"<script>" + PATIENT + b"</script>", "GIF"),
    "webp": webp_with_everything,
}


@pytest.mark.parametrize("kind", CARRIERS)
def test_what_was_beside_the_pixels_is_not_in_what_is_kept(decoders: Decoders, kind: str) -> None:
    sent = CARRIERS[kind]()
    assert PATIENT in sent

    cleaned = decoders.clean(sent, "cell.png")

    assert np.array_equal(cleaned.pixels, decode(sent))
    assert cleaned.png == encoded(decode(sent))
    assert PATIENT not in cleaned.png
    assert chunks_of(cleaned) == [b"IHDR", b"IDAT", b"IEND"]
    with Image.open(io.BytesIO(cleaned.png)) as kept:
        assert (kept.info, dict(kept.getexif())) == ({}, {})


def chunks_of(cleaned: Cleaned) -> list[bytes]:
    data, place, found = cleaned.png, 8, []
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        found.append(data[place + 4 : place + 8])
        place += 12 + length
    return found


def test_a_web_page_in_the_colours_of_a_palette_is_not_kept(decoders: Decoders) -> None:
    page = b"<script>alert(document.cookie)</script>".ljust(48 * 3, b" ")
    picture = Image.frombytes("P", (48, 40), bytes(range(48)) * 40)
    picture.putpalette(page)
    sent = saved(picture, "GIF")
    assert b"<script>" in sent

    assert b"<script" not in decoders.clean(sent, "a.gif").png


def test_a_page_that_begins_as_a_picture_is_no_picture(decoders: Decoders) -> None:
    with pytest.raises(ImageError):
        decoders.clean(b"GIF89a=1;alert(1);//<html>" + b" " * 500, "a.gif")


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_camera_s_mark_of_what_is_up_is_obeyed_before_it_is_left_out(
    decoders: Decoders, turn: int
) -> None:
    sent = saved(cell(), "TIFF" if turn % 2 else "PNG", exif=exif(tag274=turn))
    cleaned = decoders.clean(sent, "a.tif")
    assert np.array_equal(cleaned.pixels, decode(sent))
    assert (cleaned.height, cleaned.width) == ((48, 40) if turn > 4 else (40, 48))


def test_the_same_picture_however_it_was_sent_is_kept_as_the_same_bytes(
    decoders: Decoders,
) -> None:
    whole = [
        saved(cell()), saved(cell(), compress_level=0), png_with_texts(), followed(PATIENT)(),
        saved(cell(), "BMP"), saved(cell(), "TIFF", compression="tiff_lzw"),
        saved(cell(), "WEBP", lossless=True),
    ]  # fmt: skip
    assert len({decoders.clean(one, "a").png for one in whole}) == 1


def tiff_pages(count: int) -> bytes:
    pages = [Image.fromarray(cell(seed, 8, 8)) for seed in range(count)]
    return saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])


def gif_frames(count: int) -> bytes:
    frames = [Image.fromarray(cell(seed, 40, 40)).quantize(8) for seed in range(count)]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:])


def tiff_in_a_circle() -> bytes:
    """A TIFF whose list of pages leads back to its beginning."""
    whole = bytearray(saved(cell(), "TIFF"))
    (start,) = struct.unpack_from("<I", whole, 4)
    (count,) = struct.unpack_from("<H", whole, start)
    struct.pack_into("<I", whole, start + 2 + 12 * count, start)
    return bytes(whole)


def tiff_of_size(width: int, height: int) -> bytes:
    """A TIFF that says it is larger than it is."""
    whole = bytearray(saved(cell(), "TIFF"))
    (start,) = struct.unpack_from("<I", whole, 4)
    (count,) = struct.unpack_from("<H", whole, start)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        (tag,) = struct.unpack_from("<H", whole, place)
        if tag in (256, 257):
            struct.pack_into("<HHII", whole, place, tag, 4, 1, width if tag == 256 else height)
    return bytes(whole)


def bmp_of_size(width: int, height: int) -> bytes:
    whole = bytearray(saved(cell(), "BMP"))
    struct.pack_into("<ii", whole, 18, width, height)
    return bytes(whole)


def gif_of_size(width: int, height: int) -> bytes:
    whole = bytearray(saved(Image.fromarray(cell()).quantize(8), "GIF"))
    struct.pack_into("<HH", whole, 6, width, height)
    return bytes(whole)


def jpeg_of_size(width: int, height: int) -> bytes:
    whole = bytearray(saved(cell(), "JPEG"))
    struct.pack_into(">HH", whole, whole.index(b"\xff\xc0") + 5, height, width)
    return bytes(whole)


def png_of_text(size: int) -> bytes:
    """A PNG with a text that unpacks to so many bytes."""
    whole = saved(cell())
    return whole[:33] + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(size), 9)) + whole[33:]


def png_of_profile(size: int) -> bytes:
    whole = saved(cell())
    return whole[:33] + chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(size), 9)) + whole[33:]


def rows(count: int, length: int) -> bytes:
    return bytes(count * length)


GREY16 = Image.fromarray(cell().astype(np.uint16)[:, :, 0] * 257)
REFUSED: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "empty": (lambda: b"", {"not-an-image"}),
    "text": (lambda: b"id,label\n1,HSIL\n", {"not-an-image"}),
    "pdf": (lambda: b"%PDF-1.7\n", {"not-an-image"}),
    "svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", {"not-an-image"}),
    "postscript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n", {"not-an-image"}),
    "zip": (lambda: zipped({"a.png": saved(cell())}), {"not-an-image"}),
    "icon": (lambda: saved(cell(), "ICO"), {"not-an-image"}),
    "jpeg 2000": (lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(50), {"not-an-image"}),
    "cut": (lambda: saved(cell())[:2000], {"truncated", "unreadable"}),
    "cut jpeg": (lambda: saved(cell(), "JPEG")[:700], {"truncated", "unreadable"}),
    "png, 50,000 x 50,000": (
        lambda: png(50_000, 50_000, 1, 0, rows(1_000, 6251)), {"too-large"},
    ),
    "png, widest": (lambda: png(2**31 - 1, 2**31 - 1, 8, 2, b"x"), {"too-large", "unreadable"}),
    "png, long text": (lambda: png_of_text(90_000_000), {"unreadable", "truncated"}),
    "png, long profile": (lambda: png_of_profile(90_000_000), {"unreadable"}),
    "gif, 65,535 x 65,535": (lambda: gif_of_size(65_535, 65_535), {"too-large"}),
    "bmp, large": (lambda: bmp_of_size(60_000, 60_000), {"too-large"}),
    "bmp, larger than its bytes": (lambda: bmp_of_size(9_000, 9_000), {"truncated", "unreadable"}),
    "bmp, negative": (lambda: bmp_of_size(-48, 40), {"too-large"}),
    "jpeg, large": (lambda: jpeg_of_size(65_500, 65_500), {"too-large"}),
    "tiff, large": (lambda: tiff_of_size(100_000, 100_000), {"too-large"}),
    "tiff, larger than its bytes": (
        lambda: tiff_of_size(9_000, 9_000), {"truncated", "unreadable"},
    ),
    "gif, frames": (lambda: gif_frames(300), {"animated"}),
    "tiff, pages": (lambda: tiff_pages(300), {"animated"}),
    "webp, frames": (
        lambda: saved(Image.fromarray(cell()), "WEBP", save_all=True,
                      append_images=[Image.fromarray(cell(1))]), {"animated"},
    ),
    "png, frames": (
        lambda: saved(Image.fromarray(cell()), save_all=True,
                      append_images=[Image.fromarray(cell(1))]), {"animated"},
    ),
    "png, 16 bits": (lambda: saved(GREY16), {"sixteen-bit"}),
    "png, 16 bits of colour": (lambda: png(8, 8, 16, 2, rows(8, 49)), {"sixteen-bit"}),
    "tiff, 16 bits": (lambda: saved(GREY16, "TIFF"), {"sixteen-bit"}),
    "tiff, real numbers": (
        lambda: saved(Image.fromarray(cell()[:, :, 0].astype(np.float32)), "TIFF"),
        {"sixteen-bit"},
    ),
    "jpeg, cmyk": (lambda: saved(Image.fromarray(cell()).convert("CMYK"), "JPEG"), {"cmyk"}),
    "tiff, cmyk": (lambda: saved(Image.fromarray(cell()).convert("CMYK"), "TIFF"), {"cmyk"}),
    "one pixel": (lambda: saved(cell(0, 1, 1)), {"too-small"}),
    "one row": (lambda: png(40_000, 1, 8, 2, rows(1, 120_001)), {"too-small"}),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_ordinary_picture_is_refused_with_its_finding(
    decoders: Decoders, kind: str
) -> None:
    make, reasons = REFUSED[kind]
    decoders.clean(saved(cell()), "good.png")
    before = decoders.pids()

    with pytest.raises(ImageError, match=r"a\.png") as caught:
        decoders.clean(make(), "a.png")

    assert caught.value.reason in reasons
    assert caught.value.hint
    assert decoders.pids() == before, "its decoder did not bear it"


def test_pages_in_a_circle_are_one_page(decoders: Decoders) -> None:
    assert np.array_equal(decoders.clean(tiff_in_a_circle(), "a.tif").pixels, cell())


def test_indices_beyond_a_palette_stay_colours(decoders: Decoders) -> None:
    short = saved(Image.fromarray(cell()).quantize(4))
    start, end = short.index(b"PLTE") - 4, short.index(b"PLTE") + 4
    (length,) = struct.unpack_from(">I", short, start)
    cut = short[:start] + chunk(b"PLTE", b"\x10\x20\x30") + short[end + length + 4 :]
    assert decoders.clean(cut, "a.png").pixels.shape == (40, 48, 3)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "PA"])
def test_grey_palette_and_opacity_become_plain_colours_over_white(
    decoders: Decoders, mode: str
) -> None:
    sent = saved(
        Image.fromarray(cell()).convert("RGBA").convert(mode), "TIFF" if mode == "PA" else "PNG"
    )
    cleaned = decoders.clean(sent, "a.png")
    assert np.array_equal(cleaned.pixels, decode(sent))
    assert chunks_of(cleaned) == [b"IHDR", b"IDAT", b"IEND"]


def test_a_picture_as_large_as_may_be_fits_a_decoder_s_memory() -> None:
    side = 3_000
    with closing(Decoders(Limits(pixels=side * side, decode_seconds=60.0), workers=1)) as found:
        sent = png(side, side, 8, 6, rows(side, 1 + 4 * side))
        cleaned = found.clean(sent, "a.png")
        assert (cleaned.pixels == 255).all()  # nothing but opacity 0, over white
        with pytest.raises(ImageError, match="too large"):
            found.clean(png(side, side + 1, 8, 6, rows(side + 1, 1 + 4 * side)), "a.png")
