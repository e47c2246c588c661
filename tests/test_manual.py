"""The manual is in step: every error, command, option, setting and finding can be looked up."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from papscope.checks.codes import CODES
from papscope.cli.main import app
from papscope.errors import ImageError, PapscopeError
from papscope.split import LEAKS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "papscope"


@cache
def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def family(kind: type[PapscopeError] = PapscopeError) -> Iterator[type[PapscopeError]]:
    """All errors that have a code of their own."""
    if "code" in vars(kind):
        yield kind
    for child in kind.__subclasses__():
        yield from family(child)


def test_every_error_with_a_code_of_its_own_is_defined_in_errors() -> None:
    coded = re.compile(r'^    code(: ClassVar\[str\])? = "[a-z-]+"$', re.MULTILINE)
    files = [one for one in SOURCE.rglob("*.py") if coded.search(one.read_text(encoding="utf-8"))]
    assert [one.name for one in files] == ["errors.py"]


@pytest.mark.parametrize("kind", list(family()), ids=lambda kind: kind.code)
def test_every_error_can_be_looked_up(kind: type[PapscopeError]) -> None:
    start = f"| `{kind.code}` | `{kind.__name__}` | {kind.exit_status} | {kind.http_status} | "
    rows = [line for line in page("reference/errors.md").splitlines() if line.startswith(start)]
    assert len(rows) == 1, f"docs/reference/errors.md has no row that begins {start!r}"
    meaning, advice = rows[0].removeprefix(start).strip("| ").split(" | ")
    assert meaning
    assert advice


def test_no_error_is_told_that_is_none() -> None:
    told = re.findall(r"^\| `([\w-]+)` \| `\w+` \|", page("reference/errors.md"), re.MULTILINE)
    assert sorted(told) == sorted(kind.code for kind in family())


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_finding_can_be_looked_up(code: str) -> None:
    rows = page("reference/findings.md").splitlines()
    assert [row for row in rows if row.startswith(f"| `{code}` | {CODES[code].severity} | ")]


def test_the_reasons_of_bad_images_are_findings() -> None:
    told = set(re.findall(r"`([a-z-]+)`", str(ImageError.__doc__))) - {"reason", "quality"}
    assert {reason for reason in told if " " not in reason} <= set(CODES)


def commands() -> Iterator[tuple[str, Any]]:
    tree: Any = typer.main.get_command(app)
    yield from tree.commands.items()


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_and_option_can_be_looked_up(name: str) -> None:
    command = dict(commands())[name]
    text = page("reference/commands.md")
    _, _, mine = text.partition(f"## `papscope {name}`\n")
    mine = mine.partition("\n## ")[0]
    assert mine, f"docs/reference/commands.md has no {name}: run `make docs`"
    for param in command.params:
        for flag in param.opts:
            assert flag in mine or param.hidden, f"{name} {flag}: run `make docs`"


def test_every_command_says_what_it_does_and_every_option_what_it_means() -> None:
    silent = [name for name, command in commands() if not command.help]
    mute = [
        f"{name} {param.name}"
        for name, command in commands()
        for param in command.params
        if not getattr(param, "help", None)
    ]
    assert (silent, mute) == ([], [])


def test_the_pages_made_from_the_code_are_in_step() -> None:
    told = subprocess.run(
        [sys.executable, str(DOCS / "generate_reference.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stderr) == (0, "")


def settings() -> Iterator[tuple[str, str]]:
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith(
                ("Settings", "Options", "Preprocess")
            ):
                for field in node.body:
                    if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                        yield node.name, field.target.id


@pytest.mark.parametrize(("kind", "name"), list(settings()))
def test_every_setting_can_be_looked_up(kind: str, name: str) -> None:
    _, _, mine = page("reference/settings.md").partition(f"## {kind}\n")
    assert f"`{name}`: " in mine.partition("\n## ")[0]


def test_the_stamp_of_a_leaking_split_is_explained() -> None:
    assert LEAKS in " ".join(page("glossary.md").split())
