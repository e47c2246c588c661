"""Cells drawn from a seed, in SIPaKMeD's five classes and in its official layout.

Takes   a folder, settings and a seed
Gives   `im_<Class>/NNN.png` fields with `im_<Class>/CROPPED/NNN_MM.png` cells and their outlines
Never   draws into a folder that holds anything else; never passes for real: `MADE.txt` and every
        picture say that they are made
"""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from papscope.errors import SettingError, SourceError
from papscope.files import canonical_json, told_of_disk, write_text
from papscope.image import Box, Pixels, cut
from papscope.progress import Tell, silent
from papscope.seeds import stream
from papscope.sources.drawing import Drawn, Field, Outline, Slide
from papscope.sources.looks import MEANS, vary

CLASSES = tuple(sorted(MEANS))
MADE = "MADE.txt"
_MARK = "Drawn by papscope. These are no real cells and no real slides."
_DRAFT = ".drawing.part"
_OURS = re.compile(
    r"CROPPED|\d{3,}(_\d\d)?\.png|\d{3,}_(cyt|nuc)\d\d\.dat|\d{3,}_\d\d_(cyt|nuc)\.dat"
)


@dataclass(frozen=True, slots=True)
class SyntheticSettings:
    """How many cells are drawn, and how hard they are to tell apart."""

    slides_per_class: int = 20
    """Each is one field of view with the cells of one class, and one group."""
    cells_per_slide: int = 5
    image_size: int = 96
    """Side, in pixels, of a crop that holds the largest cells; 64..160 is sensible."""
    spread: float = 1.0
    """Variation from cell to cell; 0 makes all cells of a class alike."""
    between: float = 0.3
    """Share of the cells that stand between two classes, 0..1."""
    stain_variation: float = 1.0
    """Variation of the stain from slide to slide; 0 makes all slides alike."""
    blur_px: float = 0.8
    """Mean blur, in pixels."""
    noise: float = 3.0
    """Mean noise, in grey levels."""

    def __post_init__(self) -> None:
        limits: dict[str, tuple[float, float]] = {
            "slides_per_class": (1, 99_999),
            "cells_per_slide": (1, 99),
            "image_size": (32, 512),
            "spread": (0, 3),
            "between": (0, 1),
            "stain_variation": (0, 3),
            "blur_px": (0, 10),
            "noise": (0, 50),
        }
        for name, (least, most) in limits.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise SettingError(
                    f"{name} is {value}, out of range", hint=f"give {least} to {most}"
                )


def draw(root: Path, settings: SyntheticSettings, seed: int, tell: Tell = silent) -> int:
    """Draw a data set, and give the number of its cells.

    The same settings and seed give the same bytes with the same releases of numpy, scipy and
    Pillow. A folder that holds an earlier drawing is drawn anew.

    Args:
        root: a folder that is empty, absent, or was made here.
        settings: how many cells, and how hard.
        seed: of the whole set; each slide has its own stream.
        tell: told of the cells drawn.

    Raises:
        SourceError: the folder holds something that was not drawn here.
        DiskError: the folder cannot be written.
    """
    refuse_others(root)
    with told_of_disk(root):
        root.mkdir(parents=True, exist_ok=True)
        if not (root / MADE).exists():
            write_text(root / MADE, f"{_MARK}\n")
        draft = root / _DRAFT
        shutil.rmtree(draft, ignore_errors=True)
        try:
            done = _draw_all(draft, settings, seed, tell)
            for name in CLASSES:
                shutil.rmtree(root / f"im_{name}", ignore_errors=True)
                (draft / f"im_{name}").rename(root / f"im_{name}")
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    how = canonical_json({"seed": seed, **asdict(settings)})
    write_text(root / MADE, f"{_MARK}\nIn the layout of SIPaKMeD, from these settings:\n{how}")
    return done


def refuse_others(root: Path) -> None:
    """Make sure that a folder may be drawn into.

    Raises:
        SourceError: it is a file, or holds something that was not drawn here; says what.
    """
    if not root.exists():
        return
    if not root.is_dir():
        raise SourceError(f"{root} is a file, not a folder", hint="name another folder")
    strange = next(_strange(root), None)
    if strange is not None:
        raise SourceError(
            f"{root} already holds {strange}, which was not drawn here",
            hint="name an empty folder or one that does not exist yet",
        )


