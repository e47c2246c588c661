"""Pictures from files to pixels, safely.

Takes   a file or bytes that claim to be a picture
Gives   (h, w, 3) RGB pixels, or the reason why not
Never   trusts a name, a size or a header; never resizes (that is `preprocess`)
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from papscope.errors import ImageError

# Pillow warns of sizes that `refusal` refuses anyway. Once and for all, because what Python offers
# for a while (`catch_warnings`) is not safe where several threads decode.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""(h, w, 3), RGB, 0..255."""

FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP", "GIF")
"""Pillow's names of the formats that are opened; all others are refused unread."""

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
"""The file name endings, in lower case, by which folders are searched."""

MAX_PIXELS = 100_000_000
"""A picture of more pixels than this is not decoded: a field of view has 1 to 12 million."""

MIN_SIDE = 8
"""A picture with a side shorter than this, in pixels, shows no cell."""

_EIGHT_BIT = frozenset({"RGB", "L", "P", "1", "RGBA", "LA", "PA", "RGBX", "La", "RGBa"})


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in a picture, in pixels; it may reach beyond the borders."""

    left: int
    top: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a box of {self.width} x {self.height} pixels holds nothing")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a picture's header says, before any pixel is decoded."""

    format: str
    mode: str
    width: int
    height: int
    frames: int

    @property
    def alpha(self) -> bool:
        """Whether the picture has an opacity channel."""
        return self.mode in ("RGBA", "LA", "PA", "La", "RGBa")


@contextmanager
def _opened(file: Path | bytes, where: str) -> Iterator[Image.Image]:
    try:
        source = io.BytesIO(file) if isinstance(file, bytes) else file
        with Image.open(source, formats=FORMATS) as picture:
            yield picture
    except FileNotFoundError:
        raise ImageError(
            f"there is no file {where}", hint="check the path", reason="missing"
        ) from None
    except Image.DecompressionBombError:
        raise _too_large(where, "far more than any field of view") from None
    except UnidentifiedImageError:
        raise _not_an_image(file, where) from None
    except ImageError:
        raise
    except IsADirectoryError:
        raise ImageError(
            f"{where} is a folder", hint="give a picture", reason="not-an-image"
        ) from None
    except PermissionError:
        raise ImageError(
            f"{where} may not be read", hint="check the file's permissions", reason="unreadable"
        ) from None
    except Exception as problem:  # a decoder may raise anything on hostile bytes
        raise _broken(where, problem) from None


def _not_an_image(file: Path | bytes, where: str) -> ImageError:
    size = len(file) if isinstance(file, bytes) else file.stat().st_size
    what = f"{where} is empty" if size == 0 else f"{where} is not a picture"
    return ImageError(what, hint="give BMP, JPEG, PNG, TIFF or WebP", reason="not-an-image")


def _too_large(where: str, much: str) -> ImageError:
    return ImageError(
        f"{where} is too large: {much}",
        hint=f"cut it into fields of at most {MAX_PIXELS // 1_000_000} million pixels",
        reason="too-large",
    )


def _broken(where: str, problem: Exception) -> ImageError:
    words = str(problem).lower()
    cut_short = any(word in words for word in ("truncated", "end of file", "eof", "not enough"))
    reason = "truncated" if cut_short else "unreadable"
    return ImageError(
        f"{where} is {'cut short' if cut_short else 'damaged'} ({problem})",
        hint="copy the file again from where it came from",
        reason=reason,
    )


def facts(file: Path | bytes, where: str | None = None) -> Facts:
    """Read a picture's header.

    Args:
        file: a path, or the file's bytes.
        where: what to call it in errors; the path by default.

    Raises:
        ImageError: it is no picture of the formats in `FORMATS`.
    """
    with _opened(file, where or _place(file)) as picture:
        return _facts(picture)


def _place(file: Path | bytes) -> str:
    return str(file) if isinstance(file, Path) else "the upload"


def _facts(picture: Image.Image) -> Facts:
    frames = int(getattr(picture, "n_frames", 1))
    return Facts(picture.format or "?", _mode(picture), *_upright(picture), frames)


def _mode(picture: Image.Image) -> str:
    """Give the mode, telling 16-bit RGB PNGs, which Pillow opens as 8-bit RGB, apart."""
    tiles = getattr(picture, "tile", None)
    tile = tiles[0] if tiles else None
    raw = tile[3] if tile is not None and len(tile) > 3 else None
    raw_mode = raw[0] if isinstance(raw, tuple) else raw
    return "I;16" if isinstance(raw_mode, str) and ";16" in raw_mode else picture.mode


def _upright(picture: Image.Image) -> tuple[int, int]:
    # Pillow decodes a whole PNG to look for a mark behind its pixels: one in the header must do.
    marked = picture.format != "PNG" or "exif" in picture.info
    sideways = marked and picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    width, height = picture.size
    return (height, width) if sideways else (width, height)


