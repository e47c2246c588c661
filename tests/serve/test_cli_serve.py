"""The command `papscope serve` translates its words to settings, and tells what is missing."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from papscope.cli.main import app
from papscope.serve import server
from papscope.serve.settings import Limits, ServeSettings

PLAIN = {"COLUMNS": "200", "NO_COLOR": "1"}


def settings_of(monkeypatch: pytest.MonkeyPatch, *words: str, **environment: str) -> ServeSettings:
    heard: list[Any] = []
    monkeypatch.setattr(server, "serve", lambda settings, _: heard.append(settings))
    ended = CliRunner().invoke(app, ["serve", *words], env={**PLAIN, **environment})
    assert ended.exit_code == 0, ended.output
    return heard[0]  # type: ignore[no-any-return]  # it was just put there


def test_without_words_it_is_for_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_of(monkeypatch) == ServeSettings(home=Path("papscope-home"))


def test_each_word_reaches_its_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    words = (
        f"--home {tmp_path} --host 10.0.0.7 --port 9000 --model a --model b --threads 3 --accounts "
        "--name lab.example --tls-cert c.pem --tls-key k.pem --behind-proxy 10.0.0.1 "
        "--session-hours 2 --retention-days 30 --stop-seconds 5 --limit jobs=7 "
        "--limit idle_seconds=2.5"
    )

    found = settings_of(monkeypatch, *words.split())

    assert found == ServeSettings(
        home=tmp_path,
        host="10.0.0.7",
        port=9000,
        models=("a", "b"),
        threads=3,
        accounts=True,
        names=("lab.example",),
        tls_certificate=Path("c.pem"),
        tls_key=Path("k.pem"),
        behind_proxy=("10.0.0.1",),
        session_hours=2.0,
        retention_days=30,
        stop_seconds=5.0,
        limits=Limits(jobs=7, idle_seconds=2.5),
    )


def test_the_environment_may_name_the_home_and_the_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = "postgresql://lab:secret@db/papscope"

    found = settings_of(monkeypatch, PAPSCOPE_HOME=str(tmp_path), PAPSCOPE_DATABASE_URL=url)

    assert (found.home, found.database_url) == (tmp_path, url)


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("speed=3", "there is no limit 'speed'"),
        ("jobs=many", "the limit jobs is 'many'"),
        ("jobs=1.5", "the limit jobs is '1.5'"),
        ("jobs=0", "the limit jobs is 0"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(limit: str, words: str) -> None:
    ended = CliRunner().invoke(app, ["serve", "--limit", limit], env=PLAIN)

    assert ended.exit_code == 2
    assert words in ended.output


def test_without_its_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "papscope.serve.server")
    monkeypatch.delattr("papscope.serve.server")
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    ended = CliRunner().invoke(app, ["serve"], env=PLAIN)

    assert ended.exit_code == 12
    assert "the service needs uvicorn" in ended.output
    assert 'pip install "papscope[serve]"' in ended.output


def test_each_limit_is_in_the_manual_with_its_default() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "how-to" / "serve.md").read_text("utf-8")

    for one in fields(Limits):
        assert f"| `{one.name}` | {one.default:,} |" in manual
