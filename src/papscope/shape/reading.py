"""Measures of the cells that pictures with outlines show.

Takes   sources, some with a mask's file or with polygons
Gives   measures, (n, k), with rows of NaN for pictures without
Never   measures a cell whose outline does not belong to its picture
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from papscope.errors import ImageError, TableError
from papscope.image import cut, decode, pixels_of
from papscope.manifest import Manifest, Polygons, Row, read_polygons
from papscope.preprocess import Source
from papscope.progress import Tell, silent
from papscope.shape.measures import NAMES, Measured, measure, not_measured
from papscope.shape.regions import Regions, regions_of_mask, regions_of_outlines


def outlined(manifest: Manifest, rows: Sequence[Row], *, strict: bool = True) -> list[Source]:
    """Say where rows' pictures lie, and where their cells' masks or outlines.

    Args:
        manifest: where the rows come from, and whose outlines lie beside it.
        rows: which pictures.
        strict: whether outlines that are missing or changed are an error, or none.

    Raises:
        TableError: the outlines are not those that the manifest was written with.
    """
    polygons: Mapping[str, Polygons] = {}
    try:
        # A mask is a row's own; outlines are one file for all.
        if manifest.file is not None and not all(row.mask for row in rows):
            polygons = read_polygons(manifest.file)
    except TableError:
        if strict:
            raise
    return [
        Source(
            manifest.file_of(row),
            row.box,
            row.id,
            manifest.root / row.mask if row.mask is not None else polygons.get(row.id),
        )
        for row in rows
    ]


def measured(source: Source) -> Measured:
    """Measure the cell that a picture shows, in pixels of the picture as it came.

    Returns:
        (k,); NaN where the source has no outline, or its outline shows no nucleus or cytoplasm.

    Raises:
        ImageError: the picture or its mask cannot be read, or they differ in size.
    """
    if source.outline is None:
        return not_measured()
    held = source.picture
    pixels = decode(held) if isinstance(held, Path | bytes) else pixels_of(held, source.called)
    regions = _regions(source, *pixels.shape[:2])
    if source.box is not None:
        pixels, regions = cut(pixels, source.box), cut(regions, source.box)
    return measure(pixels, regions)


def _regions(source: Source, height: int, width: int) -> Regions:
    if not isinstance(source.outline, Path):
        return regions_of_outlines(source.outline or {}, height, width)
    mask = decode(source.outline)
    if mask.shape[:2] != (height, width):
        raise ImageError(
            f"{source.outline} is {mask.shape[1]} x {mask.shape[0]} pixels, and {source.called} "
            f"{width} x {height}",
            hint="give each picture its own mask",
        )
    return regions_of_mask(mask)


def measured_all(
    sources: Sequence[Source], *, threads: int = 2, strict: bool = True, tell: Tell = silent
) -> Measured:
    """Measure many.

    Args:
        sources: the pictures.
        threads: how many are measured at once.
        strict: whether a picture or mask that cannot be read is an error, or not measured.
        tell: hears how far it is.

    Returns:
        (n, k).

    Raises:
        ImageError: as for `measured`, where `strict`.
    """

    def one(source: Source) -> Measured:
        try:
            return measured(source)
        except ImageError:
            if strict:
                raise
            return not_measured()

    found = np.empty((len(sources), len(NAMES)), dtype=np.float32)
    with ThreadPoolExecutor(threads, thread_name_prefix="papscope-measure") as pool:
        for place, values in enumerate(pool.map(one, sources)):
            found[place] = values
            tell("measuring cells", place + 1, len(sources))
    return found
