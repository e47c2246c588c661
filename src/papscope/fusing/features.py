"""What each block says of each picture, computed once and kept in files named by a digest.

Takes   a block, squares and the rows that they show
Gives   features (n, d), from a file where an earlier run made it
Never   takes a file that was made of other weights, another layer, other pictures or settings
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from papscope.dataset import squares
from papscope.files import canonical_json, digest_of, write_bytes
from papscope.fusing.blocks import Block
from papscope.inference import Runner
from papscope.manifest import Manifest, Row
from papscope.network.backbones import tensors_of
from papscope.preprocess import Preprocess, Source, Squares
from papscope.progress import Tell, silent
from papscope.shape.measures import NAMES, Measured
from papscope.shape.reading import measured_all, outlined

Features: TypeAlias = npt.NDArray[np.float32]
"""(n, d)."""

ORIENTATIONS = 8

_CHUNK = 64
_VERSION = 1
"""Counted up whenever the same block and picture give other features than before."""


@dataclass(frozen=True, slots=True)
class Cache:
    """Where features are kept, and how they are computed."""

    folder: Path
    preprocess: Preprocess
    threads: int = 0
    tell: Tell = silent

    def features(
        self, block: Block, manifest: Manifest, rows: Sequence[Row], orientation: int = 0
    ) -> Features:
        """Give what a block says of rows, all turned one way.

        Args:
            block: the network.
            manifest: where the rows come from.
            rows: which pictures, in the order wanted.
            orientation: 0..7; 0 is as they are.

        Raises:
            ImageError: a picture cannot be used.
            DiskError: the disk is full.
        """
        about = {
            "weights": _digest(tensors_of(block.trunk)),
            "block": block.to_json(),
            "preprocess": self.preprocess.to_json(),
            "orientation": orientation,
            "rows": [[row.sha256, repr(row.box)] for row in rows],
        }

        def compute() -> Features:
            pictures = squares(manifest, rows, self.preprocess, self.folder, tell=self.tell)
            return self._run(block, pictures, orientation)

        return _kept(self.folder, "features", about, compute)

    def _run(self, block: Block, pictures: Squares, orientation: int) -> Features:
        runner = Runner.of(block.trunk, self.preprocess, threads=self.threads)
        step = -(-_CHUNK // runner.at_once) * runner.at_once
        what = f"features of {block.asked.word}"
        what += f", orientation {orientation + 1} of {ORIENTATIONS}" if orientation else ""
        found = []
        for start in range(0, len(pictures), step):
            part = turned(np.asarray(pictures[start : start + step]), orientation)
            found.append(runner.outputs(part).astype(np.float32))
            self.tell(what, min(start + step, len(pictures)), len(pictures))
        return np.concatenate(found)

    def measures(self, manifest: Manifest, rows: Sequence[Row]) -> Measured:
        """Give measures of the rows' cells; rows of NaN where there is no outline."""
        sources = outlined(manifest, rows)
        about = {
            "names": list(NAMES),
            "rows": [
                [row.sha256, repr(row.box), _outline_digest(source)]
                for row, source in zip(rows, sources, strict=True)
            ],
        }
        return _kept(self.folder, "measures", about, lambda: measured_all(sources, tell=self.tell))


def turned(pictures: Squares, orientation: int) -> Squares:
    """Turn squares (n, s, s, 3) to one of the eight orientations; 0 leaves them.

    >>> square = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
    >>> len({turned(square, one).tobytes() for one in range(8)})
    8
    """
    flipped = pictures[:, :, ::-1] if orientation >= ORIENTATIONS // 2 else pictures
    return np.ascontiguousarray(np.rot90(flipped, orientation % 4, axes=(1, 2)))


def _kept(
    folder: Path, kind: str, about: Mapping[str, Any], compute: Callable[[], Features]
) -> Features:
    name = sha256(canonical_json({**about, "version": _VERSION}).encode()).hexdigest()[:24]
    path = folder / f"{kind}-{name}.npy"
    if path.exists():
        try:
            return np.asarray(np.load(path, allow_pickle=False), dtype=np.float32)
        except (ValueError, OSError, EOFError):
            path.unlink()  # a damaged file is made again
    found = compute()
    file = io.BytesIO()
    np.save(file, found, allow_pickle=False)
    write_bytes(path, file.getvalue())
    return found


def _digest(tensors: Mapping[str, npt.NDArray[Any]]) -> str:
    total = sha256()
    for name in sorted(tensors):
        total.update(name.encode())
        total.update(np.ascontiguousarray(tensors[name]).tobytes())
    return total.hexdigest()


def _outline_digest(source: Source) -> str | None:
    outline = source.outline
    if outline is None:
        return None
    if isinstance(outline, Path):
        return digest_of(outline) if outline.is_file() else None
    return sha256(canonical_json(dict(outline)).encode()).hexdigest()
