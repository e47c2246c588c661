"""The files for deploying say what papscope understands, and give away no more than they must."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from papscope.cli.main import app

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
PROXY = "172.30.86.2"


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    start = max(place for place, (word, _) in enumerate(found) if word == "FROM")
    return found[start:]


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "compose.yaml").read_text()))


def unit(name: str) -> dict[str, list[str]]:
    """A unit's lines, by their key; several lines may have the same."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / name).read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def unknown(words: list[str]) -> list[str]:
    """The words of a papscope command that the command line does not know."""
    place: Any = typer.main.get_command(app)
    odd = []
    for word in words:
        below = getattr(place, "commands", {})
        if word.startswith("-"):
            known = {flag for one in place.params for flag in (*one.opts, *one.secondary_opts)}
            odd += [] if word.partition("=")[0] in known else [word]
        elif below:
            odd += [] if word in below else [word]
            place = below.get(word, place)
    return odd


def commands() -> dict[str, list[str]]:
    docker = dict(last_stage())
    found = {
        "Dockerfile": list(yaml.safe_load(docker["CMD"])),
        "compose.yaml": list(compose()["services"]["papscope"]["command"]),
    }
    for name in ("papscope.service", "papscope-backup.service"):
        found[name] = shlex.split(unit(name)["ExecStart"][0])[1:]
    for name in ("Dockerfile", "compose.yaml"):
        text = (ROOT / name).read_text().replace("\\\n#", "")
        for line in re.findall(r"^#.*papscope ((?:account|serve) .*)$", text, re.MULTILINE):
            found[f"{name}: {line}"] = shlex.split(line)
    return found


@pytest.mark.parametrize("name", commands())
def test_every_command_and_option_that_the_files_use_exists(name: str) -> None:
    assert unknown(commands()[name]) == []


def test_an_option_that_does_not_exist_is_noticed() -> None:
    assert unknown(["serve", "--hots", "x"]) == ["--hots"]
    assert unknown(["sevre"]) == ["sevre"]


def test_the_image_runs_as_nobody_in_particular_and_is_built_without_torch() -> None:
    last = last_stage()
    user = dict(last)["USER"]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    assert [value for word, value in last if word == "VOLUME"] == ["/data"]
    assert [value for word, value in instructions() if word == "FROM"] == [
        "python:3.12-slim AS build",
        "python:3.12-slim",
    ]
    installed = [
        value for word, value in instructions() if word == "RUN" and "pip install" in value
    ]
    assert len(installed) == 1
    assert installed[0].endswith('".[serve]"')
    after = [word for word, _ in last]
    assert after.index("USER") < after.index("ENTRYPOINT")
    assert "USER" not in after[after.index("ENTRYPOINT") :]


def test_the_health_check_asks_what_the_service_answers() -> None:
    check = dict(last_stage())["HEALTHCHECK"]
    from papscope.serve.api.health import router

    (path,) = re.findall(r"http://127\.0\.0\.1:8000(/\w+)", check)
    assert path in {getattr(one, "path", "") for one in router.routes}
    words = yaml.safe_load(check.partition("CMD ")[2])
    assert words[:2] == ["python", "-c"]
    compile(words[2], "health check", "exec")


def test_what_the_image_is_made_of_exists_and_gets_past_the_ignored_names() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = [value for word, value in instructions() if word == "COPY" and "--from" not in value]
    names = [name for value in copied for name in value.split()[:-1]]

    assert "*" in ignored
    for name in names:
        assert (ROOT / name).exists()
        assert f"!{name.removeprefix('./')}" in ignored
    # What the build's backend asks for beside the source.
    text = (ROOT / "pyproject.toml").read_text()
    for name in re.findall(r'^(?:readme|license-files) = \[?"(\w+(?:\.md)?)"', text, re.MULTILINE):
        assert name in names


