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

_LEVEL = 2
"""Of zlib: higher ones take two to five times as long to save a few per cent."""

_BAND = 1 << 20
"""Samples that are filtered at a time, so that a large picture is not copied as a whole."""

_PAETH = 4


def encoded(pixels: Pixels) -> bytes:
    """Write a picture as PNG.

    Args:
        pixels: (h, w, 3), RGB, 0..255; neither h nor w is 0.

    >>> encoded(np.zeros((1, 1, 3), dtype=np.uint8))[:8] == SIGNATURE
    True
    """
    height, width = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, 15, 9, zlib.Z_FILTERED)
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
        band[:, 0] = _PAETH
        band[:, 1:] = (rows - _guessed(rows, above)).reshape(len(rows), -1)
        yield band


def _guessed(rows: Pixels, above: Pixels) -> Pixels:
    """Guess each sample from those to the left, above, and left above, as Paeth did."""
    left, corner = np.zeros_like(rows), np.zeros_like(rows)
    left[:, 1:], corner[:, 1:] = rows[:, :-1], above[:, :-1]
    a, b, c = (one.astype(np.int16) for one in (left, above, corner))
    far_a, far_b, far_c = np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)
    of_b_and_c = np.where(far_b <= far_c, above, corner)
    return np.where((far_a <= far_b) & (far_a <= far_c), left, of_b_and_c)
