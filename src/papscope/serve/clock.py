"""What time it is, for everything that the service notes down.

Takes   nothing
Gives   the time in UTC
Never   orders anything: clocks are put back; numbers that only grow give the order
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Gives the time, in UTC, with its time zone; tests bring their own."""


def utc_now() -> datetime:
    """Give the time in UTC, to the microsecond."""
    return datetime.now(UTC)
