"""What somebody sends at once: pictures and zips of pictures, as one series of pictures.

Takes   names and open files
Gives   each picture's bytes, or why it is none, one at a time
Never   loses a good picture because of a bad one; holds more than one; decodes any

What is damaged is told of and left out. What is too much is refused as a whole, so that nobody
takes a part of a slide for the slide.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

from papscope.errors import PapscopeError, UploadError, UploadTooLarge
from papscope.serve.intake import sniffing
from papscope.serve.intake.archives import Allowance, Archive, Member, not_a_picture, too_large
from papscope.serve.intake.names import shown
from papscope.serve.settings import Limits


@dataclass(frozen=True, slots=True)
class Sent:
    """One file that was sent, by itself or in an archive; it has either bytes or an error."""

    name: str
    """As the sender calls it, harmless to show; not always different from the others'."""
    data: bytes | None
    """The file's bytes, which begin as a picture's do."""
    error: PapscopeError | None


_Source: TypeAlias = tuple[str, BinaryIO | Archive | PapscopeError]


def taken_in(files: Iterable[tuple[str, BinaryIO]], limits: Limits) -> Iterator[Sent]:
    """Give all pictures of an upload, reading each when it is asked for.

    Args:
        files: the names by which they were sent, and the files, which can be sought in.
        limits: on files, on the bytes of each, and on what archives unpack to.

    Raises:
        UploadTooLarge: there are more files than the limits allow (known before the first is
            given), or an archive is a bomb (known when it is reached): nothing of the upload
            should be kept.
        UploadError: at the end, when nothing that was sent begins as a picture does.
    """
    sources = [_source(name, file, limits) for name, file in files if not sniffing.is_litter(name)]
    _refuse_many(sources, limits)
    allowance = Allowance(limits, sum(_size(file) for _, file in sources))
    good, bad = 0, []
    for name, content in _members(sources, limits, allowance):
        if isinstance(content, bytes):
            good += 1
            yield Sent(name, content, None)
        else:
            bad.append(content)
            yield Sent(name, None, content)
    if not good:
        raise _nothing(bad)


def _source(name: str, file: BinaryIO, limits: Limits) -> _Source:
    file.seek(0)
    if not sniffing.begins_as_archive(file.read(sniffing.HEAD)):
        return shown(name), file
    try:
        return shown(name), Archive(file, name, limits)
    except UploadError as error:
        return shown(name), error


def _refuse_many(sources: list[_Source], limits: Limits) -> None:
    count = sum(len(one.members) if isinstance(one, Archive) else 1 for _, one in sources)
    if count > limits.files:
        raise UploadTooLarge(
            f"there are {count:,} files, more than {limits.files:,}",
            hint="send them in several parts",
        )


def _size(source: BinaryIO | Archive | PapscopeError) -> int:
    if isinstance(source, PapscopeError):
        return 0
    return source.size if isinstance(source, Archive) else source.seek(0, os.SEEK_END)


def _members(sources: list[_Source], limits: Limits, allowance: Allowance) -> Iterator[Member]:
    for name, source in sources:
        if isinstance(source, Archive):
            before = f"{name.removesuffix('.zip')}/" if len(sources) > 1 else ""
            for member, content in source.read(allowance):
                yield shown(before + member), content
        elif isinstance(source, PapscopeError):
            yield name, source
        else:
            yield name, _content(source, name, limits)


def _content(file: BinaryIO, name: str, limits: Limits) -> bytes | PapscopeError:
    if file.seek(0, os.SEEK_END) > limits.file_bytes:
        return too_large(name, limits)
    file.seek(0)
    data = file.read()
    head = data[: sniffing.HEAD]
    return data if sniffing.begins_as_picture(head) else not_a_picture(name, head)


def _nothing(bad: list[PapscopeError]) -> UploadError:
    if len(bad) == 1 and isinstance(bad[0], UploadError):
        return bad[0]
    first = f": {bad[0]}" if bad else ""
    more = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
    return UploadError(
        f"nothing that was sent is a picture{first}{more}",
        hint="send BMP, JPEG, PNG, TIFF or WebP, or a zip of them",
    )
