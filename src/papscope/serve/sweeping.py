"""Files that belong to nobody, taken off the disk while the service runs.

Takes   the folder of the pictures, and the database
Gives   how many pictures were left over and are gone
Never   takes a picture that a case has or that is being taken in, or a draft that is being written
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import islice

from sqlalchemy import select

from papscope.files import told_of_disk
from papscope.serve.arrivals import is_kept_by
from papscope.serve.images import ImageStore
from papscope.serve.store.database import Database
from papscope.serve.store.tables import CaseImage

_PIECE = 500
_DRAFT_SECONDS = 3600.0
"""After which nobody writes on a draft any more."""


def sweep(images: ImageStore, database: Database) -> int:
    """Remove the pictures that no case has, smaller copies of none, and drafts of long ago.

    Raises:
        StoreError: the database cannot be asked; what is in question stays.
        DiskError: a file cannot be removed.
    """
    is_kept, gone = is_kept_by(database), 0
    for piece in _pieces(images.digests()):
        with database.reading() as session:
            asked = select(CaseImage.digest).where(CaseImage.digest.in_(piece)).distinct()
            kept = set(session.scalars(asked))
        gone += sum(images.let_go(digest, is_kept) for digest in piece if digest not in kept)
    _sweep_copies(images)
    _sweep_drafts(images)
    return gone


def _pieces(digests: Iterable[str]) -> Iterator[list[str]]:
    left = iter(digests)
    while piece := list(islice(left, _PIECE)):
        yield piece


def _sweep_copies(images: ImageStore) -> None:
    for copy in images.folder.glob("smaller/*/??/*.jpg"):
        digest = copy.stem
        if not (images.folder / digest[:2] / f"{digest}.png").exists():
            with told_of_disk(copy):
                copy.unlink(missing_ok=True)


def _sweep_drafts(images: ImageStore) -> None:
    now = time.time()
    for draft in images.folder.rglob(".*.part"):
        with told_of_disk(draft):
            age = abs(now - draft.stat().st_mtime)  # a clock that was put back makes it negative
            if age > _DRAFT_SECONDS:
                draft.unlink(missing_ok=True)
