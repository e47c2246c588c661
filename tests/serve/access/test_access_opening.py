"""The service opens its door to the network only with accounts and TLS, and believes no proxy."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from made_people import PASSWORD, add_people, program, stop_the_clock

from papscope.errors import SettingError
from papscope.serve.access.opening import refuse_open
from papscope.serve.access.tls import check_tls, ends
from papscope.serve.app import create_app
from papscope.serve.services import Services, opened
from papscope.serve.settings import ServeSettings

pytestmark = pytest.mark.usefixtures("cheap_hashes")

LATER = datetime.now(UTC) + timedelta(days=1)


def settings(home: Path, **more: Any) -> ServeSettings:
    return ServeSettings(home=home, threads=1, **more)


def certificate(folder: Path, *, days: int = 365, name: str = "lab") -> tuple[Path, Path]:
    """Make a certificate that signs itself, and its key."""
    found = shutil.which("openssl")
    if found is None:
        pytest.skip("openssl, which makes certificates for this test, is not installed")
    made, key = folder / f"{name}.pem", folder / f"{name}.key"
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    words += ["-keyout", str(key), "-out", str(made), "-days", str(days), "-subj", f"/CN={name}"]
    subprocess.run([found, *words], check=True, capture_output=True)
    key.chmod(0o600)
    return made, key


def test_this_machine_alone_needs_nothing(services: Services, tmp_path: Path) -> None:
    assert refuse_open(settings(tmp_path), services.database) == ()


def test_the_network_needs_tls(services: Services, tmp_path: Path) -> None:
    add_people(services)
    with pytest.raises(SettingError, match="could read passwords") as told:
        refuse_open(settings(tmp_path, host="10.0.3.7"), services.database)
    assert "--tls-cert" in told.value.hint
    assert "--behind-proxy" in told.value.hint


@pytest.mark.parametrize(
    "more", [{"accounts": True}, {"host": "10.0.3.7"}, {"behind_proxy": ("127.0.0.1",)}]
)
def test_people_who_must_sign_in_need_an_administrator(
    services: Services, tmp_path: Path, more: dict[str, Any]
) -> None:
    if "host" in more:
        made, key = certificate(tmp_path)
        more = {**more, "tls_certificate": made, "tls_key": key}
    services.accounts.add("rob", "reader", PASSWORD, by="local")
    for _ in range(2):
        with pytest.raises(SettingError, match="no administrator yet") as told:
            refuse_open(settings(tmp_path, **more), services.database)
        assert told.value.hint.startswith("papscope account add NAME --role admin --home")

    services.accounts.add("ada", "admin", PASSWORD, by="local")
    refuse_open(settings(tmp_path, **more), services.database)


def test_what_is_doubtful_is_told(services: Services, tmp_path: Path) -> None:
    add_people(services)
    made, key = certificate(tmp_path, days=10)
    told = refuse_open(
        settings(tmp_path, host="0.0.0.0", tls_certificate=made, tls_key=key), services.database
    )
    behind = refuse_open(
        settings(tmp_path, host="10.0.3.7", behind_proxy=("10.0.3.1",)), services.database
    )
    assert told[0].startswith("the certificate ends on ")
    assert told[1].endswith("give the machine's name by --name")
    assert behind == (
        "the way from the proxy to 10.0.3.7:8000 is not encrypted: let nobody else reach that port",
    )


def test_a_good_certificate_is_taken_and_its_end_is_known(tmp_path: Path) -> None:
    made, key = certificate(tmp_path)
    until = ends(made.read_text())
    assert check_tls(made, key, LATER) is None
    assert abs(until - datetime.now(UTC) - timedelta(days=365)) < timedelta(hours=1)
    assert ends(certificate(tmp_path, days=20_000, name="far")[0].read_text()).year > 2070
    with pytest.raises(SettingError, match=rf"the certificate ended on {until:%Y-%m-%d}"):
        check_tls(made, key, until)
    assert check_tls(made, key, until - timedelta(days=29)) is not None


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("no file", "cannot be read"),
        ("folder", "cannot be read"),
        ("open key", "anybody may read"),
        ("another's key", "no certificate and its key"),
        ("key with password", "the key has a password"),
        ("no pem", "no certificate and its key"),
        ("cut", "no certificate and its key"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_told(tmp_path: Path, spoil: str, words: str) -> None:
    made, key = certificate(tmp_path)
    if spoil == "no file":
        key = tmp_path / "none.key"
    elif spoil == "folder":
        made = tmp_path
    elif spoil == "open key":
        key.chmod(0o644)
    elif spoil == "another's key":
        key = certificate(tmp_path, name="other")[1]
    elif spoil == "key with password":
        line = ["openssl", "ec", "-in", str(key), "-aes128", "-passout", "pass:x", "-out", str(key)]
        subprocess.run(line, check=True, capture_output=True)
    elif spoil == "no pem":
        made.write_text("a certificate, honestly")
    else:
        made.write_text(made.read_text()[:200])
    with pytest.raises(SettingError, match=words):
        check_tls(made, key, LATER)


@pytest.mark.parametrize("proxy", ["*", "proxy.example.org", "10.0.0.1/8", ""])
def test_a_proxy_is_an_address(tmp_path: Path, proxy: str) -> None:
    with pytest.raises(SettingError, match="is no address of a proxy"):
        settings(tmp_path, behind_proxy=(proxy,))


@pytest.fixture
def proxied(tmp_path: Path, database_url: str, cheap_hashes: None) -> Iterator[Services]:
    made = settings(
        tmp_path, database_url=database_url, behind_proxy=("10.0.3.1",), names=("lab.example.org",)
    )
    with opened(made) as found:
        add_people(found)
        stop_the_clock(found)
        yield found


def at_proxy(services: Services, client: str) -> TestClient:
    asking = program(create_app(services), base="http://lab.example.org", client=client)
    asking.headers.update({"X-Forwarded-For": "192.0.2.77", "X-Forwarded-Proto": "https"})
    return asking


def test_only_the_proxy_is_believed(proxied: Services) -> None:
    body = {"name": "ada", "password": PASSWORD}
    through = at_proxy(proxied, "10.0.3.1").post("/v1/sign-in", json=body)
    around = at_proxy(proxied, "10.0.3.9").post("/v1/sign-in", json=body)

    assert through.headers["set-cookie"].startswith("__Host-papscope=")
    assert "strict-transport-security" in through.headers
    assert around.headers["set-cookie"].startswith("papscope=")
    assert "strict-transport-security" not in around.headers


def test_behind_a_proxy_failures_are_counted_by_the_sender_s_address(proxied: Services) -> None:
    asking = at_proxy(proxied, "10.0.3.1")
    for number in range(21):
        asking.post("/v1/sign-in", json={"name": f"name-{number}", "password": "wrong"})
    body = {"name": "ada", "password": PASSWORD}
    same = asking.post("/v1/sign-in", json=body)
    asking.headers["X-Forwarded-For"] = "192.0.2.77, 192.0.2.78"  # the last is what the proxy saw
    other = asking.post("/v1/sign-in", json=body)
    assert [same.status_code, other.status_code] == [429, 200]


def test_behind_a_proxy_on_this_machine_nobody_is_local(tmp_path: Path) -> None:
    made = settings(tmp_path, behind_proxy=("127.0.0.1",))
    with opened(made) as services:
        asking = program(create_app(services))
        assert asking.get("/v1/me").status_code == 401
        asking.headers["X-Forwarded-For"] = "127.0.0.1"
        assert asking.get("/v1/me").status_code == 401


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_what_came_through_a_proxy_that_nobody_told_of_is_not_local(
    services: Services, header: str
) -> None:
    asking = program(create_app(services))
    assert asking.get("/v1/me").json()["name"] == "local"
    assert asking.get("/v1/me", headers={header: "for=192.0.2.1"}).status_code == 401


@pytest.mark.parametrize(
    ("client", "status"),
    [("127.0.0.1", 200), ("127.8.8.8", 200), ("::1", 200), ("::ffff:127.0.0.1", 200),
     ("192.0.2.1", 401), ("::ffff:192.0.2.1", 401), ("fe80::1", 401), ("testclient", 401)],
)  # fmt: skip
def test_only_who_asks_from_this_machine_is_local(tmp_path: Path, client: str, status: int) -> None:
    with opened(settings(tmp_path)) as services:
        assert program(create_app(services), client=client).get("/v1/me").status_code == status
