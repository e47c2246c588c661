from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from made_pictures import cell

from papscope.image import Pixels, decode
from papscope.seeds import stream
from papscope.serve.intake import png


def chunks(data: bytes) -> list[tuple[bytes, int]]:
    """The kinds and lengths of a PNG file's chunks, each held to its check sum."""
    found, place = [], 8
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        kind, content = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        (check,) = struct.unpack_from(">I", data, place + 8 + length)
        assert check == zlib.crc32(kind + content)
        found.append((kind, length))
        place += 12 + length
    return found


@pytest.mark.parametrize("shape", [(8, 8), (9, 131), (200, 8), (8, 4000)])
@pytest.mark.parametrize("fill", ["noise", "cell", "black", "white"])
def test_what_is_written_is_read_back_to_the_last_sample(
    shape: tuple[int, int], fill: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(png, "_BAND", 3 * 131 * 2)  # several bands, some of a single row
    pixels = {
        "noise": stream(1, "test/noise").integers(0, 256, (*shape, 3), dtype=np.uint8),
        "cell": cell(2, *shape),
        "black": np.zeros((*shape, 3), dtype=np.uint8),
        "white": np.full((*shape, 3), 255, dtype=np.uint8),
    }[fill]

    written = png.encoded(pixels)

    assert np.array_equal(decode(written), pixels)
    assert [kind for kind, _ in chunks(written)] == [b"IHDR", b"IDAT", b"IEND"]


def test_the_bands_do_not_show_in_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels: Pixels = cell(3, 64, 64)
    whole = png.encoded(pixels)
    monkeypatch.setattr(png, "_BAND", 64 * 3 * 5)
    assert png.encoded(pixels) == whole == png.encoded(pixels.copy())


def test_a_view_of_a_larger_picture_is_written_as_its_copy_is() -> None:
    pixels = cell(4, 60, 60)[::2, 5:40]
    assert png.encoded(pixels) == png.encoded(np.ascontiguousarray(pixels))
