"""What an archive says it holds, and whether that may be written.

Takes   names, sizes and kinds, from an archive that anybody may have written
Gives   the reason why not, or None
Never   writes, and never trusts a name
"""

from __future__ import annotations

import stat
from dataclasses import dataclass

from papscope.errors import DownloadError


@dataclass(frozen=True, slots=True)
class Member:
    """What an archive says of one thing that it holds."""

    name: str
    size: int
    kind: int
    """File type bits of a Unix mode; 0 where none are given."""
    link: bool = False
    folder: bool = False


def reason_against(member: Member) -> str | None:
    """Say why a member must not be written, or None where it may."""
    plain = member.name.replace("\\", "/")
    if plain.startswith("/"):
        return "has an absolute name"
    if ".." in plain.split("/"):
        return "leaves the folder"
    if ":" in plain:
        return "names a drive or a stream"
    if (not parts_of(member.name) and not member.folder) or not plain.isprintable():
        return "has no usable name"
    if member.link:
        return "is a link"
    if member.kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a device, a socket or a pipe"
    return None


def parts_of(name: str) -> list[str]:
    r"""Give the folders and the file that a name stands for, on any system.

    >>> parts_of("a\\b/./c.bmp")
    ['a', 'b', 'c.bmp']
    """
    return [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]


def refusal(archive: str, what: str) -> DownloadError:
    """Give the one error for all that is wrong with an archive."""
    return DownloadError(
        f"{archive} is not unpacked: {what}",
        hint="do not trust this archive: fetch it from the data set's own page",
    )
