"""Other sites in a real browser: whatever they try, they change nothing and read nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from made_case import made_case
from made_site import Site, Visit
from sqlalchemy import func, select

from papscope.serve.access import forgery
from papscope.serve.store.tables import Case, CaseImage

pytestmark = pytest.mark.browser

TRIES = """async ([url, image]) => {
  const told = {};
  const attempt = async (name, work) => {
    try { told[name] = await work(); } catch (error) { told[name] = "refused"; }
  };
  const body = JSON.stringify({ title: "forged" });
  const plain = { method: "POST", mode: "no-cors", body, credentials: "include" };
  await attempt("plain", async () => (await fetch(`${url}/v1/cases`, plain)).type);
  await attempt("hidden", async () =>
    (await fetch(`${url}/v1/cases`, { ...plain, referrerPolicy: "no-referrer" })).type);
  const json = { "Content-Type": "application/json" };
  for (const [name, headers] of Object.entries({
    json: { "Content-Type": "application/json" },
    word: { "X-CSRF-Token": "x" },
    bearer: { Authorization: "Bearer x" },
  })) {
    const changed = { method: "POST", body, headers };
    await attempt(name, async () => (await fetch(`${url}/v1/cases`, changed)).status);
  }
  await attempt("read", async () => (await (await fetch(`${url}/v1/me`)).json()).csrf);
  navigator.sendBeacon(`${url}/v1/cases`, body);
  await attempt("picture", () => new Promise((found, not) => {
    const shown = new Image();
    shown.onload = () => found("shown"); shown.onerror = not;
    shown.src = `${url}/v1/images/${image}/picture`;
  }));
  for (const kind of ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded"]) {
    for (const path of ["/v1/cases", "/v1/jobs", `/v1/images/${image}/undo`, "/sign-out"]) {
      const frame = document.createElement("iframe");
      frame.name = `frame-${kind}-${path}`;
      document.body.append(frame);
      const form = document.createElement("form");
      Object.assign(form, { method: "POST", enctype: kind, action: url + path });
      form.target = frame.name;
      const field = document.createElement("input");
      Object.assign(field, { name: '{"title": "forged", "x": "', value: '"}' });
      form.append(field);
      document.body.append(form);
      form.submit();
    }
  }
  await new Promise((done) => setTimeout(done, 2000));
  return told;
}"""


@contextmanager
def another_site() -> Iterator[int]:
    """A site on a port of its own, with an empty page."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!DOCTYPE html><title>Another site</title><body>")

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


def things(site: Site) -> tuple[int | None, int | None]:
    with site.services.database.reading() as session:
        cases = session.scalar(select(func.count()).select_from(Case))
        return cases, session.scalar(select(func.count()).select_from(CaseImage))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])  # the same site, and another
def test_another_site_changes_and_reads_nothing(
    visit: Callable[..., Visit], site: Site, host: str
) -> None:
    case_id = made_case(site.services, 1)
    with site.services.database.reading() as session:
        image = session.scalars(select(CaseImage.id).where(CaseImage.case_id == case_id)).one()
    before = things(site)
    found, answered = visit(), []
    found.page.on("response", lambda one: answered.append((one.url, one.status)))
    with another_site() as port:
        found.page.goto(f"http://{host}:{port}/")
        told = found.page.evaluate(TRIES, [site.url, image])

    assert things(site) == before
    assert {told.pop(name) for name in ("plain", "hidden")} <= {"opaque", "refused"}
    assert set(told.values()) == {"refused"}
    ours = [status for url, status in answered if url.startswith(site.url)]
    assert len(ours) >= 8  # or nothing has come so far
    assert set(ours) <= {403, 405}


def test_a_page_that_is_older_than_the_service_goes_on(
    visit: Callable[..., Visit], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = visit().page
    page.goto(site.url)
    monkeypatch.setattr(forgery, "_SECRET", b"as after another start" * 2)
    asks = """async () => {
      const { ask } = await import("/static/api.js");
      return (await ask("/v1/cases", { method: "POST", json: { title: "Slide 9" } })).title;
    }"""
    assert page.evaluate(asks) == "Slide 9"
