"""The frame that all pages share, without a browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from papscope.serve.pages import routes

PLACES = ("/", "/models", f"/cases/{'0' * 32}")


@pytest.mark.parametrize("place", PLACES)
def test_every_page_says_what_it_is_not(client: TestClient, place: str) -> None:
    text = client.get(place).text

    assert "Research use only." in text
    assert "Not a medical device." in text


@pytest.mark.parametrize("place", PLACES)
def test_no_page_holds_a_script_a_style_or_another_host(client: TestClient, place: str) -> None:
    text = client.get(place).text

    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son\w+=", text)
    assert not re.search(r"https?://", text)


def test_no_file_that_ships_names_another_host() -> None:
    for file in Path(routes.STATIC).iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//[a-z]+\.[a-z]+/|@import", text), file.name


def test_files_that_ship_are_asked_about_each_time(client: TestClient) -> None:
    answer = client.get("/static/app.css")

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"
    again = client.get("/static/app.css", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("name", ["..%2froutes.py", "../routes.py", "nothing.js"])
def test_only_what_ships_is_handed_out(client: TestClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def test_a_case_whose_address_is_no_case_is_refused(client: TestClient) -> None:
    assert client.get("/cases/..%2f..%2fetc").status_code in (404, 422)
