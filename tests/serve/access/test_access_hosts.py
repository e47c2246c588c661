"""The service answers to its own names and ports only, so that no name can be turned against it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from papscope.serve.access.hosts import is_ours
from papscope.serve.app import create_app
from papscope.serve.services import Services
from papscope.serve.settings import ServeSettings

from made_people import program  # isort: skip


def asked(
    *hosts: str, at: tuple[str, int | None] = ("127.0.0.1", 8000), scheme: str = "http"
) -> Any:
    headers = [(b"host", host.encode()) for host in hosts]
    return {"type": "http", "headers": headers, "server": at, "scheme": scheme}


def settings(**more: Any) -> ServeSettings:
    return ServeSettings(home=Path("lab"), **more)


@pytest.mark.parametrize(
    "host", ["localhost:8000", "LOCALHOST:8000", "localhost.:8000", "127.0.0.1:8000", "[::1]:8000"]
)
def test_the_machine_s_own_names_are_ours(host: str) -> None:
    assert is_ours(asked(host), settings())


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8000",
        "evil.example",
        "localhost",
        "localhost:8001",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.0.0.2:8000",
        "localhost.evil.example:8000",
        "evil.localhost:8000",
        "localhost:8000@evil.example",
        "user@localhost:8000",
        "localhost:8000:8000",
        "localhost:",
        "localhost:8000/",
        "localhost:8000 ",
        "local_host:8000",
        "0.0.0.0:8000",
        "[::]:8000",
        "[::1%eth0]:8000",
        "::1:8000",
        "2130706433:8000",
        "0x7f.1:8000",
        "",
        "\uff4cocalhost:8000",
    ],
)
def test_other_names_and_ports_are_not(host: str) -> None:
    assert not is_ours(asked(host), settings())


def test_no_host_and_two_hosts_are_not_ours() -> None:
    assert not is_ours(asked(), settings())
    assert not is_ours(asked("localhost:8000", "localhost:8000"), settings())


def test_the_address_at_which_it_arrived_is_ours_where_all_are_listened_at() -> None:
    everywhere = settings(host="0.0.0.0")
    assert is_ours(asked("10.0.3.7:8000", at=("10.0.3.7", 8000)), everywhere)
    assert is_ours(asked("[fd00::7]:8000", at=("fd00::7", 8000)), settings(host="::"))
    assert not is_ours(asked("10.0.3.8:8000", at=("10.0.3.7", 8000)), everywhere)
    assert not is_ours(asked("0.0.0.0:8000"), everywhere)
    assert not is_ours(asked("[::]:8000"), settings(host="::"))


def test_names_of_the_settings_are_ours_at_the_port_or_at_their_own() -> None:
    named = settings(host="10.0.3.7", names=("Lab.example.org", "lab.example.org:443"))
    at = ("10.0.3.7", 8000)
    found = [
        is_ours(asked(host, at=at), named)
        for host in ("lab.example.org:8000", "lab.example.org:443", "lab.example.org:81")
    ]
    assert found == [True, True, False]
    assert is_ours(asked("lab.example.org", at=at, scheme="https"), named)


def test_behind_a_proxy_the_scheme_s_own_port_is_ours() -> None:
    behind = settings(behind_proxy=("127.0.0.1",), names=("lab.example.org",))
    assert is_ours(asked("lab.example.org", scheme="https"), behind)
    assert not is_ours(asked("lab.example.org"), settings(names=("lab.example.org",)))
    assert not is_ours(asked("lab.example.org:444", scheme="https"), behind)


def test_a_request_to_another_name_is_refused_whatever_it_asks_for(services: Services) -> None:
    asking = program(create_app(services))
    for method, path in (("GET", "/"), ("GET", "/healthz"), ("POST", "/v1/sign-in"), ("GET", "/x")):
        told = asking.request(method, path, headers={"Host": "evil.example"})
        assert (told.status_code, told.json()["error"]["code"]) == (421, "wrong-host")
