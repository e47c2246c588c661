"""A sender's file name, made harmless to show.

Takes   whatever a sender calls a file
Gives   a short text of one line that reads as that name
Never   gives a path to open: pictures are kept under the digest of their bytes
"""

from __future__ import annotations

import unicodedata

LONGEST = 200
"""Characters of a name that is shown."""

NAMELESS = "unnamed"


def shown(name: str) -> str:
    r"""Give a name that can be shown anywhere: one line, no tricks, folders kept.

    Control characters and those that change the direction of writing are left out, so that a name
    cannot pose as another; steps to the folder above, drives and roots are, too. What is too long
    loses its beginning, since the end tells pictures apart.

    >>> shown("slide 7/cell.png")
    'slide 7/cell.png'
    >>> shown("C:\\scans\\..\\..\\etc/pass\x00wd\u202egnp.exe")
    'scans/etc/passwdgnp.exe'
    >>> shown("../..")
    'unnamed'
    """
    plain = unicodedata.normalize("NFC", name[: 16 * LONGEST]).replace("\\", "/")
    parts = [_visible(part) for part in plain.split("/")]
    if len(parts[0]) == 2 and parts[0].endswith(":"):
        parts = parts[1:]
    kept = "/".join(part for part in parts if part.strip("."))
    if len(kept) > LONGEST:
        kept = "…" + kept[1 - LONGEST :].lstrip()
    return kept or NAMELESS


def _visible(part: str) -> str:
    """Leave out what cannot be seen (Unicode's categories C and Z), but for single blanks."""
    spaced = (" " if unicodedata.category(sign)[0] == "Z" else sign for sign in part)
    seen = "".join(sign for sign in spaced if unicodedata.category(sign)[0] != "C")
    return " ".join(seen.split())
