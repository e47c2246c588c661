"""Guessing made slow: who fails often waits, longer each time, and nobody is shut out for good.

Takes   who tries to sign in, from where
Gives   leave to try, or how long to wait
Never   trusts the wall clock, grows without bound, or remembers anything on a disk

An account's delay is short at most, so that whoever fails on purpose does not keep its owner out;
that of an address is long. From where an account's owner has signed in before, the account's own
delay is not asked for: a stranger's failures do not touch her.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from math import ceil
from threading import Lock
from time import monotonic
from typing import Literal

from papscope.errors import Busy

Kind = Literal["account", "address", "known"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How much failing is borne."""

    free: int
    """Failures before the first wait."""
    longest: float
    """Seconds of the longest wait; each is twice the one before, from one second on."""


BORNE: dict[Kind, Patience] = {
    "account": Patience(free=5, longest=30.0),
    "address": Patience(free=20, longest=900.0),
    "known": Patience(free=5, longest=60.0),
}
FORGOTTEN = 3600.0
"""Seconds without a failure after which all is forgotten."""
MOST = 10_000
"""Entries that are kept at once: some hundred bytes each."""


@dataclass(slots=True)
class _Failures:
    count: int
    until: float
    """By the clock that only grows."""
    last: float


class Slowing:
    """Counts failures; safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = monotonic, most: int = MOST) -> None:
        """Begin with none.

        Args:
            clock: gives seconds that never go back.
            most: entries that are kept at once.
        """
        self._clock = clock
        self._most = most
        self._lock = Lock()
        self._failed: dict[tuple[str, ...], _Failures] = {}
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def attempt(self, name: str, address: str) -> None:
        """Count a try as failed before it is made, so that many at once gain nothing.

        Raises:
            Busy: it is too early to try again; nothing is counted then.
        """
        now = self._clock()
        with self._lock:
            keys = self._keys(name, address)
            wait = max(self._wait(key, now) for key in keys)
            if wait > 0:
                raise Busy(
                    "there were too many failed tries to sign in",
                    hint=f"try again in {ceil(wait)} seconds",
                    retry_after=ceil(wait),
                )
            for key in keys:
                self._count(key, now)

    def succeeded(self, name: str, address: str) -> None:
        """Take back what `attempt` counted, and know the owner at that address from now on."""
        with self._lock:
            near = _near(address)
            for key in self._keys(name, address):
                if key[0] == "address":  # or an account of one's own would wash it clean
                    self._uncount(key)
                else:
                    self._failed.pop(key, None)
            self._known[name, near] = None
            self._known.move_to_end((name, near))
            while len(self._known) > self._most:
                self._known.popitem(last=False)

    def __len__(self) -> int:
        return len(self._failed)

    def _keys(self, name: str, address: str) -> list[tuple[str, ...]]:
        near = _near(address)
        if (name, near) in self._known:
            return [("known", name, near)]
        return [("account", name), ("address", near)]

    def _wait(self, key: tuple[str, ...], now: float) -> float:
        found = self._failed.get(key)
        return 0.0 if found is None else found.until - now

    def _count(self, key: tuple[str, ...], now: float) -> None:
        found = self._failed.get(key)
        if found is None or now - found.last > FORGOTTEN:
            self._make_room(now)
            found = self._failed[key] = _Failures(0, now, now)
        found.count += 1
        found.last = now
        found.until = now + _delay(found.count, BORNE[key[0]])  # type: ignore[index]  # a Kind

    def _uncount(self, key: tuple[str, ...]) -> None:
        found = self._failed.get(key)
        if found is not None:
            found.count -= 1
            found.until = found.last

    def _make_room(self, now: float) -> None:
        """Forget the old, and where that is not enough, whoever failed least."""
        if len(self._failed) < self._most:
            return
        for key in [k for k, one in self._failed.items() if now - one.last > FORGOTTEN]:
            del self._failed[key]
        while len(self._failed) >= self._most:
            del self._failed[min(self._failed, key=lambda k: self._failed[k].count)]


def _delay(count: int, borne: Patience) -> float:
    """Give the seconds to wait after so many failures.

    >>> [_delay(count, Patience(free=5, longest=30.0)) for count in (5, 6, 7, 8, 12)]
    [0.0, 1.0, 2.0, 4.0, 30.0]
    """
    over = count - borne.free
    return 0.0 if over <= 0 else min(borne.longest, 2.0 ** min(over - 1, 30))


def _near(address: str) -> str:
    """Give what one sender holds: an address, or of IPv6 the network of 64 bits.

    >>> _near("192.0.2.7"), _near("2001:db8::1:2:3:4")
    ('192.0.2.7', '2001:db8::')
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address[:64]
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> 64 << 64))
