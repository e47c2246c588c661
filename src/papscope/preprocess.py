"""From any picture to what a network takes, the very same in training and in use.

Takes   pictures, or places where they lie, and the settings that a model carries
Gives   square pictures of whole numbers, and the planes of real numbers made from them
Never   augments, and never needs torch
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from papscope.errors import ImageError, SettingError
from papscope.image import Box, Pixels, cut, decode, pixels_of
from papscope.stain.reference import StainReference
from papscope.stain.reference import apply as apply_stain

Squares: TypeAlias = npt.NDArray[np.uint8]
"""(n, s, s, 3), RGB, 0..255."""

Planes: TypeAlias = npt.NDArray[np.float32]
"""(n, 3, s, s); centred and scaled colour channels."""

Fit = Literal["squash", "pad", "crop"]

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocess:
    """How a picture becomes a network's input; travels in the bundle."""

    size: int = 224
    """Side of the square, in pixels."""
    fit: Fit = "squash"
    """`squash` changes the shape, `pad` adds mirrored borders, `crop` takes the middle square."""
    filter: str = "bilinear"
    """`bilinear` or `bicubic`, both smoothed when shrinking."""
    mean: tuple[float, float, float] = IMAGENET_MEAN
    """Of each channel, of values 0..1."""
    std: tuple[float, float, float] = IMAGENET_STD
    stain: StainReference | None = None
    """The stain that every picture is brought to first; None leaves colours as they are."""

    def __post_init__(self) -> None:
        if not 16 <= self.size <= 1024:
            raise SettingError(f"size is {self.size}; want 16 to 1024", hint="try 224")
        if self.fit not in ("squash", "pad", "crop") or self.filter not in _FILTERS:
            raise SettingError(
                f"fit is {self.fit!r} and filter {self.filter!r}",
                hint="fit is squash, pad or crop; filter is bilinear or bicubic",
            )
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise SettingError(
                f"mean is {self.mean} and std {self.std}",
                hint="give three numbers each, std above 0",
            )

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form that a bundle carries; without a stain it says nothing of one."""
        plain = {**asdict(self), "mean": list(self.mean), "std": list(self.std)}
        del plain["stain"]
        return plain if self.stain is None else {**plain, "stain": self.stain.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Preprocess:
        """Read the JSON form.

        Raises:
            SettingError: a setting is unknown, missing or out of range.
        """
        try:
            mean, std = (tuple(float(x) for x in value[name]) for name in ("mean", "std"))
            told = value.get("stain")
            stain = None if told is None else StainReference.from_json(told)
            rest = {name: value[name] for name in value if name not in ("mean", "std", "stain")}
            return cls(mean=mean, std=std, stain=stain, **rest)  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError) as wrong:
            raise SettingError(f"preprocessing is damaged: {wrong}", hint="get it again") from None


def to_square(pixels: Pixels, settings: Preprocess) -> Pixels:
    """Bring a picture to the wanted stain, if any, and to the square that a network takes.

    Args:
        pixels: (h, w, 3), RGB, 0..255.
        settings: the stain, the side and how to reach it.

    Returns:
        (s, s, 3), RGB, 0..255.

    >>> to_square(np.zeros((30, 50, 3), np.uint8), Preprocess(size=32, fit="pad")).shape
    (32, 32, 3)
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"want an image of shape (h, w, 3), got {pixels.shape}")
    if settings.stain is not None:
        pixels = apply_stain(pixels, settings.stain)
    height, width = pixels.shape[:2]
    if settings.fit != "squash" and height != width:
        side = max(height, width) if settings.fit == "pad" else min(height, width)
        pixels = cut(pixels, Box((width - side) // 2, (height - side) // 2, side, side))
    if pixels.shape[:2] == (settings.size, settings.size):
        return np.ascontiguousarray(pixels)
    picture = Image.fromarray(pixels)
    square = picture.resize((settings.size, settings.size), _FILTERS[settings.filter])
    return np.array(square, dtype=np.uint8)


def to_planes(squares: npt.NDArray[np.uint8], settings: Preprocess) -> Planes:
    """Centre and scale each colour channel, and put channels first.

    Args:
        squares: (n, s, s, 3), RGB, 0..255.
        settings: the mean and spread of each channel.

    Returns:
        (n, 3, s, s).

    >>> grey = np.full((1, 16, 16, 3), 51, dtype=np.uint8)  # 51 / 255 = 0.2
    >>> planes = to_planes(grey, Preprocess(size=16, mean=(0.0, 0.1, 0.2), std=(1.0, 0.5, 1.0)))
    >>> [round(float(value), 3) for value in planes[0, :, 0, 0]]
    [0.2, 0.2, 0.0]
    """
    mean, std = np.array([settings.mean, settings.std], dtype=np.float32)
    scale, shift = 1 / (255 * std), mean / std
    planes = squares.transpose(0, 3, 1, 2) * scale[:, None, None] - shift[:, None, None]
    return np.ascontiguousarray(planes, dtype=np.float32)


Refuse: TypeAlias = Callable[[Pixels, str], None]
"""Called with a picture (h, w, 3) and its name; raises ImageError where it shall not be used."""


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no single answer to being equal
class Source:
    """A picture, where it lies or itself, or a part of it."""

    picture: Path | bytes | Image.Image | Pixels
    """A file, a file's bytes, a picture that Pillow opened, or samples (h, w, 3)."""
    box: Box | None = None
    name: str = ""
    """What to call it; empty for the path."""
    outline: Path | Mapping[str, Sequence[Sequence[float]]] | None = None
    """A mask of the whole picture, or polygons in its pixels; None where there is neither."""

    @property
    def called(self) -> str:
        """What errors and results call it."""
        path = str(self.picture) if isinstance(self.picture, Path) else "the picture"
        return self.name or path


_LONGEST_RUN = 64


def prepare(
    sources: Iterable[Source],
    settings: Preprocess,
    *,
    threads: int = 2,
    ahead: int = 64,
    refuse: Refuse | None = None,
) -> Iterator[Pixels | ImageError]:
    """Decode, cut and resize pictures in the background, in order, holding few at a time.

    Sources that follow one another and lie in the same file are cut from one decoding of it.

    Args:
        sources: where the pictures lie; may be endless.
        settings: what to make of them.
        threads: how many work at once; decoding and resizing leave Python's lock.
        ahead: how many squares are held at most, or those of two files where these are more.
        refuse: judges each picture, after cutting and before resizing; None takes all.

    Yields:
        For each source a square (s, s, 3), or the reason why there is none.
    """
    waiting: deque[Future[list[Pixels | ImageError]]] = deque()
    held = 0
    with ThreadPoolExecutor(threads, thread_name_prefix="papscope-decode") as pool:
        try:
            for run in _runs(sources, max(ahead, _LONGEST_RUN)):
                waiting.append(pool.submit(_prepare_run, run, settings, refuse))
                held += len(run)
                while held >= ahead and len(waiting) > 1:
                    ready = waiting.popleft().result()
                    held -= len(ready)
                    yield from ready
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for left in waiting:
                left.cancel()


def _runs(sources: Iterable[Source], longest: int) -> Iterator[list[Source]]:
    """Gather sources that follow one another and lie in the same picture."""

    def place(source: Source) -> object:
        return source.picture if isinstance(source.picture, Path) else id(source.picture)

    for _, run in groupby(sources, key=place):
        while part := list(islice(run, longest)):
            yield part


def _prepare_run(
    run: list[Source], settings: Preprocess, refuse: Refuse | None
) -> list[Pixels | ImageError]:
    try:
        whole = _decoded(run[0])
    except ImageError as problem:
        return [problem] * len(run)
    return [_square(whole, source, settings, refuse) for source in run]


def originals(sources: Iterable[Source]) -> Iterator[Pixels]:
    """Decode and cut pictures one after the other, and leave size and colours as they are.

    Raises:
        ImageError: a picture cannot be used.
    """
    for run in _runs(sources, _LONGEST_RUN):
        whole = _decoded(run[0])
        for source in run:
            yield _part(whole, source)


def _part(whole: Pixels, source: Source) -> Pixels:
    return whole if source.box is None else cut(whole, source.box)


def _decoded(source: Source) -> Pixels:
    if isinstance(source.picture, Path):
        return decode(source.picture)
    if isinstance(source.picture, bytes):
        return decode(source.picture, source.called)
    return pixels_of(source.picture, source.called)


def _square(
    whole: Pixels, source: Source, settings: Preprocess, refuse: Refuse | None
) -> Pixels | ImageError:
    part = _part(whole, source)
    try:
        if refuse is not None:
            refuse(part, source.called)
    except ImageError as problem:
        return problem
    return to_square(part, settings)
