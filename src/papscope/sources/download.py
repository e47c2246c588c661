"""Fetch files over an unreliable network, and believe none before it is verified.

Takes   files with their sizes and digests, and a folder
Gives   the files, whole and verified, each under its name only then
Never   removes a file that verified, and never gives up a part that can be gone on with

A file grows as `.NAME.part`, with the server's mark of its version in `.NAME.part.json`, so that
an interrupted fetch goes on where it stopped (RFC 9110, ranges and If-Range).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx
import tenacity

from papscope import __version__
from papscope.errors import DiskError, DownloadError
from papscope.files import free_bytes, told_of_disk
from papscope.progress import Tell, silent
from papscope.sources.catalogue import Remote
from papscope.sources.partial import Part, fault

Given = TypeVar("Given")

_AGAIN = frozenset({408, 416, 425, 429, 500, 502, 503, 504})
_ROOM = 50_000_000
"""Bytes that stay free on the disk."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often is tried."""

    tries: int = 7
    """In a row, without a new byte."""
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    timeout_s: float = 60.0
    """Without an answer or a byte."""
    sleep: Callable[[float], None] = time.sleep


class _PassingError(Exception):
    """Something that may be better in a moment."""


class WrongFileError(DownloadError):
    """A file is not the one that was published."""


class Fetcher:
    """Fetches files, one after the other."""

    def __init__(self, client: httpx.Client, patience: Patience) -> None:
        self._client = client
        self._patience = patience

    def json(self, url: str) -> Any:
        """Give the JSON value at an address.

        Raises:
            DownloadError: it cannot be had, or is not JSON.
        """

        def ask() -> Any:
            with _passing(url):
                answer = self._client.get(url)
                _refuse(answer, url)
                return answer.content

        try:
            return json.loads(self._patiently(url, ask))
        except ValueError:
            raise DownloadError(
                f"{url} does not answer with JSON", hint="check the address, or try again later"
            ) from None

    def file(self, remote: Remote, folder: Path, tell: Callable[[int], None]) -> None:
        """Fetch one file, unless it is there and verified.

        Args:
            remote: the file.
            folder: the data set's folder.
            tell: called with the number of this file's bytes that are there.

        Raises:
            DownloadError: it cannot be had, or is not the file that was published.
            DiskError: it cannot be written.
        """
        place = folder / remote.path
        if place.exists():
            problem = fault(remote, place)
            if problem is not None:
                raise WrongFileError(
                    f"{problem}; it lay there already as {place}",
                    hint="move it away, and run the command again",
                )
            tell(place.stat().st_size)
            return
        with told_of_disk(place):
            place.parent.mkdir(parents=True, exist_ok=True)
        part = Part(place)
        part.forget_if_useless(remote)
        stretch = partial(self._stretch, remote, part, tell)
        while not self._patiently(remote.url, partial(stretch, part.size)):
            self._patience.sleep(self._patience.first_wait_s)
        problem = fault(remote, part.path)
        if problem is not None:
            part.forget()
            raise WrongFileError(
                f"{problem}; the bad file was removed",
                hint="run the command again: the files that verified are kept",
            )
        with told_of_disk(place):
            part.path.replace(place)
        part.forget()

    def _stretch(
        self, remote: Remote, part: Part, tell: Callable[[int], None], reached: int
    ) -> bool:
        """Fetch until the end or until cut; False if cut after new bytes came."""
        if remote.size is not None and part.size == remote.size:
            return True
        try:
            with _passing(remote.url):
                self._receive(remote, part, tell)
        except _PassingError:
            if part.size > reached:
                return False
            raise
        return True

    def _receive(self, remote: Remote, part: Part, tell: Callable[[int], None]) -> None:
        headers = part.headers(trusting=remote.digest is not None)
        with self._client.stream("GET", remote.url, headers=headers) as answer:
            if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.forget()
                raise _PassingError("the server has no more bytes of what was begun")
            _refuse(answer, remote.url)
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise _PassingError("the server packed the file, though asked not to")
            start = _start_of(answer)
            if start not in (0, part.size):
                part.forget()
                raise _PassingError("the server went on at another place")
            most = remote.size if remote.about is None else remote.about[1]
            size = part.write(answer, start, most, tell)
        if most is not None and size > most:
            part.forget()
            raise _PassingError(f"more came than the {most} bytes that were published")
        if remote.size is not None and size < remote.size:
            raise _PassingError(f"only {size} of {remote.size} bytes came")

    def _patiently(self, url: str, do: Callable[[], Given]) -> Given:
        patience = self._patience
        again = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_PassingError),
            stop=tenacity.stop_after_attempt(patience.tries),
            wait=tenacity.wait_random_exponential(
                multiplier=patience.first_wait_s, max=patience.longest_wait_s
            ),
            sleep=patience.sleep,
            reraise=True,
        )
        try:
            return again(do)
        except _PassingError as problem:
            raise DownloadError(
                f"{url} could not be fetched in {patience.tries} tries: {problem}",
                hint="run the command again later: it goes on where it stopped",
            ) from None


