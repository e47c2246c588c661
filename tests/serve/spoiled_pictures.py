"""Pictures spoiled in the ways that break decoders: the same ones for the same seed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from made_pictures import cell, png, saved
from PIL import Image

Dice: TypeAlias = np.random.Generator
Spoil: TypeAlias = Callable[[bytearray, Dice], bytearray]

EXTREMES = (0, 1, 2, 7, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1)


def sound() -> list[bytes]:
    """Small pictures of all formats and most of the ways in which each is written."""
    colour = Image.fromarray(cell(0, 24, 32))
    grey, palette = colour.convert("L"), colour.quantize(16)
    clear = colour.convert("RGBA")
    clear.putalpha(grey)
    exif = Image.Exif()
    exif[274], exif[270] = 6, "patient"
    exif.get_ifd(0x8825)[1] = "N"
    as_png = [saved(one) for one in (colour, grey, palette, clear, colour.convert("1"))]
    as_png += [saved(colour, exif=exif, dpi=(300, 300), icc_profile=b"x" * 200)]
    as_png += [saved(palette, transparency=3), png(24, 24, 16, 2, bytes(24 * 145))]
    jpegs = [
        saved(colour, "JPEG", quality=80),
        saved(colour, "JPEG", progressive=True, exif=exif, comment=b"patient"),
        saved(grey, "JPEG", optimize=True),
        saved(colour.convert("CMYK"), "JPEG"),
        saved(colour, "JPEG", subsampling=0, restart_marker_blocks=1),
    ]
    packings = (None, "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")
    tiffs = [saved(colour, "TIFF", compression=packing) for packing in packings]
    tiffs += [saved(one, "TIFF", compression="tiff_lzw") for one in (grey, palette, clear)]
    tiffs += [saved(colour.convert("1"), "TIFF", compression="group4")]
    tiffs += [saved(colour, "TIFF", big_tiff=True), saved(colour.convert("YCbCr"), "TIFF")]
    tiffs += [saved(colour, "TIFF", save_all=True, append_images=[grey])]
    bmps = [saved(one, "BMP") for one in (colour, grey, palette, clear, colour.convert("1"))]
    gifs = [saved(one, "GIF", transparency=2) for one in (palette, grey)]
    gifs += [saved(palette, "GIF", save_all=True, append_images=[grey], loop=0)]
    webps = [
        saved(colour, "WEBP", quality=60),
        saved(clear, "WEBP", lossless=True, exif=exif, xmp=b"<x/>"),
        saved(colour, "WEBP", save_all=True, append_images=[grey]),
    ]
    return [*as_png, *jpegs, *tiffs, *bmps, *gifs, *webps]


def spoiled(seeds: Sequence[bytes], count: int, dice: Dice) -> Iterator[bytes]:
    """Give so many spoiled pictures, each from a seed and spoiled in one to three ways."""
    ways: tuple[Spoil, ...] = (bits, bits, set_bytes, sizes, sizes, cut, doubled, lost, chunks)
    for number in range(count):
        data = bytearray(seeds[number % len(seeds)])
        if dice.random() < 0.1:
            data = spliced(data, seeds[int(dice.integers(len(seeds)))], dice)
        for _ in range(int(dice.integers(1, 4))):
            data = ways[int(dice.integers(len(ways)))](data, dice) or bytearray(b"\0")
        yield bytes(data)


def bits(data: bytearray, dice: Dice) -> bytearray:
    """Flip some bits, more often near the beginning, where headers are."""
    for _ in range(int(dice.integers(1, 12))):
        data[place(data, dice)] ^= 1 << int(dice.integers(8))
    return data


def set_bytes(data: bytearray, dice: Dice) -> bytearray:
    for _ in range(int(dice.integers(1, 6))):
        data[place(data, dice)] = int(dice.choice((0, 1, 127, 128, 255, int(dice.integers(256)))))
    return data


def sizes(data: bytearray, dice: Dice) -> bytearray:
    """Put an extreme number where one of two or four bytes may stand."""
    kind = str(dice.choice(["<I", ">I", "<H", ">H"]))
    number = int(dice.choice(EXTREMES)) & (0xFFFFFFFF if "I" in kind else 0xFFFF)
    start = place(data, dice)
    piece = struct.pack(kind, number)
    data[start : start + len(piece)] = piece
    return data


def cut(data: bytearray, dice: Dice) -> bytearray:
    return data[: int(dice.integers(len(data) // 2, len(data) + 1))]


def doubled(data: bytearray, dice: Dice) -> bytearray:
    start = place(data, dice)
    piece = data[start : start + int(dice.integers(1, 200))]
    return data[:start] + piece * int(dice.integers(2, 5)) + data[start:]


def lost(data: bytearray, dice: Dice) -> bytearray:
    start = place(data, dice)
    return data[:start] + data[start + int(dice.integers(1, 40)) :]


def spliced(data: bytearray, other: bytes, dice: Dice) -> bytearray:
    return data[: int(dice.integers(len(data)))] + other[int(dice.integers(len(other))) :]


def chunks(data: bytearray, dice: Dice) -> bytearray:
    """Spoil, repeat or move a PNG's chunks, with check sums that are right; bits of others."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return bits(data, dice)
    found, start = [], 8
    while start + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, start)
        found.append((bytes(data[start + 4 : start + 8]), data[start + 8 : start + 8 + length]))
        start += 12 + length
    chosen = int(dice.integers(len(found) or 1))
    if found and found[chosen][1]:
        found[chosen] = (found[chosen][0], bits(found[chosen][1], dice))
    if found and dice.random() < 0.3:
        found.insert(int(dice.integers(len(found))), found[chosen])
    whole = bytearray(data[:8])
    for kind, content in found:
        check = zlib.crc32(kind + content)
        whole += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
    return whole


def place(data: bytearray, dice: Dice) -> int:
    """Choose a byte, mostly behind the first four, without which nothing is a picture."""
    most = min(len(data), 80) if dice.random() < 0.5 else len(data)
    return int(dice.integers(4 if most > 4 and dice.random() < 0.95 else 0, most))
