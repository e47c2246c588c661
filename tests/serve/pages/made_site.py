"""A service that listens, and a browser's page that keeps what it asked for and complained of."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from papscope.serve.app import create_app
from papscope.serve.services import Services, opened
from papscope.serve.settings import ServeSettings

PATIENCE = 120_000
"""Milliseconds: a busy machine is no fault of the page."""

WORD = "seven small green frogs sing"


@dataclass(frozen=True)
class Site:
    """A service, and where browsers find it."""

    url: str
    services: Services

    def case(self, case_id: str) -> str:
        return f"{self.url}/cases/{case_id}"


@contextmanager
def listening(
    home: Path, *, accounts: bool = False, models: tuple[str, ...] = ()
) -> Iterator[Site]:
    """Answer on a port that is free, from a thread, until the end."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        settings = ServeSettings(home=home, port=port, threads=1, accounts=accounts, models=models)
        with opened(settings) as services:
            config = uvicorn.Config(
                create_app(services), log_level="warning", lifespan="off", proxy_headers=False,
                timeout_graceful_shutdown=1,
            )  # fmt: skip
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, daemon=True)
            thread.start()
            yield Site(f"http://127.0.0.1:{port}", services)
            server.should_exit = True
            thread.join(20)


class Visit:
    """A browser of one's own, with one page open."""

    def __init__(
        self,
        browser: Any,
        *,
        width: int = 1366,
        height: int = 768,
        scheme: str = "light",
        touch: bool = False,
    ) -> None:
        size = {"width": width, "height": height}
        self.room = browser.new_context(
            viewport=size, color_scheme=scheme, has_touch=touch, reduced_motion="reduce",
            accept_downloads=True,
        )  # fmt: skip
        self.room.set_default_timeout(PATIENCE)
        self.page = self.room.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda one: self.asked.append(one.url))
        self.page.on("console", lambda one: self._heard(one.type, one.text))
        self.page.on("pageerror", lambda one: self.complaints.append(str(one)))

    def _heard(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def gallery(self, site: Site, case_id: str) -> Any:
        """Open a case and wait for its cards."""
        self.page.goto(site.case(case_id))
        self.page.wait_for_selector(".card")
        self.page.wait_for_selector("#grid:not([aria-busy])")
        return self.page

    def large(self, site: Site, case_id: str) -> Any:
        """Open a case's first image large."""
        page = self.gallery(site, case_id)
        page.click("#start")
        page.wait_for_selector("#viewer[open]")
        page.wait_for_function("() => document.querySelector('#picture').naturalWidth > 0")
        return page

    def sign_in(self, site: Site, name: str) -> None:
        """Sign in by the form."""
        self.page.goto(site.url)
        self.page.fill("#name", name)
        self.page.fill("#password", WORD)
        self.page.click("main button.first")
        self.page.wait_for_selector("#drop-zone")

    def assert_quiet(self, site: Site) -> None:
        """Nothing was asked of another host, and nothing complained of: no error, no policy."""
        ours = (site.url, "data:", "blob:")
        assert [url for url in self.asked if not url.startswith(ours)] == []
        assert self.complaints == []
