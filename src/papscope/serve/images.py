"""The pictures that the service keeps, on the disk, each under the digest of its bytes.

Takes   PNG files that `intake` wrote, or digests
Gives   files, and smaller copies for galleries
Never   uses a sender's name for a path, or keeps a picture that no case has
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from threading import Lock

from PIL import Image

from papscope.errors import NotFound
from papscope.files import told_of_disk, write_bytes

_DIGEST = re.compile(r"[0-9a-f]{64}")

SIDES = (128, 256, 512)
"""Longer sides, in pixels, of the smaller copies that there are."""


class ImageStore:
    """A folder of pictures; safe to use from several threads and processes."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which is made with the first picture."""
        self.folder = folder
        self._changing = Lock()
        self._held: Counter[str] = Counter()

    @staticmethod
    def digest_of(png: bytes) -> str:
        """Give the digest under which a picture is, or would be, kept."""
        return sha256(png).hexdigest()

    def put(self, png: bytes) -> str:
        """Keep a picture and give its digest; one that is here already is not written again.

        It is on the disk, not only on its way there, when this returns.

        Raises:
            DiskError: the disk is full or cannot be written; nothing is kept then.
        """
        digest = self.digest_of(png)
        place = self._place(digest)
        if not place.exists():
            write_bytes(place, png)
        return digest

    def path(self, digest: str) -> Path:
        """Give the file of a picture.

        Raises:
            NotFound: it is not here.
        """
        place = self._place(digest)
        if not place.is_file():
            raise NotFound("the picture is no longer here", hint="its case may have been deleted")
        return place

    def smaller(self, digest: str, side: int) -> Path:
        """Give the file of a smaller copy, a JPEG that is made when first asked for.

        Args:
            digest: of the picture.
            side: of `SIDES`; the longer one, in pixels. No picture is enlarged.

        Raises:
            NotFound: the picture is not here, or there are no copies of that size.
            DiskError: it cannot be written.
        """
        if side not in SIDES:
            raise NotFound(f"no copies have a side of {side}", hint=f"ask for one of {SIDES}")
        place = self.folder / "smaller" / str(side) / digest[:2] / f"{digest}.jpg"
        if not place.is_file():
            with Image.open(self.path(digest), formats=("PNG",)) as picture:
                copy = picture.convert("RGB")
                copy.thumbnail((side, side), Image.Resampling.LANCZOS)
                held = io.BytesIO()
                copy.save(held, "JPEG", quality=88, optimize=True)
            write_bytes(place, held.getvalue(), durable=False)
        return place

    def remove(self, digest: str) -> None:
        """Let a picture and its copies go; nothing happens where it is not here."""
        copies = (
            self.folder / "smaller" / str(side) / digest[:2] / f"{digest}.jpg" for side in SIDES
        )
        for place in (*copies, self._place(digest)):
            with told_of_disk(place):
                place.unlink(missing_ok=True)

    def hold(self, digest: str) -> None:
        """Keep a picture from being let go until its case's rows are committed: see `arrivals`."""
        with self._changing:
            self._held[digest] += 1

    def release(self, digests: Iterable[str]) -> None:
        """Take back what `hold` said, once for each time that it was said."""
        with self._changing:
            self._held.subtract(digests)
            self._held = +self._held

    def let_go(self, digest: str, is_kept: Callable[[str], bool]) -> bool:
        """Remove a picture unless some case has it or is about to; tell whether it is gone.

        This is how whoever deletes a case removes its pictures, after the rows are gone: an upload
        of the same picture may come in between.

        Args:
            digest: of the picture.
            is_kept: asks the database whether a case has it.

        Raises:
            StoreError: the database was asked in vain; the picture stays.
        """
        with self._changing:
            if self._held[digest] or is_kept(digest):
                return False
            self.remove(digest)
        return True

    def digests(self) -> Iterator[str]:
        """Give the digests of all pictures that are here."""
        for place in self.folder.glob("??/*.png"):
            if _DIGEST.fullmatch(place.stem):
                yield place.stem

    def sweep(self, kept: Collection[str]) -> int:
        """Remove the pictures that no case has, and say how many they were.

        Only while nothing is taken in, as before the service listens: otherwise `let_go` each.

        Args:
            kept: the digests of all that some case has.
        """
        gone = [digest for digest in self.digests() if digest not in kept]
        for digest in gone:
            self.remove(digest)
        return len(gone)

    def _place(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise NotFound("that is no picture's digest", hint="take it from a case's list")
        return self.folder / digest[:2] / f"{digest}.png"
