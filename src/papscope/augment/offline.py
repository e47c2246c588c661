"""Multiply the training images beforehand: fourteen new ones of each, in a folder of their own.

Takes   a manifest, a split of it, a folder and settings
Gives   PNG files, a manifest of all images old and new, and the split of that manifest
Never   makes an image of a validation or test image, or touches a file of the user's
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path, PurePosixPath

from papscope.augment.children import (
    COPIES,
    MANIFEST,
    PLAN,
    SPLIT,
    OfflineSettings,
    Plan,
    is_draft,
    planned_files,
)
from papscope.augment.making import Job, Made, ignore_interrupts, make_all
from papscope.augment.plan import plan
from papscope.errors import PapscopeError, SettingError
from papscope.files import told_of_disk, write_json
from papscope.manifest import Manifest, Polygons, Row, made_id, read_manifest, write_manifest
from papscope.progress import Tell, silent
from papscope.split import Split, check_belongs, write_split

FEWEST_IMAGES = 500
"""From so many new images on, starting other processes (one or two seconds) pays."""

_CHUNK = 4
"""Files handed to a process at a time."""


@dataclass(frozen=True, slots=True)
class Extended:
    """The training images and what was made of them."""

    manifest: Manifest
    """All rows of the old manifest, and the new ones."""
    split: Split
    """The old parts; what was made is in training."""
    manifest_path: Path
    split_path: Path
    made: int
    """New images, those of an earlier run included."""
    kept: int
    """Of these, the ones that an earlier run had made."""


def extend(
    manifest: Manifest,
    split: Split,
    folder: Path,
    *,
    settings: OfflineSettings | None = None,
    polygons: Mapping[str, Polygons] | None = None,
    tell: Tell = silent,
) -> Extended:
    """Make fourteen new images of each training image, and a manifest and a split with them.

    A run that was cut off goes on when it is called again. The same seed gives the same bytes,
    whatever the number of workers.

    Args:
        manifest: the images; without made ones.
        split: of these; one fold must be chosen as the test set where there are folds.
        folder: new, empty, or of the same run that was cut off; not among the images.
        settings: which set, the seed, the number of processes.
        polygons: outlines of the old images, written beside the new manifest; new images have
            neither outlines nor masks.
        tell: told of each image.

    Raises:
        SettingError: the manifest has made images already, or the folder holds other files.
        SplitError: the split was made for another manifest, or nothing is in training.
        ImageError: an image is missing, changed or damaged.
        DiskError: there is no room, or the place cannot be written.
        MissingExtra: scikit-image is not installed.
    """
    wanted = plan(manifest, split, folder, settings or OfflineSettings())
    return carry_out(wanted, polygons=polygons, tell=tell)


def carry_out(
    wanted: Plan, *, polygons: Mapping[str, Polygons] | None = None, tell: Tell = silent
) -> Extended:
    """Make the images of a plan, then write the new manifest and split.

    Raises:
        ImageError, DiskError: see `extend`.
    """
    root = _common_root(wanted.manifest.root, wanted.folder)
    _begin(wanted)
    made = []
    for some in _all_made(_jobs(wanted), wanted):
        made += some
        tell("making images", len(made), wanted.count)
    place = wanted.folder / MANIFEST
    write_manifest(place, _manifest(wanted, root, made), polygons)
    manifest = read_manifest(place)
    split = _split(wanted, manifest)
    write_split(wanted.folder / SPLIT, split)
    kept = sum(one.kept for one in made)
    return Extended(manifest, split, place, wanted.folder / SPLIT, len(made), kept)


def _begin(wanted: Plan) -> None:
    """Write the plan first, and clear away what a killed process left half done."""
    files = planned_files(wanted)
    with told_of_disk(wanted.folder):
        wanted.folder.mkdir(parents=True, exist_ok=True)
        for draft in wanted.folder.rglob(".*.part"):
            if is_draft(PurePosixPath(draft.relative_to(wanted.folder).as_posix()), files):
                draft.unlink()
    write_json(wanted.folder / PLAN, wanted.about)


def _jobs(wanted: Plan) -> list[Job]:
    by_file: dict[PurePosixPath, list[Row]] = {}
    for row in wanted.parents:
        by_file.setdefault(row.path, []).append(row)
    settings = wanted.settings
    return [
        Job(
            wanted.manifest.file_of(rows[0]),
            tuple(
                (row, tuple(wanted.folder / path for path in wanted.places[row.id])) for row in rows
            ),
            settings.kind,
            settings.seed,
        )
        for rows in by_file.values()
    ]


def _all_made(jobs: Sequence[Job], wanted: Plan) -> Iterator[list[Made]]:
    workers = wanted.settings.workers
    if workers < 2 or wanted.count < FEWEST_IMAGES:
        for job in jobs:
            yield make_all([job])
        return
    chunks = (jobs[at : at + _CHUNK] for at in range(0, len(jobs), _CHUNK))
    try:
        # Spawned, not forked: a fork copies the locks of the progress bar's thread.
        pool = ProcessPoolExecutor(
            workers, mp_context=get_context("spawn"), initializer=ignore_interrupts
        )
        with pool:
            try:
                yield from _in_order(pool, chunks, 4 * workers)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
    except BrokenProcessPool:
        raise PapscopeError(
            "a process that made images was killed, most likely for want of memory",
            hint="go on with the same command and --workers 1",
        ) from None


def _in_order(
    pool: ProcessPoolExecutor, chunks: Iterator[Sequence[Job]], ahead: int
) -> Iterator[list[Made]]:
    waiting: deque[Future[list[Made]]] = deque()
    waiting.extend(pool.submit(make_all, chunk) for chunk in islice(chunks, ahead))
    while waiting:
        yield waiting.popleft().result()
        waiting.extend(pool.submit(make_all, chunk) for chunk in islice(chunks, 1))


def _common_root(images: Path, folder: Path) -> Path:
    try:
        return Path(os.path.commonpath([images.resolve(), folder.resolve()]))
    except ValueError:
        raise SettingError(
            f"{folder} and the images are on different drives", hint="name a folder on the same"
        ) from None


def _manifest(wanted: Plan, root: Path, made: Sequence[Made]) -> Manifest:
    old = wanted.manifest
    before = PurePosixPath(old.root.resolve().relative_to(root).as_posix())
    inside = PurePosixPath(wanted.folder.resolve().relative_to(root).as_posix())
    rows = [
        replace(row, path=before / row.path, mask=before / row.mask if row.mask else None)
        for row in old.rows
    ]
    parents = {row.id: row for row in wanted.parents}
    for one in sorted(made, key=lambda one: (one.parent, one.number)):
        path = inside / wanted.places[one.parent][one.number - 1]
        rows.append(_child(parents[one.parent], one, path))
    settings = wanted.settings
    note = (
        f"{len(made)} images were made of {len(parents)} training images, {COPIES} of each, by "
        f"`papscope augment --set {settings.kind} --seed {settings.seed}`; they are for training "
        "alone, and have no masks or outlines"
    )
    return replace(
        old,
        root=root,
        rows=tuple(rows),
        notes=(*old.notes, note),
        settings={**old.settings, "augmented": dict(wanted.about)},
        digest="",
    )


def _child(parent: Row, made: Made, path: PurePosixPath) -> Row:
    return replace(
        parent,
        id=made_id(parent.id, made.number),
        path=path,
        width=made.width,
        height=made.height,
        sha256=made.sha256,
        box=None,
        parent=parent.id,
        mask=None,
        part=parent.part if parent.part == "train" else None,
    )


def _split(wanted: Plan, manifest: Manifest) -> Split:
    children = {row.id: "train" for row in manifest.rows if row.made}
    split = Split(wanted.split.protocol, {**wanted.split.part_of, **children}, manifest.digest)
    check_belongs(split, manifest)
    return split
