"""An explanation as one HTML file: the picture, what was laid over it, and what was not shown.

Takes   an explanation's account
Gives   a page that needs nothing else: no network, no other file, no script
Never   shows a map that failed a check, or a folder of this machine
"""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from papscope import __version__
from papscope.errors import ImageError
from papscope.explain.judging import MOST_ALIKE
from papscope.explain.maps import METHODS
from papscope.explain.neighbours import Neighbour
from papscope.explain.overlay import LEAST_SIDE, overlay_image
from papscope.explain.told import MEANING, Account, Explained, Explanation
from papscope.files import write_text
from papscope.image import cut, decode
from papscope.manifest import Manifest
from papscope.progress import Tell, silent

_QUALITY = 88
_NEIGHBOUR_SIDE = 128
"""The long side of a training cell's small picture, in pixels."""

NAMES: Mapping[str, str] = {
    "grad-cam++": "Grad-CAM++",
    "layer-cam": "LayerCAM",
    "integrated-gradients": "Integrated gradients",
    "occlusion": "Occlusion",
}
"""What people call the methods."""

WAYS: Mapping[str, str] = {
    "grad-cam++": "which places of the last convolutional stage speak for the class",
    "layer-cam": "the same, of two stages, place by place",
    "integrated-gradients": "what each pixel adds on the way from a blurred picture to this one",
    "occlusion": "how far the answer falls when a window is blurred",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One method's part of a picture's row."""

    name: str
    way: str
    picture: str | None
    """A data URI; None where no map is shown."""
    why_not: str
    numbers: str
    unchecked: bool


@dataclass(frozen=True, slots=True)
class Near:
    """One training cell that the picture looks like."""

    id: str
    label: str
    agrees: bool
    distance: float
    picture: str | None


@dataclass(frozen=True, slots=True)
class Card:
    """One picture's part of the page."""

    source: str
    picture: str
    answer: str
    probability: float
    about: str
    chances: tuple[tuple[str, float], ...]
    """The likeliest first."""
    refer: bool
    shown: tuple[Shown, ...]
    near: tuple[Near, ...] | None
    agreeing: int


def write_why_page(
    path: Path, account: Account, trained: Manifest | None = None, *, tell: Tell = silent
) -> Path:
    """Write the page in one step; the same account and training images give the same bytes.

    Args:
        path: of the HTML file.
        account: what is told.
        trained: the manifest of the training cells, whose pictures are shown where they can be
            read; None shows their labels alone.
        tell: told as pictures are done.

    Returns:
        The path.

    Raises:
        DiskError: the disk is full, or the place cannot be written.
    """
    cards = []
    for done, one in enumerate(account.pictures, start=1):
        cards.append(_card(one, account, trained))
        tell("drawing the page", done, len(account.pictures))
    room = Environment(
        loader=PackageLoader("papscope.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = room.get_template("explain.html.j2").render(
        account=account,
        cards=cards,
        names=NAMES,
        means=MEANING,
        methods=[one for one in METHODS if one in account.sanity],
        most_alike=MOST_ALIKE,
        version=__version__,
    )
    write_text(path, text)
    return path


def _card(one: Explained, account: Account, trained: Manifest | None) -> Card:
    chances = sorted(one.answer.probabilities.items(), key=lambda pair: -pair[1])
    near = None
    if one.neighbours is not None:
        near = tuple(_near(other, one.answer.label, trained) for other in one.neighbours)
    return Card(
        source=one.called,
        picture=_data_uri(Image.fromarray(one.square), LEAST_SIDE),
        answer=one.answer.label,
        probability=one.answer.probability,
        about=one.about,
        chances=tuple(chances),
        refer=bool(one.answer.refer),
        shown=tuple(_shown(found, one, account) for found in one.explanations),
        near=near,
        agreeing=one.agreeing,
    )


def _shown(found: Explanation, one: Explained, account: Account) -> Shown:
    picture = None
    if found.map is not None:
        picture = _data_uri(overlay_image(one.square, found.map), LEAST_SIDE)
    numbers = ""
    if found.judged is not None:
        judged = found.judged
        found_at, chance = judged.areas, judged.at_random
        numbers = (
            f"deletion {found_at.deletion:.2f} (random {chance.deletion:.2f}), "
            f"insertion {found_at.insertion:.2f} (random {chance.insertion:.2f})"
        )
    return Shown(
        NAMES[found.method],
        WAYS[found.method],
        picture,
        found.why_not,
        numbers,
        account.sanity[found.method].passed is None,
    )


def _near(other: Neighbour, label: str, trained: Manifest | None) -> Near:
    row = other.row
    picture = None
    if trained is not None:
        try:
            pixels = decode(trained.file_of(row), str(row.path))
        except ImageError:
            pass  # the label is told all the same
        else:
            part = pixels if row.box is None else cut(pixels, row.box)
            picture = _data_uri(Image.fromarray(part), _NEIGHBOUR_SIDE)
    told = row.label or "no label"
    return Near(row.id, told, row.label == label, other.distance, picture)


def _data_uri(picture: Image.Image, side: int) -> str:
    longest = max(picture.size)
    if longest != side:
        size = (max(1, round(one * side / longest)) for one in picture.size)
        picture = picture.resize((next(size), next(size)), Image.Resampling.BICUBIC)
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{b64encode(data.getvalue()).decode('ascii')}"
