"""Files as strangers send them: good ones of each kind, and hostile ones."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from papscope.image import Pixels
from papscope.seeds import stream


def cell(seed: int = 0, height: int = 40, width: int = 48) -> Pixels:
    """Pixels of a dark nucleus in a pale cell, with noise of its own for each seed."""
    rows, columns = np.mgrid[:height, :width]
    pixels = np.full((height, width, 3), (220.0, 200.0, 215.0))
    pixels[(rows - height / 2) ** 2 + (columns - width / 2) ** 2 < 100] = (90, 60, 130)
    noise = stream(seed, "test/picture").normal(0, 12, pixels.shape)
    return (pixels + noise).clip(0, 255).astype(np.uint8)


def saved(picture: Image.Image | Pixels, kind: str = "PNG", **options: Any) -> bytes:
    """A picture's file."""
    held = io.BytesIO()
    opened = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    opened.save(held, kind, **options)
    return held.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file."""
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG file with whatever its header is to say."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def zipped(files: Mapping[str, bytes], *, packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", packed) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return held.getvalue()
