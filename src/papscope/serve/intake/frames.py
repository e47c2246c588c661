"""How the service and a decoder's process talk: lengths first, then bytes; no pickles.

Takes   requests and answers
Gives   bytes on a pipe, and requests and answers again
Never   lets what comes from a process that a stranger's bytes may have taken over be more than
        numbers and text

A request is `<QI`, the lengths of picture and name, and these. An answer is `<BIIQ`: whether it
has pixels, their width and height, and the length of what follows: samples, row by row, or JSON.
"""

from __future__ import annotations

import json
import struct
from typing import BinaryIO

import numpy as np

from papscope.errors import ImageError
from papscope.image import Pixels

READY = b"ready\n"

_REQUEST = struct.Struct("<QI")
_ANSWER = struct.Struct("<BIIQ")
_MOST_WORDS = 1 << 16


class Garbled(Exception):
    """The other side ended, or says what cannot be."""


def write_request(pipe: BinaryIO, data: bytes, name: str) -> None:
    """Ask for a picture's pixels."""
    called = name.encode("utf-8", "replace")
    pipe.write(_REQUEST.pack(len(data), len(called)) + called)
    pipe.write(data)
    pipe.flush()


def read_request(pipe: BinaryIO) -> tuple[bytes, str] | None:
    """Give a picture and its name; None where nobody asks any more."""
    head = pipe.read(_REQUEST.size)
    if len(head) < _REQUEST.size:
        return None
    size, length = _REQUEST.unpack(head)
    name = pipe.read(length)
    data = pipe.read(size)
    return (data, name.decode()) if len(data) == size else None


def write_pixels(pipe: BinaryIO, pixels: Pixels) -> None:
    """Answer with pixels, (h, w, 3)."""
    height, width = pixels.shape[:2]
    pipe.write(_ANSWER.pack(1, width, height, pixels.nbytes))
    pipe.write(np.ascontiguousarray(pixels).reshape(-1).data)
    pipe.flush()


def write_refusal(pipe: BinaryIO, error: ImageError) -> None:
    """Answer with the reason why there are none."""
    words = {"what": str(error)[:4000], "hint": error.hint, "reason": error.reason}
    text = json.dumps(words).encode()
    pipe.write(_ANSWER.pack(0, 0, 0, len(text)) + text)
    pipe.flush()


def read_answer(pipe: BinaryIO, most_pixels: int) -> Pixels | ImageError:
    """Give pixels, (h, w, 3), or the reason why there are none.

    Raises:
        Garbled: the other side ended, or says what cannot be.
    """
    good, width, height, size = _ANSWER.unpack(_exactly(pipe, _ANSWER.size))
    if good == 1:
        if width * height > most_pixels or size != 3 * width * height or size == 0:
            raise Garbled(f"{size} bytes for {width} x {height} pixels")
        samples = np.frombuffer(_exactly(pipe, size), dtype=np.uint8)
        return samples.reshape(height, width, 3)
    if size > _MOST_WORDS:
        raise Garbled(f"{size} bytes of words")
    return _refusal(bytes(_exactly(pipe, size)))


def _exactly(pipe: BinaryIO, size: int) -> bytearray:
    held = bytearray(size)
    view, got = memoryview(held), 0
    while got < size:
        count = pipe.readinto(view[got:])  # type: ignore[attr-defined]  # all binary pipes have it
        if not count:
            raise Garbled("the process ended")
        got += count
    return held


def _refusal(text: bytes) -> ImageError:
    try:
        words = json.loads(text)
        what, hint, reason = (str(words[key]) for key in ("what", "hint", "reason"))
    except (ValueError, LookupError, TypeError):
        raise Garbled("words that are no refusal") from None
    return ImageError(what, hint=hint, reason=reason)
