"""What people type, made fit to be kept: titles and notes.

Takes   text from a request
Gives   text that every database and document takes
Never   shortens what somebody wrote: what is too long is refused
"""

from __future__ import annotations

import unicodedata

from papscope.errors import SettingError

TITLE = 200
"""Characters that a case's title may have."""
NOTE = 2000
"""Characters that a verdict's note may have."""

_SPACES = {"\t": " ", "\r\n": "\n", "\r": "\n"}
_UNSEEN = ("Cc", "Cs")
"""Control characters and halves of characters: no database keeps all of them."""
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""By which text is shown in another order than it is written, and reads as something else."""


def title(text: str) -> str:
    r"""Give a case's title on one line.

    Raises:
        SettingError: nothing is left of it, or it is too long.

    >>> title("  Slide\n7 ")
    'Slide 7'
    """
    kept = " ".join(_plain(text).split())
    if not kept:
        raise SettingError("the title is empty", hint="give the case a title")
    return _within(kept, TITLE, "title")


def note(text: str) -> str:
    r"""Give a note, whose lines are kept.

    Raises:
        SettingError: it is too long.

    >>> note("two\r\nlines\x00 ")
    'two\nlines'
    """
    return _within(_plain(text).strip(), NOTE, "note")


def _plain(text: str) -> str:
    for odd, plain in _SPACES.items():
        text = text.replace(odd, plain)
    return "".join(one for one in text if one == "\n" or _seen(one))


def _seen(one: str) -> bool:
    return unicodedata.category(one) not in _UNSEEN and one not in _TURNING


def _within(text: str, most: int, what: str) -> str:
    if len(text) > most:
        raise SettingError(
            f"the {what} has {len(text)} characters", hint=f"give at most {most} characters"
        )
    return text
