"""Words that nobody can guess: for sign-ins and for programs, and what is kept of them.

Takes   nothing, or a word that a request brings
Gives   a new word, or the digest under which it is kept
Never   keeps a word

A digest without salt is enough here: there are 2**256 words, so that none can be tried out.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

TOKEN_BEGINS = "pps_"  # noqa: S105  # how each begins, not one of them
"""By which people, and programs that look for secrets in files, know a token of papscope."""

_BYTES = 32


def new_word() -> str:
    """Give a word of 256 random bits."""
    return secrets.token_urlsafe(_BYTES)


def new_token() -> str:
    """Give a token for a program."""
    return TOKEN_BEGINS + new_word()


def kept(word: str) -> str:
    """Give the SHA-256, as 64 hexadecimal digits, under which a word is kept.

    >>> kept("a word")[:8]
    '993a6153'
    """
    return sha256(word.encode("utf-8", "surrogateescape")).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare two words in a time that does not tell how much of them is alike."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
