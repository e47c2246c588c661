"""A browser, and services that it can ask; both shared by the tests of a file."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from made_site import Site, Visit, listening

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run")
OFFLINE = ("--disable-background-networking",)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if found is None:
        pytest.skip(f"no browser is installed: none of {', '.join(BROWSERS)} is on the path")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=found, args=[*QUIET, *OFFLINE], timeout=120_000
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service on this machine alone, where nobody has to sign in."""
    with listening(tmp_path_factory.mktemp("service") / "home") as found:
        yield found


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Visit]]:
    """Give pages, each in a browser of its own, and close them at the end."""
    made: list[Visit] = []

    def make(**how: Any) -> Visit:
        made.append(Visit(browser, **how))
        return made[-1]

    yield make
    for one in made:
        one.room.close()
