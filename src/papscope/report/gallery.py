"""Small pictures of chosen cells, held inside the page itself.

Takes   scores, which of their rows are wanted, and the folder that their paths start from
Gives   one tile a row: a picture as a data URI, or the reason why there is none
Never   stops for a picture that is missing or damaged, or opens a file outside the folder
"""

from __future__ import annotations

import io
from base64 import b64encode
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from papscope.errors import ImageError
from papscope.image import MAX_PIXELS, Pixels, cut, decode
from papscope.progress import Tell, silent
from papscope.scores import Scores
from papscope.seeds import stream

SIDE = 128
"""The long side of a small picture, in pixels."""
_QUALITY = 84


@dataclass(frozen=True, slots=True)
class Tile:
    """One image of a gallery and what was said of it."""

    id: str
    truth: str
    called: str
    confidence: float
    """The probability of the called class."""
    picture: str | None
    """A `data:` URI, or None where the image cannot be shown."""
    width: int
    """Of the small picture, in pixels."""
    height: int
    why: str = ""
    """Why there is no picture; empty where there is one."""

    @property
    def right(self) -> bool:
        """Whether the call agrees with the label."""
        return self.truth == self.called


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rows of the galleries, by their place in the scores."""

    worst: tuple[int, ...]
    """The most confident wrong calls, the most confident first."""
    right: tuple[tuple[int, ...], ...]
    """For each class some that were called rightly, drawn at random, in the scores' order."""
    wrong: tuple[tuple[int, ...], ...]
    """For each class the most confident wrong calls of its members."""

    def all(self) -> list[int]:
        """Give every row that is wanted, each once."""
        return sorted({*self.worst, *(one for part in (*self.right, *self.wrong) for one in part)})


def choose(scores: Scores, *, seed: int = 0, worst: int = 24, each: int = 8) -> Chosen:
    """Choose what the galleries show; the same choice from the same seed.

    Args:
        scores: of labelled images.
        seed: of the run; draws the images that were called rightly.
        worst: how many wrong calls at most.
        each: how many right and how many wrong calls of each class at most; fewer where there
            are many classes, so that a page stays small.
    """
    c = len(scores.classes)
    each = max(1, min(each, 120 // max(c, 1)))
    called, confidence = scores.called, scores.probabilities.max(axis=1, initial=0.0)
    order = np.lexsort((np.array(scores.ids, dtype=str), -confidence))
    wrong = [int(one) for one in order if called[one] != scores.truth[one]]
    draw = stream(seed, "report gallery")
    right = []
    for place in range(c):
        fitting = np.flatnonzero((scores.truth == place) & (called == place))
        drawn = draw.choice(fitting, size=min(each, len(fitting)), replace=False)
        right.append(tuple(sorted(int(one) for one in drawn)))
    of_class = [tuple([o for o in wrong if scores.truth[o] == p][:each]) for p in range(c)]
    return Chosen(tuple(wrong[:worst]), tuple(right), tuple(of_class))


def tiles(
    scores: Scores, places: Sequence[int], root: Path | None, *, tell: Tell = silent
) -> dict[int, Tile]:
    """Make the small pictures of some rows, decoding each file once.

    Args:
        scores: of labelled images.
        places: which rows.
        root: the folder that the paths start from; None where it is not known.
        tell: told after each file.

    Returns:
        A tile for each place.
    """
    of_file: dict[str, list[int]] = defaultdict(list)
    for place in places:
        of_file[scores.paths[place]].append(place)
    made: dict[int, Tile] = {}
    for done, path in enumerate(sorted(of_file), start=1):
        whole = _whole(root, path)
        for place in of_file[path]:
            made[place] = _tile(scores, place, whole)
        tell("small pictures", done, len(of_file))
    return made


def _whole(root: Path | None, path: str) -> Pixels | str:
    """Give a file's pixels, or why there are none; the folder itself is never named."""
    if root is None:
        return "the folder of the images is not recorded"
    below = PurePosixPath(path)
    if below.is_absolute() or ".." in below.parts:
        return "the path leaves the folder of the images"
    try:
        return decode(root / below, path)
    except ImageError as problem:
        return f"{problem}"


def _tile(scores: Scores, place: int, whole: Pixels | str) -> Tile:
    called = int(scores.called[place])
    said = (
        scores.ids[place],
        scores.class_names[int(scores.truth[place])],
        scores.class_names[called],
        float(scores.probabilities[place, called]),
    )
    if isinstance(whole, str):
        return Tile(*said, picture=None, width=SIDE, height=SIDE, why=whole)
    box = scores.boxes[place]
    if box is not None and box.width * box.height > MAX_PIXELS:
        return Tile(*said, picture=None, width=SIDE, height=SIDE, why="the box is too large")
    picture = Image.fromarray(whole if box is None else cut(whole, box))
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=_QUALITY, optimize=True)
    text = b64encode(data.getvalue()).decode("ascii")
    return Tile(*said, f"data:image/jpeg;base64,{text}", picture.width, picture.height)
