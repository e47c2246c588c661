"""What the bytes of many image files say: their sizes and digests.

Takes   a folder and paths below it
Gives   width, height and SHA-256 of each file, or why it has none
Never   decodes a picture
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath

from papscope.errors import ImageError
from papscope.files import digest_of
from papscope.image import facts
from papscope.progress import Tell, silent

WHOLE_FILE = 64 << 20
"""Files of more bytes than this are read in pieces."""
_AT_ONCE = 64
"""Files that a thread measures before it tells."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a file's bytes say."""

    width: int
    height: int
    sha256: str


def measure(
    root: Path, paths: Iterable[PurePosixPath], tell: Tell = silent
) -> dict[PurePosixPath, Measured | ImageError]:
    """Read each file once.

    Args:
        root: the folder that the paths start from.
        paths: repeats are read once.
        tell: told of the files read.

    Returns:
        By path, in order; the reason instead where a file is no picture or cannot be read.
    """
    every = sorted(set(paths))
    portions = [every[start : start + _AT_ONCE] for start in range(0, len(every), _AT_ONCE)]
    found: dict[PurePosixPath, Measured | ImageError] = {}

    def read(portion: Sequence[PurePosixPath]) -> list[tuple[PurePosixPath, Measured | ImageError]]:
        return [(path, _measured(root, path)) for path in portion]

    with ThreadPoolExecutor(min(8, 2 * (os.cpu_count() or 1))) as pool:
        for pairs in pool.map(read, portions):
            found.update(pairs)
            tell("files read", len(found), len(every))
    return found


def _measured(root: Path, path: PurePosixPath) -> Measured | ImageError:
    place = root / path
    try:
        small = place.stat().st_size <= WHOLE_FILE
        data = place.read_bytes() if small else b""
        digest = sha256(data).hexdigest() if small else digest_of(place)
        header = facts(data if small else place, str(path))
    except ImageError as reason:
        return reason
    except OSError as problem:
        return ImageError(
            f"{path} cannot be read: {problem.strerror or problem}", hint="check the file"
        )
    return Measured(header.width, header.height, digest)
