"""A data set's pictures, decoded once, as the squares that a network is trained on.

Takes   rows of a manifest and the preprocessing
Gives   one array on disk of all squares, and batches of it in an order that a seed decides
Never   changes a picture (that is `augment`), or holds all of them in memory

Decoding a bitmap or JPEG again in every epoch costs more than a small network does; the squares
are therefore kept in a file, which the operating system holds in memory as far as there is room.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset, Sampler

from papscope.errors import DiskError, ImageError
from papscope.files import canonical_json, free_bytes, told_of_disk
from papscope.labelled import sources_of
from papscope.manifest import Manifest, Row
from papscope.preprocess import Preprocess, Source, Squares, prepare
from papscope.progress import Tell, silent
from papscope.seeds import stream

Batch: TypeAlias = tuple[torch.Tensor, torch.Tensor]
"""Squares (n, s, s, 3) 0..255 and the places of their classes (n,)."""


def squares(
    manifest: Manifest,
    rows: Sequence[Row],
    settings: Preprocess,
    folder: Path,
    *,
    threads: int = 2,
    tell: Tell = silent,
) -> Squares:
    """Decode pictures into a file of squares, or open the file if an earlier run made it.

    Args:
        manifest: where the rows come from.
        rows: which pictures, in the order wanted.
        settings: size, manner and stain; a change of them makes another file.
        folder: where the file goes.
        threads: how many decode at once.
        tell: hears how far it is.

    Returns:
        (n, s, s, 3), read from disk as needed.

    Raises:
        ImageError: a picture cannot be used; says which and why.
        DiskError: the disk has no room for the file.
    """
    about = {
        "size": settings.size,
        "fit": settings.fit,
        "filter": settings.filter,
        "rows": [[row.sha256, repr(row.box)] for row in rows],
        **({} if settings.stain is None else {"stain": settings.stain.to_json()}),
    }
    name = sha256(canonical_json(about).encode()).hexdigest()[:24]
    path = folder / f"squares-{name}.npy"
    if not path.exists():
        _decode(path, manifest, rows, settings, threads, tell)
    return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]


def _decode(
    path: Path,
    manifest: Manifest,
    rows: Sequence[Row],
    settings: Preprocess,
    threads: int,
    tell: Tell,
) -> None:
    need = len(rows) * settings.size**2 * 3
    if free_bytes(path.parent) < need + (64 << 20):
        raise DiskError(
            f"decoded pictures need {need >> 20} MiB beside {path.parent}",
            hint="free some space, train at a smaller --size, or choose another disk with -o",
        )
    draft = path.with_suffix(f".{os.getpid()}.part")  # other processes may decode the same
    with told_of_disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (len(rows), settings.size, settings.size, 3)
        try:
            _fill(draft, shape, sources_of(manifest, rows), settings, threads, tell)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def _fill(
    draft: Path,
    shape: tuple[int, ...],
    sources: Sequence[Source],
    settings: Preprocess,
    threads: int,
    tell: Tell,
) -> None:
    array = np.lib.format.open_memmap(draft, mode="w+", dtype=np.uint8, shape=shape)
    # Rows of one field lie together by path, so that each field is decoded once.
    order = sorted(range(len(sources)), key=lambda place: sources[place].called)
    ready = prepare((sources[place] for place in order), settings, threads=threads)
    for done, (place, square) in enumerate(zip(order, ready, strict=True), start=1):
        if isinstance(square, ImageError):
            raise ImageError(
                f"{square}; nothing was trained",
                hint=f"{square.hint}, or run `papscope check` to list all such pictures",
                reason=square.reason,
            )
        array[place] = square
        tell("decoding pictures", done, len(sources))
    array.flush()


class SquareBatches(Dataset[Batch]):
    """Squares and their classes, asked for by whole batches."""

    def __init__(self, pictures: Squares, classes: npt.NDArray[np.int64]) -> None:
        self.pictures = pictures
        self.classes = classes

    def __len__(self) -> int:
        return len(self.classes)

    def __getitem__(self, places: Sequence[int]) -> Batch:
        chosen = np.asarray(places)
        return torch.from_numpy(self.pictures[chosen]), torch.from_numpy(self.classes[chosen])


@dataclass(slots=True)
class Share:
    """Which part of each epoch one process of several sees."""

    rank: int = 0
    world: int = 1


class EpochOrder(Sampler[list[int]]):
    """The batches of an epoch: an order that depends on the seed and the epoch alone.

    That is what lets a run that was cut off go on as if nothing had happened.
    """

    def __init__(
        self,
        count: int,
        batch_size: int,
        *,
        seed: int,
        chances: npt.NDArray[np.float64] | None = None,
        share: Share | None = None,
    ) -> None:
        """Plan epochs.

        Args:
            count: number of pictures.
            batch_size: of this process.
            seed: of the run.
            chances: (count,), how often each picture is drawn, with replacement; None: each once.
            share: the part that this process sees.
        """
        self.count = count
        self.batch_size = batch_size
        self.seed = seed
        self.chances = None if chances is None else chances / chances.sum()
        self.share = share or Share()
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Turn to an epoch, counted from 0; Lightning calls this."""
        self.epoch = epoch

    def __len__(self) -> int:
        mine = -(-self.count // self.share.world)
        # A last batch of a single picture has no spread, which batch normalisation needs.
        full, rest = divmod(mine, self.batch_size)
        return max(1, full + (rest > 1))

    def __iter__(self) -> Iterator[list[int]]:
        random = stream(self.seed, f"order of epoch {self.epoch}")
        if self.chances is None:
            order = random.permutation(self.count)
        else:
            order = random.choice(self.count, self.count, p=self.chances)
        even = np.resize(order, -(-self.count // self.share.world) * self.share.world)
        mine = even[self.share.rank :: self.share.world]
        for batch in range(len(self)):
            yield mine[batch * self.batch_size : (batch + 1) * self.batch_size].tolist()