def test_no_password_stands_in_the_clear() -> None:
    services = compose()["services"]
    text = (ROOT / "compose.yaml").read_text()
    assert not re.search(r"PASSWORD:", text)
    assert services["database"]["environment"]["POSTGRES_PASSWORD_FILE"].startswith("/run/secrets/")
    assert compose()["secrets"]["database_password"] == {"file": "./secrets/database_password"}
    for name in ("papscope", "database"):
        assert services[name]["secrets"] == ["database_password"]
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_each_container_is_limited_restarted_and_waits_for_what_it_needs() -> None:
    services = compose()["services"]
    for name, one in services.items():
        assert one["restart"] == "unless-stopped", name
        assert one["mem_limit"], name
        assert one["cpus"], name
        assert "no-new-privileges:true" in one["security_opt"], name
    assert services["papscope"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert services["proxy"]["depends_on"]["papscope"]["condition"] == "service_healthy"
    assert services["database"]["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]
    assert services["papscope"]["read_only"] is True
    assert services["papscope"]["cap_drop"] == ["ALL"]
    assert [name for name, one in services.items() if "ports" in one] == ["proxy"]


def test_volumes_and_networks_that_are_named_are_declared() -> None:
    found = compose()
    for one in found["services"].values():
        for volume in one.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in found["volumes"] or (ROOT / source).exists(), source
        assert set(one["networks"]) <= set(found["networks"])
    assert found["networks"]["inside"]["internal"] is True


def test_the_proxy_that_is_believed_is_the_one_that_is_started() -> None:
    services = compose()["services"]
    assert f"--behind-proxy={PROXY}" in services["papscope"]["command"]
    assert services["proxy"]["networks"]["outside"]["ipv4_address"] == PROXY
    subnet = compose()["networks"]["outside"]["ipam"]["config"][0]["subnet"]
    assert PROXY.startswith(subnet.rpartition(".")[0])


def test_the_entry_puts_the_password_into_the_address_and_passes_the_words_on(
    tmp_path: Path,
) -> None:
    shell, flags, script, name = compose()["services"]["papscope"]["entrypoint"]
    secret = tmp_path / "database_password"
    secret.write_text("0af3\n")
    stub = tmp_path / "papscope"
    stub.write_text('#!/bin/sh\necho "$PAPSCOPE_DATABASE_URL $*"\n')
    stub.chmod(0o755)
    script = script.replace("$$", "$").replace("/run/secrets/database_password", str(secret))

    told = subprocess.run(
        [shell, flags, script, name, "serve", "--port=8000"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert told.stdout == "postgresql://papscope:0af3@database/papscope serve --port=8000\n"


@pytest.mark.parametrize("name", ["papscope.service", "papscope-backup.service"])
def test_the_units_are_kept_to_what_they_need(name: str) -> None:
    found = unit(name)
    assert found["User"] == ["papscope"]
    assert found["ProtectSystem"] == ["strict"]
    assert found["NoNewPrivileges"] == ["yes"]
    assert found["CapabilityBoundingSet"] == [""]
    assert found["UMask"] == ["0077"]
    assert found["StateDirectoryMode"] == ["0700"]
    homes = {f"/var/lib/{one}" for one in found["StateDirectory"][0].split()}
    words = shlex.split(found["ExecStart"][0])
    assert words[words.index("--home") + 1] in homes


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    units = sorted(DEPLOY.glob("papscope*.*"))
    for one in units:
        text = one.read_text().replace("/opt/papscope/bin/papscope", "/bin/true")
        (tmp_path / one.name).write_text(text)
    told = subprocess.run(
        ["systemd-analyze", "verify", *(str(tmp_path / one.name) for one in units)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    about_ours = [line for line in told.stderr.splitlines() if str(tmp_path) in line]
    assert (about_ours, told.returncode) == ([], 0)


def test_the_timer_starts_the_backup_each_night() -> None:
    parsed = configparser.ConfigParser()
    parsed.read(DEPLOY / "papscope-backup.timer")
    assert parsed["Timer"]["Persistent"] == "true"
    assert (DEPLOY / "papscope-backup.service").exists()
    prune = unit("papscope-backup.service")["ExecStartPost"][0]
    assert "-name papscope-*.zip" in prune  # and no other file


def test_both_proxies_hand_on_what_the_service_asks_for() -> None:
    nginx, caddy = ((DEPLOY / name).read_text() for name in ("nginx.conf", "Caddyfile"))
    for header in ("Host", "X-Forwarded-For", "X-Forwarded-Proto"):
        assert re.search(rf"proxy_set_header\s+{header}\s", nginx)
    assert "127.0.0.1:8000" in nginx
    assert "127.0.0.1:8000" in caddy
    assert compose()["services"]["proxy"]["environment"]["PAPSCOPE_UPSTREAM"] == "papscope:8000"
