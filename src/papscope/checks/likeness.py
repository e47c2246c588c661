"""When two pictures show the same thing: a hash to find them by, a thumbnail to be sure.

Takes   pixels
Gives   a `Likeness`: perceptual hashes of the eight ways to turn a picture, and a thumbnail
Never   decides what two like pictures mean
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from papscope.image import Pixels

SIDE = 32
"""Of a thumbnail, in pixels; what `imagehash.phash` shrinks to as well."""

SAME = 0.95
"""Correlation of two thumbnails from which they show one picture.

Copies of Herlev and CRIC cells made smaller by half or compressed to JPEG quality 50 stay above
0.98; pairs that only look alike and pass the hash stay below 0.91 there.
"""

WAYS = 8
"""Four quarter turns, each also mirrored."""

Grey = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Likeness:
    """What is kept of a picture to find its copies."""

    hashes: tuple[int, ...]
    """(8,), 64 bits each: of the picture as it is, then turned and mirrored in seven ways."""
    thumbnail: bytes
    """32 x 32 grey levels."""


def likeness(pixels: Pixels) -> Likeness:
    """Hash a picture in all eight ways.

    The hash is the sign pattern of the lowest 8 x 8 cosine frequencies about their median:
    C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010.

    Args:
        pixels: (h, w, 3), RGB, 0..255.
    """
    import imagehash  # takes a quarter of a second: not before it is needed

    grey = Image.fromarray(pixels).convert("L")
    method = Image.Resampling.BOX if min(grey.size) > 2 * SIDE else Image.Resampling.BILINEAR
    thumbnail = np.asarray(grey.resize((SIDE, SIDE), method))
    hashes = []
    for way in ways(thumbnail):
        bits = imagehash.phash(Image.fromarray(way)).hash
        hashes.append(int.from_bytes(np.packbits(bits).tobytes(), "big"))
    return Likeness(tuple(hashes), thumbnail.tobytes())


def ways(picture: Grey) -> Iterator[Grey]:
    """Give a square picture as it is, then turned and mirrored in the seven other ways."""
    for leaning in (picture, picture.T):
        for down in (1, -1):
            for along in (1, -1):
                yield np.ascontiguousarray(leaning[::down, ::along])


def correlations(
    looks: Sequence[Likeness], pairs: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Correlate the thumbnails of pairs, the first of each turned as its pair says.

    Args:
        looks: (n,).
        pairs: (m, 3): first, second, and the way (0..7) in which the first is turned.

    Returns:
        (m,), -1..1; 0 where a thumbnail is flat.
    """
    found = np.zeros(len(pairs), dtype=np.float32)
    for at, (first, second, way) in enumerate(pairs.tolist()):
        turned = list(ways(_grey(looks[first])))[way]
        found[at] = float((_normal(turned) * _normal(_grey(looks[second]))).sum())
    return found


def _grey(look: Likeness) -> Grey:
    return np.frombuffer(look.thumbnail, dtype=np.uint8).reshape(SIDE, SIDE)


def _normal(grey: Grey) -> npt.NDArray[np.float32]:
    centred = grey.astype(np.float32)
    centred -= centred.mean()
    length = float(np.linalg.norm(centred))
    if length > 0:
        centred /= length
    return centred