def refusal(found: Facts, where: str) -> ImageError | None:
    """Say why a picture with this header must not be decoded, or None where it may."""
    if found.width * found.height > MAX_PIXELS:
        return _too_large(where, f"{found.width} x {found.height} pixels")
    if min(found.width, found.height) < MIN_SIDE:
        what = f"{where} is too small: {found.width} x {found.height} pixels"
        return ImageError(what, hint="give a picture that shows a cell", reason="too-small")
    if found.frames > 1:
        what = f"{where} has {found.frames} frames or pages; one picture is wanted"
        return ImageError(what, hint="save the one that matters as PNG", reason="animated")
    if found.mode in ("CMYK", "YCCK"):
        what = f"{where} has printing colours (CMYK), whose RGB depends on an ink profile"
        return ImageError(what, hint="save it as RGB", reason="cmyk")
    if found.mode not in _EIGHT_BIT and found.mode not in ("YCbCr", "LAB", "HSV"):
        what = f"{where} has {found.mode} samples; 8 bits a channel are wanted"
        return ImageError(what, hint="save it with 8 bits a channel", reason="sixteen-bit")
    return None


def decode(file: Path | bytes, where: str | None = None) -> Pixels:
    """Decode a picture to RGB, upright.

    An opacity channel is laid over white, which is the background of a bright-field slide; grey
    and palette pictures become RGB; the camera's orientation mark is obeyed.

    Args:
        file: a path, or the file's bytes.
        where: what to call it in errors; the path by default.

    Returns:
        (h, w, 3), RGB, 0..255.

    Raises:
        ImageError: it is no picture, is damaged or cut short, has more than `MAX_PIXELS` pixels,
            several frames, more than 8 bits a channel, or CMYK colours.
    """
    place = where or _place(file)
    found = facts(file, place)
    problem = refusal(found, place)
    if problem is not None:
        raise problem
    with _opened(file, place) as picture:
        return _rgb(picture, alpha=found.alpha)


def _rgb(picture: Image.Image, *, alpha: bool) -> Pixels:
    picture.load()
    upright = ImageOps.exif_transpose(picture)
    if alpha or "transparency" in upright.info:
        layer = upright.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        upright = Image.alpha_composite(white, layer)
    return np.array(upright.convert("RGB"), dtype=np.uint8)


def pixels_of(picture: Image.Image | npt.NDArray[Any], where: str) -> Pixels:
    """Turn a picture that is already in memory to RGB, upright, by the rules of `decode`.

    Args:
        picture: opened by Pillow, or samples (h, w), (h, w, 3) or (h, w, 4), 0..255.
        where: what to call it in errors.

    Returns:
        (h, w, 3), RGB, 0..255; not a view of the picture.

    Raises:
        ImageError: as for `decode`.
    """
    try:
        opened = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        found = _facts(opened)
        problem = refusal(found, where)
        if problem is None:
            return _rgb(opened, alpha=found.alpha)
    except TypeError:
        raise ImageError(
            f"{where} has samples that are no picture's: {getattr(picture, 'shape', '')}",
            hint="give whole numbers 0..255 (uint8) of shape (h, w, 3)",
            reason="not-an-image",
        ) from None
    except Exception as wrong:  # a lazily opened file is decoded only now
        raise _broken(where, wrong) from None
    raise problem


def cut(pixels: Pixels, box: Box) -> Pixels:
    """Cut a rectangle out, reflecting the picture where the rectangle reaches beyond it.

    Returns:
        (box.height, box.width, 3).

    >>> row = np.arange(12, dtype=np.uint8).reshape(1, 4, 3)
    >>> cut(row, Box(-1, 0, 3, 1))[0, :, 0].tolist()
    [3, 0, 3]
    """
    height, width = pixels.shape[:2]
    rows = _reflected(box.top, box.height, height)
    columns = _reflected(box.left, box.width, width)
    if rows is None and columns is None:
        inside = pixels[box.top : box.top + box.height, box.left : box.left + box.width]
        return np.ascontiguousarray(inside)
    down = np.arange(box.top, box.top + box.height) if rows is None else rows
    along = np.arange(box.left, box.left + box.width) if columns is None else columns
    return np.ascontiguousarray(pixels[down[:, None], along[None, :]])


def _reflected(start: int, length: int, limit: int) -> npt.NDArray[np.intp] | None:
    """Give the indices of a stretch, mirrored at the borders (edge not repeated)."""
    if start >= 0 and start + length <= limit:
        return None
    if limit == 1:
        return np.zeros(length, dtype=np.intp)
    period = 2 * (limit - 1)
    places = np.arange(start, start + length) % period
    return np.where(places < limit, places, period - places).astype(np.intp)
