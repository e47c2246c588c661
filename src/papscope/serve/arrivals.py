"""Pictures that have come, between the moment they are written and that their case has them.

Takes   PNG files that `intake` wrote
Gives   their digests, and files that outlast a power failure
Never   leaves a picture behind for an upload that failed, or takes one that another case has
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from sqlalchemy import select

from papscope.errors import PapscopeError
from papscope.files import told_of_disk
from papscope.serve.images import ImageStore
from papscope.serve.store.database import Database
from papscope.serve.store.tables import CaseImage


class Arrivals:
    """The pictures of one upload; safe to use from several threads."""

    def __init__(self, images: ImageStore) -> None:
        """Begin with none."""
        self._images = images
        self._lock = Lock()
        self.digests: list[str] = []

    def put(self, png: bytes) -> str:
        """Write a picture and give its digest; nobody lets it go until the upload has ended.

        Raises:
            DiskError: the disk is full or cannot be written.
        """
        digest = self._images.digest_of(png)
        self._images.hold(digest)
        with self._lock:
            self.digests.append(digest)
        return self._images.put(png)

    def settle(self) -> None:
        """Wait until the disk knows all files by name too; call it before rows are committed.

        Raises:
            DiskError: the disk cannot be written.
        """
        folder = self._images.folder
        for place in {folder.parent, folder, *(folder / one[:2] for one in set(self.digests))}:
            with told_of_disk(place):
                _settle(place)


def _settle(folder: Path) -> None:
    if os.name != "posix" or not folder.is_dir():  # elsewhere folders cannot be opened
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def arriving(images: ImageStore, database: Database) -> Iterator[Arrivals]:
    """Take the pictures of an upload in; commit their rows before the end, or raise.

    What was written for an upload that failed is removed, unless a case has it.
    """
    arrivals = Arrivals(images)
    try:
        yield arrivals
    except BaseException:
        images.release(arrivals.digests)
        _undo(arrivals, images, is_kept_by(database))
        raise
    images.release(arrivals.digests)


def _undo(arrivals: Arrivals, images: ImageStore, is_kept: Callable[[str], bool]) -> None:
    # Where the database or the disk is what failed, the next start sweeps.
    with suppress(PapscopeError):
        for digest in set(arrivals.digests):
            images.let_go(digest, is_kept)


def is_kept_by(database: Database) -> Callable[[str], bool]:
    """Give the question whether a case has a picture, for `ImageStore.let_go`."""

    def is_kept(digest: str) -> bool:
        with database.reading() as session:
            found = select(CaseImage.id).where(CaseImage.digest == digest).limit(1)
            return session.scalar(found) is not None

    return is_kept
