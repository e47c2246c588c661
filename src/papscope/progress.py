"""How a long stage tells how far it is, to whoever listens.

Takes   nothing
Gives   the type of a listener, and one that does not listen
Never   prints
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Tell: TypeAlias = Callable[[str, int, int | None], None]
"""Called with what is being done, how many are done, and of how many (None: not known yet)."""


def silent(what: str, done: int, total: int | None) -> None:
    """Listen to nothing."""