def _strange(root: Path) -> Iterator[str]:
    names = sorted(path.name for path in root.iterdir())
    if not names:
        return
    mark = root / MADE
    if not (mark.is_file() and mark.read_bytes().startswith(_MARK.encode())):
        yield next(name for name in names if name != MADE or len(names) == 1)
        return
    ours = {MADE, _DRAFT, *(f"im_{name}" for name in CLASSES)}
    yield from (name for name in names if name not in ours)
    for name in CLASSES:
        for path in sorted((root / f"im_{name}").rglob("*")):
            if not _OURS.fullmatch(path.name):
                yield path.relative_to(root).as_posix()


def _draw_all(root: Path, settings: SyntheticSettings, seed: int, tell: Tell) -> int:
    total = len(CLASSES) * settings.slides_per_class * settings.cells_per_slide
    done = 0
    for name in CLASSES:
        folder = root / f"im_{name}"
        (folder / "CROPPED").mkdir(parents=True)
        for number in range(1, settings.slides_per_class + 1):
            rng = stream(seed, f"synthetic:{name}:{number}")
            _draw_slide(folder, f"{number:03}", name, settings, rng)
            done += settings.cells_per_slide
            tell("cells drawn", done, total)
    return done


def _draw_slide(
    folder: Path, slide: str, name: str, settings: SyntheticSettings, rng: np.random.Generator
) -> None:
    """Draw one field, then write it, its cells and their outlines."""
    stain = Slide.stained(rng, settings.stain_variation, settings.blur_px, settings.noise)
    count, side = settings.cells_per_slide, settings.image_size
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    step = 0.92 * side
    width, height = int(columns * step + 0.35 * side), int(rows * step + 0.35 * side)
    field = Field(width, height, stain, rng)
    _crowd(field, (width, height), settings, rng)
    cells = []
    for place in range(count):
        down, along = divmod(place, columns)
        shift = rng.uniform(-0.06, 0.06, 2) * side
        x, y = (along + 0.5) * step + 0.175 * side, (down + 0.5) * step + 0.175 * side
        look = vary(name, settings.spread, settings.between, rng)
        cells.append(field.cell(look, (x + float(shift[0]), y + float(shift[1])), side / 2))
    pixels = field.photograph()
    _write_picture(folder / f"{slide}.png", pixels)
    for number, drawn in enumerate(cells, start=1):
        _write_cell(folder, f"{slide}", f"{number:02}", pixels, drawn, rng)


def _crowd(
    field: Field, size: tuple[int, int], settings: SyntheticSettings, rng: np.random.Generator
) -> None:
    """Draw what nobody outlined: bits of other cells, and leukocytes."""
    side = settings.image_size
    for _ in range(int(rng.poisson(0.5 * settings.cells_per_slide))):
        look = vary(CLASSES[int(rng.integers(len(CLASSES)))], settings.spread, 0.5, rng)
        field.cell(look, _somewhere(size, rng), side / 2 * float(rng.uniform(0.6, 0.9)))
    for _ in range(int(rng.poisson(0.8 * settings.cells_per_slide))):
        field.leukocyte(_somewhere(size, rng), 0.035 * side)


def _somewhere(size: tuple[int, int], rng: np.random.Generator) -> tuple[float, float]:
    return float(rng.uniform(0, size[0])), float(rng.uniform(0, size[1]))


def _write_cell(
    folder: Path, slide: str, cell: str, pixels: Pixels, drawn: Drawn, rng: np.random.Generator
) -> None:
    """Cut a cell out of its field, a little wider than its outline, and write it."""
    height, width = pixels.shape[:2]
    low, high = drawn.cell.min(axis=0), drawn.cell.max(axis=0)
    room = rng.uniform(0.02, 0.14, 4) * (high - low).max()
    left, top = (int(max(0, value)) for value in np.floor(low - room[:2]))
    right, bottom = np.minimum(np.ceil(high + room[2:]) + 1, (width, height)).astype(int)
    crops = folder / "CROPPED"
    box = Box(left, top, int(right) - left, int(bottom) - top)
    _write_picture(crops / f"{slide}_{cell}.png", cut(pixels, box))
    for kind, outline in (("cyt", drawn.cell), ("nuc", drawn.nucleus)):
        inside = np.clip(outline, 0, (width - 1, height - 1))
        _write_outline(folder / f"{slide}_{kind}{cell}.dat", inside)
        _write_outline(crops / f"{slide}_{cell}_{kind}.dat", inside - (left, top))


def _write_picture(path: Path, pixels: Pixels) -> None:
    words = PngInfo()
    words.add_text("Comment", _MARK)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG", pnginfo=words, compress_level=1)
    path.write_bytes(data.getvalue())


def _write_outline(path: Path, outline: Outline) -> None:
    path.write_bytes("".join(f"{x:.2f},{y:.2f}\n" for x, y in outline).encode())
