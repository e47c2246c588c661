"""Look at a whole data set and list everything at once.

Takes   a manifest, and a split where there is one
Gives   a `Report`
Never   stops at the first fault, moves or changes an image, or raises because of a bad one
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import TypeAlias

from papscope.checks.copies import Sides, near, twins
from papscope.checks.families import of_children, stood_for
from papscope.checks.findings import Finding, Report, in_order
from papscope.checks.pictures import Look, Seen, see
from papscope.checks.rows import (
    FOLDS,
    group_of,
    groups_by_class,
    of_labels_and_groups,
    of_names_and_sizes,
    of_parts,
    parts_of,
)
from papscope.errors import PapscopeError
from papscope.manifest import Manifest, Row
from papscope.progress import Tell, silent
from papscope.quality import DEFAULT, Thresholds
from papscope.split import Split

FEWEST_IMAGES = 1000
"""From so many images on, starting other processes (one or two seconds) pays."""

_CHUNK = 16
"""Files handed to a process at a time."""

_Files: TypeAlias = Sequence[tuple[Path, Sequence[Row]]]


def check(
    manifest: Manifest,
    *,
    split: Split | None = None,
    thresholds: Thresholds = DEFAULT,
    workers: int = 1,
    tell: Tell = silent,
) -> Report:
    """List everything in a data set that a person should look at before training.

    Each file is decoded once, however many rows speak of it. Memory holds one decoded picture for
    each worker, and some 4 kB for each row.

    Args:
        manifest: what to check.
        split: copies and groups are looked for on both sides of it; without one, of the parts in
            which the source came divided, if it did.
        thresholds: where a measure of a picture becomes a fault.
        workers: processes that look at images. With more than one, a script must call this below
            `if __name__ == "__main__":`, as all of Python's multiprocessing wants it.
        tell: is told how many files are done.

    Raises:
        PapscopeError: the system killed a worker, most likely for want of memory.
    """
    findings, looks = looked(manifest, thresholds=thresholds, workers=workers, tell=tell)
    part_of, children = parts_of(manifest, split), stood_for(manifest)
    sides = {row.id: Sides(row, group_of(row, split), part_of.get(row.id)) for row in manifest.rows}
    place = {row.id: number for number, row in enumerate(manifest.rows)}
    findings += of_names_and_sizes([row for row in manifest.rows if row.id not in children])
    folds = split.protocol.folds if split is not None and split.protocol.folds else FOLDS
    findings += of_labels_and_groups(manifest, folds)
    findings += of_parts(manifest, split)
    findings += of_children(manifest, part_of)
    findings += twins(looks, sides)
    findings += near(looks, sides, tell)
    return Report(
        findings=in_order(_once(findings), place),
        counts=manifest.counts(),
        groups=groups_by_class(manifest),
        images=len(manifest.rows),
        files=len(by_file(manifest.rows)),
        dataset=manifest.dataset,
        manifest_sha256=manifest.digest,
    )


def looked(
    manifest: Manifest,
    *,
    thresholds: Thresholds = DEFAULT,
    workers: int = 1,
    tell: Tell = silent,
) -> tuple[list[Finding], list[Look]]:
    """Look at every image once.

    Args:
        manifest: whose images; and the others as for `check`.
        thresholds: where a measure of a picture becomes a fault.
        workers: processes that look at images.
        tell: is told how many files are done.

    Returns:
        What is wrong with files and pictures, and what is kept of each row's picture, in the
        manifest's order: not of those that could not be decoded, and not of images that papscope
        made, whose originals stand for them.

    Raises:
        PapscopeError: the system killed a worker, most likely for want of memory.
    """
    findings: list[Finding] = []
    looks: list[Look] = []
    files = [(manifest.file_of(rows[0]), rows) for rows in by_file(manifest.rows)]
    for done, seen in enumerate(_all_seen(files, thresholds, workers), start=1):
        findings += seen.findings
        looks += seen.looks
        tell("looking at images", done, len(files))
    place = {row.id: number for number, row in enumerate(manifest.rows)}
    children = stood_for(manifest)
    kept = (look for look in looks if look.id not in children)
    return findings, sorted(kept, key=lambda look: place[look.id])


def by_file(rows: Sequence[Row]) -> list[list[Row]]:
    """Gather the rows that speak of one file, in the order of their first rows."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(str(row.path), []).append(row)
    return list(found.values())


def _all_seen(files: _Files, thresholds: Thresholds, workers: int) -> Iterator[Seen]:
    """Look at all files, in order."""
    chunks = (files[at : at + _CHUNK] for at in range(0, len(files), _CHUNK))
    some = partial(_some_seen, thresholds=thresholds)
    if workers < 2 or sum(len(rows) for _, rows in files) < FEWEST_IMAGES:
        for chunk in chunks:
            yield from some(chunk)
        return
    try:
        # Spawned, not forked: a fork copies the locks of the progress bar's thread.
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            waiting: deque[Future[list[Seen]]] = deque()
            waiting.extend(pool.submit(some, chunk) for chunk in islice(chunks, 4 * workers))
            while waiting:
                yield from waiting.popleft().result()
                waiting.extend(pool.submit(some, chunk) for chunk in islice(chunks, 1))
    except BrokenProcessPool:
        raise PapscopeError(
            "a process that looked at images was killed, most likely for want of memory",
            hint="check with one worker, or close other programs",
        ) from None


def _some_seen(files: _Files, thresholds: Thresholds) -> list[Seen]:
    return [see(file, rows, thresholds) for file, rows in files]


def _once(findings: Sequence[Finding]) -> list[Finding]:
    """Leave out a mask's name, and a second word on it, where it was told to be a mask."""
    masks = {one.rows for one in findings if one.code == "mask"}
    kept: dict[tuple[str, tuple[str, ...], str], Finding] = {}
    for one in findings:
        if not (one.code == "mask-name" and one.rows in masks):
            again = "" if one.code == "mask" else one.where
            kept.setdefault((one.code, one.rows, again), one)
    return list(kept.values())
