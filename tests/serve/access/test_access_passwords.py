"""Passwords: long is enough, guessable is not, and what is kept is of no use to a thief."""

from __future__ import annotations

from typing import Literal

import pytest
from argon2 import PasswordHasher

from papscope.errors import Busy, SettingError
from papscope.serve.access import passwords
from papscope.serve.access.passwords import Hasher, checked


def cheap(time_cost: int = 1) -> Hasher:
    return Hasher(PasswordHasher(time_cost=time_cost, memory_cost=8, parallelism=1))


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "Password2026!",
        "P4ssw0rd!!!!!!",
        "qwertyuiopasdf",
        "123456789012",
        "210987654321",
        "abababababab",
        "aaaaaaaaaaaaaaaa",
        "1q2w3e4r5t6y",
        "ada.lovelace1843",
        "Ada-Lovelace-99",
        "papscope-service",
        "hospital laboratory",
    ],
)
def test_what_anybody_would_try_first_is_refused(password: str) -> None:
    with pytest.raises(SettingError, match="first that anybody would try"):
        checked(password, "ada.lovelace")


@pytest.mark.parametrize(
    "password",
    [
        "seven small green frogs",
        "kettle orbit mango seven",
        "mijn fiets heeft vier wielen",
        "nur kleinbuchstaben hier",
        "зелёные лягушки поют",
        "x9#Lq2vB7!mz",
    ],
)
def test_no_mixture_of_signs_is_asked_for(password: str) -> None:
    assert checked(password, "ada") == password


@pytest.mark.parametrize(("length", "taken"), [(11, False), (12, True), (256, True), (257, False)])
def test_a_password_has_12_to_256_characters(length: int, taken: bool) -> None:
    password = ("kettle orbit mango seven lamp " * 10)[:length]
    if taken:
        assert checked(password, "ada") == password
    else:
        with pytest.raises(SettingError, match=f"12 to 256 characters, and this one has {length}"):
            checked(password, "ada")


def test_two_spellings_of_one_accent_are_one_password() -> None:
    kept = cheap().hash("caf\u00e9 orbit mango seven")
    assert cheap().fits("cafe\u0301 orbit mango seven", kept)


def test_the_hash_is_argon2id_with_the_costs_of_rfc_9106() -> None:
    kept = Hasher().hash("seven small green frogs")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert len(kept) <= 200  # the column's width


def test_a_hash_at_other_costs_is_outdated() -> None:
    kept = cheap(time_cost=1).hash("seven small green frogs")
    assert cheap(time_cost=2).is_outdated(kept)
    assert not cheap(time_cost=1).is_outdated(kept)


def test_no_password_fits_where_none_is_kept() -> None:
    for kept in ("", "nonsense", "$argon2id$v=19$m=8,t=1,p=1$broken"):
        assert not cheap().fits("seven small green frogs", kept)


def test_an_account_that_does_not_exist_costs_as_much_work() -> None:
    verified: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
            verified.append(str(hash))
            return super().verify(hash, password)

    hasher = Hasher(Counting(time_cost=1, memory_cost=8, parallelism=1))
    kept = hasher.hash("seven small green frogs")
    hasher.fits("wrong", kept)
    hasher.fits("wrong", "")

    known, unknown = (one.rpartition("$")[0].rpartition("$")[0] for one in verified)
    assert known == unknown == "$argon2id$v=19$m=8,t=1,p=1"


def test_more_checks_at_once_than_memory_allows_are_put_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passwords, "_PATIENCE", 0.01)
    hasher = cheap()
    with passwords._turn(), passwords._turn(), pytest.raises(Busy, match="too many") as told:
        hasher.fits("seven small green frogs", "")
    assert told.value.retry_after >= 1
    assert not hasher.fits("seven small green frogs", "")
