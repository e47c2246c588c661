"""`papscope account`: from a prompt or a pipe, never from the command line's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from made_people import PASSWORD
from typer.main import get_command
from typer.testing import CliRunner

from papscope.cli.main import app

pytestmark = pytest.mark.usefixtures("cheap_hashes")

WIDE = {"COLUMNS": "200", "NO_COLOR": "1"}


@pytest.fixture
def run(tmp_path: Path, database_url: str) -> Any:
    """Run `papscope account` on a database of its own."""
    where = ["--home", str(tmp_path / "home"), "--database-url", database_url]

    def running(*words: str, typed: str | None = None) -> Any:
        return CliRunner().invoke(app, ["account", *words, *where], input=typed, env=WIDE)

    return running


def test_an_account_is_made_listed_changed_and_deactivated(run: Any) -> None:
    made = run("add", "Ada", "--role", "admin", "--password-stdin", typed=PASSWORD + "\n")
    run("add", "bob", "--password-stdin", typed=PASSWORD)
    run("role", "bob", "reviewer")
    run("deactivate", "bob")
    off = json.loads(run("list", "--json").stdout)
    run("deactivate", "bob", "--undo")

    assert (made.exit_code, made.stderr) == (0, "made the account ada, admin\n")
    assert off == [
        {"name": "ada", "role": "admin", "active": True, "tokens": 0},
        {"name": "bob", "role": "reviewer", "active": False, "tokens": 0},
    ]
    assert run("list").stdout == "ada  admin  0 tokens\nbob  reviewer  0 tokens\n"


def test_a_token_is_printed_alone_so_that_a_script_can_take_it(run: Any) -> None:
    run("add", "ada", "--role", "admin", "--password-stdin", typed=PASSWORD)
    made = run("token", "ada", "--label", "scanner")
    listed = run("token", "ada", "--list")

    assert made.stdout.startswith("pps_")
    assert made.stdout.count("\n") == 1
    assert listed.stdout.startswith("1  scanner  made ")
    assert "pps_" not in listed.stdout
    assert run("token", "ada", "--revoke", "1").exit_code == 0
    assert run("token", "ada", "--list").stdout == ""
    assert run("token", "ada", "--revoke", "1").exit_code == 16


def test_a_password_is_changed(run: Any) -> None:
    run("add", "ada", "--role", "admin", "--password-stdin", typed=PASSWORD)
    changed = run("password", "ada", "--password-stdin", typed="kettle orbit mango lamp\n")
    assert changed.stderr == "ada has a new password and is signed out everywhere\n"
    assert run("password", "eve", "--password-stdin", typed=PASSWORD).exit_code == 16


def test_what_cannot_be_is_told_in_two_lines(run: Any) -> None:
    weak = run("add", "ada", "--password-stdin", typed="passwordpassword")
    role = run("add", "ada", "--role", "king", "--password-stdin", typed=PASSWORD)
    blind = run("add", "ada", typed=PASSWORD)
    run("add", "ada", "--role", "admin", "--password-stdin", typed=PASSWORD)
    last = run("deactivate", "ada")

    assert [one.exit_code for one in (weak, role, blind, last)] == [2, 2, 2, 16]
    assert weak.stderr.startswith("error: that password is among the first")
    assert "--password-stdin" in blind.stderr
    assert last.stderr.splitlines()[0] == "error: ada is the last administrator"


@pytest.mark.parametrize("words", [["list"], ["role", "ada", "reader"], ["token", "ada"]])
def test_a_home_that_is_not_there_is_told_and_not_made(tmp_path: Path, words: list[str]) -> None:
    told = CliRunner().invoke(app, ["account", *words, "--home", str(tmp_path / "typo")], env=WIDE)

    assert told.exit_code == 14
    assert "there is no database" in told.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_command_takes_a_password_as_a_word() -> None:
    tree: Any = get_command(app)
    options = [
        (name, flag)
        for name, command in tree.commands["account"].commands.items()
        for param in command.params
        for flag in param.opts
        if "password" in flag and not param.is_flag
    ]
    assert options == []