@contextmanager
def _passing(url: str) -> Iterator[None]:
    """Tell what may be better in a moment from what will not."""
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as problem:
        raise DownloadError(
            f"{url} is no address that can be fetched: {problem}", hint="check the address"
        ) from None
    except httpx.HTTPError as problem:
        raise _PassingError(str(problem) or type(problem).__name__) from problem


def _refuse(answer: httpx.Response, url: str) -> None:
    if answer.status_code in _AGAIN:
        raise _PassingError(f"the server answers {answer.status_code} {answer.reason_phrase}")
    if not answer.is_success:
        raise DownloadError(
            f"{url}: the server answers {answer.status_code} {answer.reason_phrase}",
            hint="the data set may have moved: see its page, and give --base-url",
        )


def _start_of(answer: httpx.Response) -> int:
    """Say at which byte an answer begins: 0 unless it is a part."""
    if answer.status_code != httpx.codes.PARTIAL_CONTENT:
        return 0
    words = answer.headers.get("Content-Range", "").removeprefix("bytes").strip()
    start = words.partition("-")[0]
    return int(start) if start.isdecimal() else -1


@contextmanager
def fetching(patience: Patience) -> Iterator[Fetcher]:
    """Open a connection for as long as files are fetched."""
    headers = {"User-Agent": f"papscope/{__version__}", "Accept-Encoding": "identity"}
    with httpx.Client(headers=headers, timeout=patience.timeout_s, follow_redirects=True) as client:
        yield Fetcher(client, patience)


def fetch_all(
    fetcher: Fetcher,
    files: Sequence[Remote],
    folder: Path,
    tell: Tell = silent,
    *,
    room: int = 0,
) -> None:
    """Fetch files, and go on with the next where one is not what was published.

    Args:
        fetcher: an open connection.
        files: what is to be fetched; files that are there and verified are left alone.
        folder: where their paths begin.
        tell: told of the bytes that are there.
        room: bytes that must stay free for what comes after.

    Raises:
        WrongFileError: some are not what was published; names all.
        DownloadError: the network fails for good.
        DiskError: there is too little room, or the folder cannot be written.
    """
    total = sum(_expected(file) for file in files)
    need_room(folder, room + total - sum(_bytes_there(file, folder) for file in files))
    wrong: list[WrongFileError] = []
    done = 0
    for file in files:

        def heard(size: int, before: int = done) -> None:
            tell("bytes fetched", before + size, total)

        try:
            fetcher.file(file, folder, heard)
        except WrongFileError as problem:
            wrong.append(problem)
        done += _expected(file)
    if wrong:
        raise WrongFileError("; ".join(str(one) for one in wrong), hint=wrong[0].hint)
    tell("bytes fetched", total, total)


def need_room(folder: Path, needed: int) -> None:
    """Make sure that the disk has room.

    Raises:
        DiskError: it has not; says how much is missing.
    """
    free = free_bytes(folder) - _ROOM
    if needed > free:
        raise DiskError(
            f"{needed / 1e9:.2f} GB are needed in {folder}, but only {max(free, 0) / 1e9:.2f} GB "
            "are free",
            hint="free some space, or name a folder on another disk",
        )


def _expected(file: Remote) -> int:
    if file.size is not None:
        return file.size
    return file.about[1] if file.about else 0


def _bytes_there(file: Remote, folder: Path) -> int:
    place = folder / file.path
    if place.exists():
        return _expected(file)
    return min(Part(place).size, _expected(file))
