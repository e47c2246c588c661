"""The beginning of a file that is being fetched, and whether a whole one is the right one.

Takes   a place for the file, the server's answers, and what was published
Gives   `.NAME.part` as it grows, and what is wrong with a file once it is whole
Never   asks a server; never takes bytes of two versions of a file for one, if it can know
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import md5, sha256
from pathlib import Path

import httpx

from papscope.files import told_of_disk, write_json
from papscope.sources.catalogue import Remote


class Part:
    """The beginning of a file, and the version of the file that it is the beginning of."""

    def __init__(self, place: Path) -> None:
        self.path = place.with_name(f".{place.name}.part")
        self._mark = place.with_name(f".{place.name}.part.json")

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    def forget(self) -> None:
        """Remove what was begun."""
        self.path.unlink(missing_ok=True)
        self._mark.unlink(missing_ok=True)

    def forget_if_useless(self, remote: Remote) -> None:
        """Remove what was begun if it cannot be the beginning of this file."""
        if remote.size is not None and self.size > remote.size:
            self.forget()

    def headers(self, *, trusting: bool) -> dict[str, str]:
        """Ask for the rest, if it is certain or will be verified that it fits."""
        if not self.size:
            return {}
        try:
            version = json.loads(self._mark.read_bytes())["version"]
        except (OSError, ValueError, KeyError, TypeError):
            version = None
        if isinstance(version, str):
            return {"Range": f"bytes={self.size}-", "If-Range": version}
        return {"Range": f"bytes={self.size}-"} if trusting else {}

    def write(
        self, answer: httpx.Response, start: int, most: int | None, tell: Callable[[int], None]
    ) -> int:
        """Add an answer's bytes, until there are more than `most`; gives the size."""
        if start == 0:
            self.forget()
            version = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
            if version and not version.startswith("W/"):
                write_json(self._mark, {"version": version})
        size = start
        with told_of_disk(self.path), self.path.open("ab") as file:
            # Without a size of pieces: httpx would drop a last one that is shorter, when cut off.
            for piece in answer.iter_raw():
                file.write(piece)
                size += len(piece)
                tell(size)
                if most is not None and size > most:
                    break
        return size


def fault(remote: Remote, path: Path) -> str | None:
    """Say how a file differs from what was published, or None where it does not."""
    size = path.stat().st_size
    name = remote.path.name
    least, most = remote.about or (0, size)
    if remote.size is not None:
        least = most = remote.size
    if not least <= size <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        return f"{name} has {size} bytes, but {wanted} were published"
    if remote.digest is None:
        return None
    total = sha256() if remote.digest.algorithm == "sha256" else md5(usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            total.update(piece)
    if total.hexdigest() == remote.digest.value:
        return None
    return (
        f"{name} is damaged or another file: its {remote.digest.algorithm} is "
        f"{total.hexdigest()}, but {remote.digest.value} was published"
    )
