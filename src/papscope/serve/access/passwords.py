"""Passwords: which are taken, and how they are kept.

Takes   what somebody typed
Gives   a hash that takes time and memory to try words against, or what is wrong with the password
Never   asks for a mixture of signs, makes a password expire, or keeps one

The rules are those of NIST SP 800-63B, 5.1.1.2: length counts, what is easily guessed is refused,
and nothing else is asked. The hash is Argon2id with the second parameters of RFC 9106.
"""

from __future__ import annotations

import secrets
import unicodedata
from functools import cache, cached_property
from pathlib import Path
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from papscope.errors import Busy, SettingError

SHORTEST = 12
LONGEST = 256
"""In characters: a bound, so that nobody keeps the server busy with a book."""

_REST = 6
"""Characters that must be left when the account's name and common words are taken out."""

_COMMON = Path(__file__).with_name("commonest.txt")
_ROWS = ("abcdefghijklmnopqrstuvwxyz" * 2, "1234567890" * 3, "qwertyuiopasdfghjklzxcvbnm" * 2)
_SPELT = str.maketrans("0134578@$!", "oieastbasi")

_AT_ONCE = BoundedSemaphore(2)
"""Each needs 64 MiB: many at once would be an attack on memory."""
_PATIENCE = 5.0
"""Seconds that one waits for its turn."""


class Hasher:
    """Hashes passwords and checks them, with as much work for an account that does not exist."""

    def __init__(self, argon2: PasswordHasher | None = None) -> None:
        """Use Argon2id with 3 passes over 64 MiB in 4 lanes, or as told.

        Args:
            argon2: with other costs.
        """
        self._argon2 = argon2 or PasswordHasher()

    @cached_property
    def _nobody(self) -> str:
        """The hash of a word that nobody has, for checks that must take as long as any."""
        return self._argon2.hash(secrets.token_urlsafe())

    def hash(self, password: str) -> str:
        """Give the hash to keep, with its salt and its costs."""
        with _turn():
            return self._argon2.hash(_same(password))

    def fits(self, password: str, kept: str) -> bool:
        """Tell whether a password is the one whose hash is kept.

        Args:
            password: as it was typed.
            kept: the hash; empty where there is none, which takes as long and never fits.

        Raises:
            Busy: too many are being checked.
        """
        with _turn():
            against = kept or self._nobody
            try:
                found = self._argon2.verify(against, _same(password))
            except (VerificationError, InvalidHashError):
                return False
        return found and bool(kept)

    def is_outdated(self, kept: str) -> bool:
        """Tell whether a hash was made at other costs than today's."""
        return self._argon2.check_needs_rehash(kept)


class _turn:  # noqa: N801  # reads as a phrase: with _turn()
    """Waits for one's turn to hash."""

    def __enter__(self) -> None:
        if not _AT_ONCE.acquire(timeout=_PATIENCE):
            raise Busy("too many are signing in", hint="try again in a moment", retry_after=2)

    def __exit__(self, *gone: object) -> None:
        _AT_ONCE.release()


def checked(password: str, name: str) -> str:
    """Give a new password back if it may be taken for an account.

    Args:
        password: as it was typed.
        name: the account's.

    Raises:
        SettingError: it is too short, too long, or among the first that anybody would try.

    >>> checked("seven small green frogs", "ada")
    'seven small green frogs'
    >>> checked("password2026!", "ada")
    Traceback (most recent call last):
    papscope.errors.SettingError: that password is among the first that anybody would try
    """
    same = _same(password)
    if not SHORTEST <= len(same) <= LONGEST:
        raise SettingError(
            f"a password has {SHORTEST} to {LONGEST} characters, and this one has {len(same)}",
            hint="take four or five words that do not belong together; no digits are asked for",
        )
    if any(ord(sign) < 32 for sign in same):
        raise SettingError("a password has no control characters", hint="leave line ends out")
    if _is_guessable(same, name):
        raise SettingError(
            "that password is among the first that anybody would try",
            hint="take four or five words that do not belong together, and not the name",
        )
    return password


def _same(password: str) -> str:
    """Give one spelling for what looks alike: an accent is typed differently by each system."""
    return unicodedata.normalize("NFKC", password)


def _is_guessable(password: str, name: str) -> bool:
    plain = password.casefold()
    if len(set(plain)) < 5 or (plain + plain).find(plain, 1) < len(plain):  # aaa, ababab
        return True
    if any(plain in row or plain in row[::-1] for row in _ROWS):
        return True
    head = plain.rstrip("0123456789!?.,;:-_ ")
    return any(_is_little_more(one, name) for one in (plain, head.translate(_SPELT)))


def _is_little_more(plain: str, name: str) -> bool:
    """Tell whether a password is the name or common words, with a few signs around them."""
    rest, own = ("".join(sign for sign in text if sign.isalnum()) for text in (plain, name))
    for word in (own, *_common()):
        if len(word) > 2:
            rest = rest.replace(word, "")
    return len(rest) < _REST


@cache
def _common() -> tuple[str, ...]:
    words = _COMMON.read_text(encoding="utf-8").split()
    return tuple(sorted(words, key=len, reverse=True))
