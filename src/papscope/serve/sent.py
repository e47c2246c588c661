"""What a request brings: a form with files, or one picture as its whole body.

Takes   a request whose body nobody has read yet
Gives   fields, and files with the names that they were sent by, until the block ends
Never   holds a long body in memory, opens a file for each part, or uses a sender's name for one
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, cast

from anyio import to_thread
from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from papscope.errors import ImageError, UploadError, UploadTooLarge
from papscope.files import told_of_disk
from papscope.serve.settings import ServeSettings
from papscope.serve.spooled import Spool

FIELD = "files"
"""The form's field in which files come."""

_IN_MEMORY = 1 << 20
_PIECE = 1 << 18
_MOST_FIELDS = 32
_LONGEST_FIELD = 4096


@asynccontextmanager
async def brought(
    request: Request, settings: ServeSettings, *, most_files: int
) -> AsyncIterator[Spool]:
    """Take a request's body in, and forget it at the end of the block.

    Raises:
        ImageError: the body is neither a form nor a picture.
        UploadError: the form is damaged or cut short, or brings no file.
        UploadTooLarge: there are more files or fields, or longer ones, than agreed.
        DiskError: the disk is full.
        ClientDisconnect: the sender has gone.
    """
    folder = settings.incoming
    with told_of_disk(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    kind, options = parse_options_header(request.headers.get("content-type"))
    # A file without a name: nothing is left of it, even by a crash.
    with SpooledTemporaryFile(max_size=_IN_MEMORY, dir=str(folder)) as file:
        taking = _Taking(cast("IO[bytes]", file), folder)
        if kind == b"multipart/form-data" and options.get(b"boundary"):
            await _Form(taking, most_files).take(request, options[b"boundary"])
        elif kind.startswith(b"image/"):
            await _picture(taking, request, settings.limits.file_bytes)
        else:
            raise ImageError(
                "the body is neither a form (multipart/form-data) nor a picture (image/*)",
                hint=f"send files in the form's field {FIELD!r}, or one picture by itself",
                reason="not-an-image",
            )
        if not taking.spool.files:
            raise UploadError(
                "no file was sent", hint=f"send them in the form's field {FIELD!r}: see /docs"
            )
        yield taking.spool


class _Taking:
    """A body that comes in pieces and goes to a file, which is a disk's from some length on."""

    def __init__(self, file: IO[bytes], folder: Path) -> None:
        self.spool = Spool(file)
        self.length = 0
        self._folder = folder
        self._pieces: list[bytes] = []
        self._pending = 0

    def keep(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._pending += len(piece)
        self.length += len(piece)

    async def flush(self, least: int = 0) -> None:
        if self._pending <= least:
            return
        pieces, self._pieces, self._pending = self._pieces, [], 0
        if self.length <= _IN_MEMORY:  # nothing to wait for
            self.spool.file.writelines(pieces)
        else:
            await to_thread.run_sync(self._write, pieces)

    def _write(self, pieces: list[bytes]) -> None:
        with told_of_disk(self._folder):
            self.spool.file.writelines(pieces)


async def _picture(taking: _Taking, request: Request, most: int) -> None:
    async for piece in request.stream():
        taking.keep(piece)
        if taking.length > most:
            raise UploadTooLarge(
                f"the picture has more than {most} bytes", hint="cut it into fields of view"
            )
        await taking.flush(_PIECE)
    await taking.flush()
    if taking.length:
        taking.spool.add("picture", 0, taking.length)


class _Form:
    """A form, taken apart as it comes; the whole body's size is limited by `intake.bodies`."""

    def __init__(self, taking: _Taking, most_files: int) -> None:
        self._taking, self._most_files = taking, most_files
        self._ended = False
        self._begin_part()

    async def take(self, request: Request, boundary: bytes) -> None:
        try:
            parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": self._on_header_name,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers,
                    "on_part_data": self._on_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
            async for piece in request.stream():
                parser.write(piece)
                await self._taking.flush(_PIECE)
            parser.finalize()
        except FormParserError as problem:
            raise _damaged(str(problem)) from None
        if not self._ended:
            raise _damaged("it ends too early")
        await self._taking.flush()

    def _begin_part(self) -> None:
        self._head: dict[bytes, bytes] = {}
        self._name = self._value = b""
        self._field = ""
        self._file: str | None = None
        self._text = bytearray()
        self._start = self._taking.length

    def _on_header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._head[self._name.lower()] = self._value
        self._name = self._value = b""

    def _on_headers(self) -> None:
        _, told = parse_options_header(self._head.get(b"content-disposition"))
        self._field = _text(told, b"name")
        if b"filename" in told:
            self._file = _text(told, b"filename")
            if len(self._taking.spool.files) >= self._most_files:
                raise UploadTooLarge(
                    f"there are more than {self._most_files} files",
                    hint="send fewer at once, or send a job",
                )

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._taking.keep(data[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > _LONGEST_FIELD:
            raise UploadTooLarge(
                f"the form's field {self._field[:40]!r} is too long",
                hint=f"give at most {_LONGEST_FIELD} bytes, and pictures as files",
            )

    def _on_part_end(self) -> None:
        spool, length = self._taking.spool, self._taking.length - self._start
        if self._file is None:
            if len(spool.fields) >= _MOST_FIELDS:
                raise UploadTooLarge("there are too many fields", hint="see /docs for those known")
            spool.fields[self._field] = self._text.decode("utf-8", "replace")
        # A browser sends a file without a name where none was chosen.
        elif self._field == FIELD and (self._file or length):
            spool.add(self._file, self._start, length)

    def _on_end(self) -> None:
        self._ended = True


def _text(told: Mapping[bytes, bytes], name: bytes) -> str:
    return told.get(name, b"").decode("utf-8", "replace")


def _damaged(why: str) -> UploadError:
    return UploadError(f"the form is damaged: {why}", hint="send it again, whole")
