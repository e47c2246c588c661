"""The pages keep their word: links lead somewhere, and what they tell one to type exists."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

import papscope
from papscope.cli.main import app

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")


def named(pages: list[Path]) -> list[str]:
    return [page.relative_to(ROOT).as_posix() for page in pages]


def prose(text: str) -> str:
    """A page without its blocks of code, whose brackets are no links."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def anchors(page: Path) -> set[str]:
    """The places in a page that a link can point to, as GitHub names them."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.replace(" ", "-") for title in kept}


def typed(text: str) -> Iterator[list[str]]:
    """The words of each `papscope` command that a page's blocks tell one to type."""
    for kind, block in FENCE.findall(text):
        if kind not in ("console", "bash", "sh", "shell", "powershell"):
            continue
        whole = block.replace("\\\n", " ")
        for line in whole.splitlines():
            for part in re.split(r"\s(?:\||&&|;)\s", line.removeprefix("$ ")):
                if part.strip().startswith("papscope "):
                    yield shlex.split(part, comments=True)


def wrong(words: list[str]) -> str | None:
    """Say which word of a command the command line does not know."""
    place = tree()
    for word in words[1:]:
        below = getattr(place, "commands", {})
        if below and not word.startswith("-"):
            if word not in below:
                return f"no command {word!r}"
            place = below[word]
        elif re.match(r"--?[A-Za-z]", word):
            known = {flag for one in place.params for flag in (*one.opts, *one.secondary_opts)}
            if word.split("=")[0] not in known | {"-h", "--help"}:
                return f"{place.name} has no option {word!r}"
    return None


@cache
def tree() -> Any:
    """The whole command line, as click sees it; typer carries a click of its own."""
    return typer.main.get_command(app)


@pytest.mark.parametrize("name", named(PAGES))
def test_links_between_pages_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for link in LINK.findall(prose(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name} links to {link}"
        assert not anchor or anchor in anchors(target), f"{name} links to {link}: no such heading"


@pytest.mark.parametrize("name", named(PAGES))
def test_commands_shown_on_pages_exist_with_their_options(name: str) -> None:
    for words in typed((ROOT / name).read_text(encoding="utf-8")):
        assert wrong(words) is None, f"{name}: {shlex.join(words)}: {wrong(words)}"


def exists(dotted: str) -> bool:
    """Say whether a name below papscope leads to something."""
    place: Any = papscope
    path = "papscope"
    for word in dotted.split("."):
        path = f"{path}.{word}"
        try:
            place = getattr(place, word, None) or importlib.import_module(path)
        except ImportError:
            return False
    return True


@pytest.mark.parametrize("name", named(PAGES))
def test_python_names_shown_on_pages_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")

    shown = re.findall(r"(?<![\w/.-])papscope\.(\w+(?:\.\w+)*)", text)

    assert [one for one in shown if not exists(one)] == []


def test_a_python_name_that_does_not_exist_is_noticed() -> None:
    assert exists("errors.PapscopeError")
    assert not exists("laod")
    assert not exists("errors.PapscopeEror")


def test_a_command_that_does_not_exist_is_noticed() -> None:
    page = "```console\n$ papscope predikt x --fast\n$ papscope --versoin\n```\n"

    found = [wrong(words) for words in typed(page)]

    assert found == ["no command 'predikt'", "papscope has no option '--versoin'"]


def test_the_index_leads_to_every_page() -> None:
    index = ROOT / "docs/index.md"
    links = LINK.findall(index.read_text(encoding="utf-8"))

    reached = {(index.parent / link.partition("#")[0]).resolve() for link in links}

    missing = [page for page in ROOT.glob("docs/**/*.md") if page.resolve() not in reached]
    assert set(missing) == {index}


def test_make_targets_named_on_pages_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))

    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        shown = re.findall(r"`make ([a-z]+)|^\$? ?make ([a-z]+)", text, re.MULTILINE)
        wanted = {first or second for first, second in shown}
        assert wanted <= targets, f"{page.name} names {wanted - targets}"


def test_the_makefiles_help_names_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony is not None

    explained = set(re.findall(r'@echo "make ([a-z]+)', makefile))

    assert explained == set(phony.group(1).split()) - {"help"}


def test_the_readme_shows_the_commands_that_the_demo_runs() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    run = re.findall(r"^\t\$\(PAPSCOPE\) (.+)$", makefile, re.MULTILINE)

    shown = re.findall(r"^\.venv/bin/papscope (.+)$", readme, re.MULTILINE)
    assert shown == [line.replace("$$", "$") for line in run]
