"""Small pictures of a manifest's rows, held inside the page itself.

Takes   a manifest and a row of it
Gives   a picture as a data URI, with the row's label and group
Never   stops for a picture that is missing or damaged
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image, ImageDraw

from papscope.errors import ImageError
from papscope.image import Box, Pixels, cut, decode
from papscope.manifest import Manifest, Row

THUMBNAIL = 112
"""Longer side of a small picture, in pixels."""

_ONE, _OTHER = (0, 190, 255), (255, 170, 0)
"""Colours of two crops' outlines, told apart by eyes that cannot tell red from green."""


@dataclass(frozen=True, slots=True)
class Thumb:
    """One row's small picture."""

    id: str
    label: str
    group: str
    data: str | None
    """A data URI; None where the picture cannot be shown."""


def thumb(manifest: Manifest, row: Row) -> Thumb:
    """Make a row's small picture."""
    pixels = _decoded(manifest, row)
    data = None
    if pixels is not None:
        data = data_uri(Image.fromarray(pixels if row.box is None else cut(pixels, row.box)))
    return Thumb(row.id, row.label or "no label", row.group or "no group", data)


def both_crops(manifest: Manifest, one: Row, other: Row) -> str | None:
    """Draw two crops of one file where they lie, as a data URI; None where that cannot be.

    Args:
        manifest: of both rows.
        one: outlined in blue.
        other: outlined in orange.
    """
    if one.box is None or other.box is None or one.path != other.path:
        return None
    pixels = _decoded(manifest, one)
    if pixels is None:
        return None
    around = _around(one.box, other.box)
    picture = Image.fromarray(cut(pixels, around))
    scale = THUMBNAIL * 2 / max(picture.size)
    picture = picture.resize((round(picture.width * scale), round(picture.height * scale)))
    draw = ImageDraw.Draw(picture)
    for box, colour in ((one.box, _ONE), (other.box, _OTHER)):
        left, top = (box.left - around.left) * scale, (box.top - around.top) * scale
        ends = (left, top, left + box.width * scale, top + box.height * scale)
        draw.rectangle(ends, outline=colour, width=3)
    return data_uri(picture, THUMBNAIL * 2)


def _around(one: Box, other: Box) -> Box:
    left, top = min(one.left, other.left), min(one.top, other.top)
    right = max(one.left + one.width, other.left + other.width)
    bottom = max(one.top + one.height, other.top + other.height)
    margin = max(right - left, bottom - top) // 12
    return Box(left - margin, top - margin, right - left + 2 * margin, bottom - top + 2 * margin)


def data_uri(picture: Image.Image, side: int = THUMBNAIL) -> str:
    """Write a picture as a data URI, its longer side at most so many pixels."""
    picture.thumbnail((side, side))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _decoded(manifest: Manifest, row: Row) -> Pixels | None:
    try:
        return decode(manifest.file_of(row), str(row.path))
    except ImageError:
        return None
