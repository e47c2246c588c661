"""What bytes are, by themselves.

Takes   the first bytes of a file, or a name
Gives   whether it begins as a picture or an archive does, or is litter that systems leave
Never   takes a name's ending for what a file is
"""

from __future__ import annotations

from pathlib import PurePosixPath

HEAD = 16
"""First bytes of a file that say enough."""

_PICTURES = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\x00",  # TIFF, in both orders of bytes, and as the BigTIFF kind of it
    b"MM\x00*",
    b"II+\x00",
    b"MM\x00+",
)
_ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")

_LITTER = frozenset({".ds_store", "thumbs.db", "desktop.ini"})


def begins_as_picture(head: bytes) -> bool:
    r"""Say whether bytes begin as those of a picture do; whether it is one, decoding shows.

    >>> begins_as_picture(b"GIF89a..."), begins_as_picture(b"%PDF-1.7")
    (True, False)
    """
    return head.startswith(_PICTURES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def begins_as_archive(head: bytes) -> bool:
    """Say whether bytes begin as those of a zip do.

    A picture with a zip behind it is a picture: what is behind it is never looked at.
    """
    return head.startswith(_ARCHIVES)


def is_litter(name: str) -> bool:
    """Say whether a file is one that systems leave beside others, and that nobody meant to send.

    >>> is_litter("__MACOSX/slide/._cell.png"), is_litter("slide/Thumbs.db"), is_litter("a.png")
    (True, True, False)
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    last = parts[-1] if parts else ""
    return "__MACOSX" in parts or last.casefold() in _LITTER or last.startswith("._")
