"""When two pictures show the same thing: a hash to find them by, a thumbnail to be sure.

Takes   pixels
Gives   a `Likeness`: perceptual hashes of the eight ways to turn a picture, and a thumbnail
Never   decides what two like pictures mean
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from papscope.image import Pixels

SIDE = 32
"""Of a thumbnail, in pixels; what `imagehash.phash` shrinks to as well."""

SAME_SHAPE = 0.95
"""Correlation of two grey thumbnails from which they show one picture.

Copies of Herlev and CRIC cells made smaller by half or compressed to JPEG quality 50 stay above
0.97; pairs that only look alike and pass the hash stay below 0.91 there.
"""

SAME_COLOUR = 18.0
"""Mean absolute difference of two thumbnails up to which they show one picture, of 255.

Such copies differ by up to 8, one cell photographed twice by up to 11; two drawn cells of one
outline and two stains differ by 20 and more.
"""

WAYS = 8
"""Four quarter turns, each also mirrored."""

Levels: TypeAlias = npt.NDArray[np.uint8]
"""(h, w) grey or (h, w, 3) RGB, 0..255."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What is kept of a picture to find its copies."""

    hashes: tuple[int, ...]
    """(8,), 64 bits each: of the picture as it is, then turned and mirrored in seven ways."""
    thumbnail: bytes
    """32 x 32 RGB pixels."""


def likeness(pixels: Pixels) -> Likeness:
    """Hash a picture in all eight ways.

    The hash is the sign pattern of the lowest 8 x 8 cosine frequencies about their median:
    C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010.

    Args:
        pixels: (h, w, 3), RGB, 0..255.
    """
    import imagehash  # takes a quarter of a second: not before it is needed

    large = min(pixels.shape[:2]) > 2 * SIDE
    method = Image.Resampling.BOX if large else Image.Resampling.BILINEAR
    thumbnail = Image.fromarray(pixels).resize((SIDE, SIDE), method)
    hashes = []
    for way in ways(np.asarray(thumbnail.convert("L"))):
        bits = imagehash.phash(Image.fromarray(way)).hash
        hashes.append(int.from_bytes(np.packbits(bits).tobytes(), "big"))
    return Likeness(tuple(hashes), thumbnail.tobytes())


def ways(picture: Levels) -> Iterator[Levels]:
    """Give a square picture as it is, then turned and mirrored in the seven other ways."""
    for leaning in (picture, picture.swapaxes(0, 1)):
        for down in (1, -1):
            for along in (1, -1):
                yield np.ascontiguousarray(leaning[::down, ::along])


def same(looks: Sequence[Likeness], pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Say which pairs show one picture, the first of each turned as its pair says.

    Args:
        looks: (n,).
        pairs: (m, 3): first, second, and the way (0..7) in which the first is turned.

    Returns:
        (m,); False where a thumbnail is flat.
    """
    found = np.zeros(len(pairs), dtype=np.bool_)
    for at, (first, second, way) in enumerate(pairs.tolist()):
        turned, other = list(ways(_levels(looks[first])))[way], _levels(looks[second])
        differ = float(np.abs(turned.astype(np.int16) - other).mean())
        correlated = float((_normal(turned) * _normal(other)).sum())
        found[at] = differ <= SAME_COLOUR and correlated >= SAME_SHAPE
    return found


def _levels(look: Likeness) -> Levels:
    return np.frombuffer(look.thumbnail, dtype=np.uint8).reshape(SIDE, SIDE, 3)


def _normal(levels: Levels) -> npt.NDArray[np.float32]:
    """Average the channels, centre, and scale to length 1."""
    centred: npt.NDArray[np.float32] = levels.mean(axis=2, dtype=np.float32)
    centred -= centred.mean()
    length = float(np.linalg.norm(centred))
    if length > 0:
        centred /= length
    return centred
