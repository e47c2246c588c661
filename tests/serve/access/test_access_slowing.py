"""Guessing is slow, wherever it comes from, and nobody is kept out for good."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest

from papscope.errors import Busy
from papscope.serve.access.slowing import BORNE, FORGOTTEN, Slowing


class Seconds:
    """A clock that goes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def made(most: int = 100) -> tuple[Slowing, Seconds]:
    clock = Seconds()
    return Slowing(clock, most), clock


def fail(slowing: Slowing, times: int, *, name: str = "ada", address: str = "192.0.2.1") -> None:
    for _ in range(times):
        slowing.attempt(name, address)


def waits(slowing: Slowing, name: str = "ada", address: str = "192.0.2.1") -> int:
    """Seconds that a try is told to wait; 0 where it is let through, which counts as a failure."""
    try:
        slowing.attempt(name, address)
    except Busy as told:
        return told.retry_after
    return 0


def test_delays_grow_with_failures_of_one_account_wherever_they_come_from() -> None:
    slowing, clock = made()
    for place in range(6):
        fail(slowing, 1, address=f"192.0.2.{place}")

    found = []
    for place in range(10, 17):
        wait = waits(slowing, address=f"192.0.2.{place}")
        found.append(wait)
        clock.now += wait
        fail(slowing, 1, address=f"192.0.2.{place}")

    assert found == [1, 2, 4, 8, 16, 30, 30]


def test_delays_grow_with_failures_of_one_address_whoever_is_named() -> None:
    slowing, clock = made()
    for number in range(21):
        fail(slowing, 1, name=f"name-{number}")

    assert waits(slowing, name="another") == 1
    for _ in range(20):
        clock.now += 900
        fail(slowing, 1, name=f"at-{clock.now}")
    assert waits(slowing, name="another") == 900


def test_an_address_of_ipv6_is_its_network() -> None:
    slowing, _ = made()
    for number in range(21):
        fail(slowing, 1, name=f"name-{number}", address=f"2001:db8:1:2::{number:x}")

    assert waits(slowing, name="another", address="2001:db8:1:2:ffff::1") == 1
    assert waits(slowing, name="another", address="2001:db8:1:3::1") == 0


def test_a_stranger_never_keeps_the_owner_out() -> None:
    slowing, clock = made()
    fail(slowing, 1, address="10.0.0.1")
    slowing.succeeded("ada", "10.0.0.1")
    for place in range(200):
        fail(slowing, 1, address=f"192.0.{place}.1")
        clock.now += 30

    fail(slowing, 1, address="192.0.2.249")
    assert waits(slowing, address="192.0.2.250") == 30
    assert waits(slowing, address="10.0.0.1") == 0


def test_the_longest_wait_of_an_account_is_short() -> None:
    assert BORNE["account"].longest <= 30
    slowing, clock = made()
    for _ in range(500):
        clock.now += waits(slowing, address="10.9.9.9")
    clock.now += BORNE["address"].longest
    assert waits(slowing) == 0


def test_success_forgets_an_account_s_failures_but_not_the_address_s() -> None:
    slowing, clock = made()
    for number in range(19):
        fail(slowing, 1, name=f"name-{number}")
    for _ in range(30):  # an account of one's own washes nothing clean
        slowing.attempt("mallory", "192.0.2.1")
        slowing.succeeded("mallory", "192.0.2.1")
        clock.now += 1

    assert [waits(slowing, name=f"again-{number}") for number in range(3)] == [0, 0, 1]


def test_tries_at_the_same_moment_gain_nothing() -> None:
    slowing, _ = made()
    let, start = [], Barrier(40)

    def attempt() -> None:
        start.wait()
        try:
            slowing.attempt("ada", "192.0.2.1")
        except Busy:
            return
        let.append(1)

    threads = [Thread(target=attempt) for _ in range(40)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert len(let) == BORNE["account"].free + 1


def test_old_failures_are_forgotten() -> None:
    slowing, clock = made()
    fail(slowing, 6)
    clock.now += FORGOTTEN + 1
    fail(slowing, 5)
    assert waits(slowing) == 0


def test_memory_is_bounded_and_the_worst_are_kept() -> None:
    slowing, _ = made(most=50)
    fail(slowing, 6, name="ada", address="192.0.2.1")
    for number in range(500):
        fail(slowing, 1, name=f"made-up-{number}", address=f"10.1.{number // 250}.{number % 250}")

    assert len(slowing) <= 50
    assert waits(slowing, name="ada", address="198.51.100.1") == 1


def test_known_places_are_bounded_too() -> None:
    slowing, _ = made(most=20)
    for number in range(100):
        slowing.attempt("ada", f"10.2.0.{number}")
        slowing.succeeded("ada", f"10.2.0.{number}")
    assert len(slowing._known) <= 20


def test_the_clock_is_one_that_never_goes_back() -> None:
    from time import monotonic

    assert Slowing()._clock is monotonic
    with pytest.raises(Busy, match="too many failed tries"):
        fail(Slowing(), 7)
