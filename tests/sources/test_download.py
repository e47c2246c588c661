"""Fetching from a server on loopback that behaves as badly as servers do."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from papscope.errors import DiskError, DownloadError
from papscope.sources import download
from papscope.sources.catalogue import PUBLISHED, Digest, Remote
from papscope.sources.download import Patience, fetch_all, fetching
from papscope.sources.listing import cric_files, mendeley_files, safe_name

BODY = bytes(range(256)) * 4000


@dataclass
class Server:
    """What is served, how badly, and what was asked for."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    etag: str | None = '"one"'
    cut_after: list[int] = field(default_factory=list)
    """Bytes after which each of the next answers is cut off."""
    statuses: list[int] = field(default_factory=list)
    """Answers that come first."""
    ranges: bool = True
    extra: bytes = b""
    change: Callable[[bytes], bytes] = bytes
    asked: list[str | None] = field(default_factory=list)
    """The ranges that were asked for."""
    too_early: int = 0
    """Bytes before the wanted start at which a part begins."""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append(wanted)
        if self.statuses:
            self._plain(request, self.statuses.pop(0), b"")
            return
        if request.path not in self.files:
            self._plain(request, 404, b"")
            return
        body = self.change(self.files[request.path]) + self.extra
        fits = request.headers.get("If-Range") in (None, self.etag)
        start = int(wanted[6:-1]) - self.too_early if wanted and self.ranges and fits else 0
        if start >= len(body) > 0:
            self._plain(request, 416, b"")
            return
        self._send(request, body, start, partial=bool(wanted and self.ranges and fits))

    def _plain(self, request: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()

    def _send(
        self, request: BaseHTTPRequestHandler, body: bytes, start: int, *, partial: bool
    ) -> None:
        request.send_response(206 if partial else 200)
        if partial:
            request.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        request.send_header("Content-Length", str(len(body) - start))
        if self.etag:
            request.send_header("ETag", self.etag)
        request.end_headers()
        end = start + self.cut_after.pop(0) if self.cut_after else len(body)
        request.wfile.write(body[start:end])
        request.wfile.flush()
        request.close_connection = True


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.answer(self)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Keep the test's output clean."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{http.server_port}"
    try:
        yield state
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def offered(server: Server, name: str = "a.bin", body: bytes = BODY) -> Remote:
    """Put a file on the server, and give what is published of it."""
    server.files[f"/{name}"] = body
    digest = Digest("sha256", hashlib.sha256(body).hexdigest())
    return Remote(f"{server.url}/{name}", PurePosixPath(name), len(body), digest)


def fetched(
    folder: Path, *files: Remote, tries: int = 4, slept: list[float] | None = None
) -> list[tuple[str, int, int | None]]:
    told: list[tuple[str, int, int | None]] = []
    waits: list[float] = [] if slept is None else slept
    with fetching(Patience(tries=tries, sleep=waits.append, timeout_s=5)) as fetcher:
        fetch_all(fetcher, files, folder, lambda *words: told.append(words))
    return told


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_file_arrives_whole_under_its_name_and_nothing_else_is_left(
    server: Server, tmp_path: Path
) -> None:
    told = fetched(tmp_path, offered(server))
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert names(tmp_path) == ["a.bin"]
    assert told[-1] == ("bytes fetched", len(BODY), len(BODY))


def test_a_connection_cut_midway_is_gone_on_with_where_it_stopped(
    server: Server, tmp_path: Path
) -> None:
    remote = offered(server)
    server.cut_after = [600_000, 300_000]

    fetched(tmp_path, remote)
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert server.asked == [None, "bytes=600000-", "bytes=900000-"]


def test_more_cuts_than_tries_do_no_harm_while_bytes_come(server: Server, tmp_path: Path) -> None:
    remote = offered(server)
    server.cut_after = [100_000] * 9
    fetched(tmp_path, remote, tries=2)
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_an_interrupted_fetch_is_gone_on_with_by_the_next_one(
    server: Server, tmp_path: Path
) -> None:
    remote = offered(server)
    server.cut_after = [600_000]
    server.statuses = []
    with pytest.raises(KeyboardInterrupt), fetching(Patience(sleep=_interrupt)) as fetcher:
        fetch_all(fetcher, [remote], tmp_path)
    assert ".a.bin.part" in names(tmp_path)

    fetched(tmp_path, remote)
    assert server.asked == [None, "bytes=600000-"]
    assert names(tmp_path) == ["a.bin"]


def _interrupt(_: float) -> None:
    raise KeyboardInterrupt


def test_a_file_that_changed_meanwhile_is_begun_anew(server: Server, tmp_path: Path) -> None:
    old = offered(server, body=b"x" * len(BODY))
    server.cut_after = [600_000]
    with pytest.raises(KeyboardInterrupt), fetching(Patience(sleep=_interrupt)) as fetcher:
        fetch_all(fetcher, [old], tmp_path)

    server.etag = '"two"'
    fetched(tmp_path, offered(server))
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_a_server_that_ignores_ranges_still_serves(server: Server, tmp_path: Path) -> None:
    remote = offered(server)
    server.ranges = False
    server.cut_after = [600_000]
    fetched(tmp_path, remote)
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert server.asked == [None, "bytes=600000-"]


def test_a_server_that_ignores_ranges_and_always_cuts_is_given_up(
    server: Server, tmp_path: Path
) -> None:
    remote = offered(server)
    server.ranges = False
    server.cut_after = [600_000] * 50
    with pytest.raises(DownloadError, match="could not be fetched in 3 tries"):
        fetched(tmp_path, remote, tries=3)
    assert len(server.asked) == 4


def test_a_range_that_does_not_exist_is_begun_anew(server: Server, tmp_path: Path) -> None:
    remote = replace(offered(server), size=None, about=(1, 2_000_000))
    (tmp_path / ".a.bin.part").write_bytes(BODY)
    fetched(tmp_path, remote)
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert server.asked == [f"bytes={len(BODY)}-", None]


def test_a_whole_part_is_verified_without_asking_again(server: Server, tmp_path: Path) -> None:
    remote = offered(server)
    (tmp_path / ".a.bin.part").write_bytes(BODY)
    fetched(tmp_path, remote)
    assert server.asked == []
    assert names(tmp_path) == ["a.bin"]


def test_a_part_that_is_too_long_is_begun_anew(server: Server, tmp_path: Path) -> None:
    remote = offered(server)
    (tmp_path / ".a.bin.part").write_bytes(BODY + b"!")
    fetched(tmp_path, remote)
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_an_answer_for_another_range_is_not_glued_on(server: Server, tmp_path: Path) -> None:
    remote = offered(server)
    server.cut_after = [600_000]
    server.too_early = 8
    fetched(tmp_path, remote)
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert server.asked == [None, "bytes=600000-", None]


def test_without_digest_and_mark_a_part_is_not_trusted(server: Server, tmp_path: Path) -> None:
    remote = replace(offered(server), digest=None)
    (tmp_path / ".a.bin.part").write_bytes(b"x" * 1000)
    fetched(tmp_path, remote)
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert server.asked == [None]


def test_a_busy_server_is_asked_again_with_growing_waits(server: Server, tmp_path: Path) -> None:
    remote = offered(server)
    server.statuses = [503, 429, 500]
    slept: list[float] = []
    fetched(tmp_path, remote, slept=slept)
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert len(slept) == 3
    assert all(0 <= wait <= 2**place for place, wait in enumerate(slept))


def test_a_server_that_stays_busy_is_given_up_and_says_so(server: Server, tmp_path: Path) -> None:
    remote = offered(server)
    server.statuses = [503] * 20
    with pytest.raises(DownloadError, match=r"in 4 tries: the server answers 503") as told:
        fetched(tmp_path, remote)
    assert "goes on where it stopped" in told.value.hint
    assert len(server.asked) == 4


def test_a_missing_file_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    remote = replace(offered(server), url=f"{server.url}/elsewhere")
    with pytest.raises(DownloadError, match="answers 404"):
        fetched(tmp_path, remote)
    assert len(server.asked) == 1


def test_nobody_listening_is_told(tmp_path: Path) -> None:
    remote = Remote("http://127.0.0.1:9/a.bin", PurePosixPath("a.bin"), 3, None)
    with pytest.raises(DownloadError, match="could not be fetched in 2 tries"):
        fetched(tmp_path, remote, tries=2)


def test_an_address_of_another_kind_is_refused(tmp_path: Path) -> None:
    remote = Remote("file:///etc/hostname", PurePosixPath("a.bin"), 3, None)
    with pytest.raises(DownloadError, match="no address that can be fetched"):
        fetched(tmp_path, remote)


def test_one_wrong_byte_removes_only_the_bad_file_and_the_others_arrive(
    server: Server, tmp_path: Path
) -> None:
    good, bad, last = (offered(server, name) for name in ("1.bin", "2.bin", "3.bin"))
    server.files["/2.bin"] = BODY[:500] + b"?" + BODY[501:]

    with pytest.raises(DownloadError, match=r"2\.bin is damaged.*the bad file was removed"):
        fetched(tmp_path, good, bad, last)
    assert names(tmp_path) == ["1.bin", "3.bin"]

    server.files["/2.bin"] = BODY
    server.asked.clear()
    fetched(tmp_path, good, bad, last)
    assert names(tmp_path) == ["1.bin", "2.bin", "3.bin"]
    assert server.asked == [None]


def test_too_many_bytes_are_never_taken(server: Server, tmp_path: Path) -> None:
    remote = offered(server)
    server.extra = b"more"
    with pytest.raises(DownloadError, match=f"more came than the {len(BODY)} bytes"):
        fetched(tmp_path, remote, tries=2)
    assert names(tmp_path) == []


def test_a_file_without_digest_is_judged_by_its_size(server: Server, tmp_path: Path) -> None:
    remote = replace(offered(server), size=None, digest=None, about=(10, 20))
    server.files["/a.bin"] = b"short"
    with pytest.raises(DownloadError, match="5 bytes, but 10 to 20 were published"):
        fetched(tmp_path, remote)
    server.files["/a.bin"] = b"just about right"
    fetched(tmp_path, remote)
    assert names(tmp_path) == ["a.bin"]


def test_a_file_of_the_users_in_the_way_is_left_alone(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"mine")
    with pytest.raises(DownloadError, match=r"4 bytes, but \d+ were published; it lay there"):
        fetched(tmp_path, offered(server))
    assert (tmp_path / "a.bin").read_bytes() == b"mine"
    assert server.asked == []


def test_md5_is_verified_too(server: Server, tmp_path: Path) -> None:
    right = Digest("md5", hashlib.md5(BODY).hexdigest())
    fetched(tmp_path, replace(offered(server), digest=right))
    wrong = replace(offered(server, "b.bin"), digest=Digest("md5", "0" * 32))
    with pytest.raises(DownloadError, match="its md5 is"):
        fetched(tmp_path, wrong)
    assert names(tmp_path) == ["a.bin"]


def test_too_little_room_is_told_before_anything_is_asked_for(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "free_bytes", lambda _: 60_000_000)
    huge = replace(offered(server), size=5_000_000_000)
    with pytest.raises(DiskError, match=r"5\.00 GB are needed .* only 0\.01 GB are free"):
        fetched(tmp_path, huge)
    assert server.asked == []
    assert names(tmp_path) == []


def test_what_is_there_counts_against_the_room_that_is_needed(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = offered(server)
    (tmp_path / "a.bin").write_bytes(BODY)
    monkeypatch.setattr(download, "free_bytes", lambda _: download._ROOM)
    fetched(tmp_path, remote)


def test_progress_never_passes_its_total(server: Server, tmp_path: Path) -> None:
    told = fetched(tmp_path, offered(server, "1.bin"), offered(server, "2.bin"))
    done = [count for _, count, _ in told]
    assert done == sorted(done)
    assert {total for _, _, total in told} == {2 * len(BODY)}
    assert done[-1] == 2 * len(BODY)


def test_sipakmed_is_listed_with_the_published_sizes() -> None:
    files = PUBLISHED["sipakmed"].files
    assert (
        sum(file.size or 0 for file in files if file.path.name.startswith("im_")) == 5_181_546_173
    )
    assert all(file.digest is not None and len(file.digest.value) == 64 for file in files)


def made_figshare(articles: int) -> Callable[[str], Any]:
    def ask(url: str) -> Any:
        path, _, query = url.removeprefix("http://made/").partition("?")
        if path.startswith("collections/4960286/articles"):
            page = int(query.split("&")[0].removeprefix("page="))
            return [{"id": key} for key in range(articles)][100 * (page - 1) : 100 * page]
        key = int(path.removeprefix("articles/"))
        name = "classifications.csv" if key == 0 else "README.md" if key == 1 else f"{key}.png"
        file = {"name": name, "size": 10, "download_url": f"http://made/{key}"}
        return {"files": [{**file, "supplied_md5": "AB" * 16}]}

    return ask


def test_cric_is_listed_over_all_pages_without_what_is_no_field() -> None:
    files = cric_files(made_figshare(205), "http://made/")
    paths = [str(file.path) for file in files]
    assert len(files) == 204
    assert "classifications.csv" in paths
    assert "fields/204.png" in paths
    assert files[0].digest == Digest("md5", "ab" * 16)


def made_mendeley(files: dict[str, list[dict[str, Any]]]) -> Callable[[str], Any]:
    def ask(url: str) -> Any:
        if url.endswith("/folders/4"):
            return [{"id": key, "name": key.upper()} for key in files if key != "root"]
        return files[url.partition("folder_id=")[2].partition("&")[0]]

    return ask


def listed(name: str, digest: str) -> dict[str, Any]:
    content = {"download_url": f"http://made/{digest}", "sha256_hash": digest, "size": 5}
    return {"filename": name, "content_details": content}


def test_mendeley_is_listed_by_folder_and_what_is_listed_twice_comes_once() -> None:
    hsil = [listed("HSIL_1 (1).jpg", "aa"), listed("HSIL_1 (1).jpg", "aa")]
    hsil.append(listed("HSIL_1 (1).jpg", "bb"))
    files = mendeley_files(made_mendeley({"root": [], "hsil": hsil}), "http://made")
    assert [str(file.path) for file in files] == ["HSIL/HSIL_1 (1)-2.jpg", "HSIL/HSIL_1 (1).jpg"]
    assert [file.url for file in files] == ["http://made/bb", "http://made/aa"]


@pytest.mark.parametrize("name", ["../a.png", "/etc/a", "a\\b", "C:a", "..", "", "a\x00", "a. "])
def test_a_listed_name_that_could_leave_the_folder_is_refused(name: str) -> None:
    with pytest.raises(DownloadError, match="is no plain name"):
        safe_name(name)
    with pytest.raises(DownloadError, match="is no plain name"):
        mendeley_files(made_mendeley({"root": [listed(name, "aa")]}), "http://made")


@pytest.mark.parametrize("answer", [{}, [1], [{"name": "x"}], None])
def test_an_answer_that_is_no_listing_is_refused(answer: Any) -> None:
    with pytest.raises(DownloadError, match="listing is not understood"):
        cric_files(lambda _: answer, "http://made")


def test_an_empty_listing_is_refused() -> None:
    with pytest.raises(DownloadError, match="names no file"):
        cric_files(lambda _: [], "http://made")


def test_a_page_that_is_no_json_is_told(server: Server) -> None:
    server.files["/page"] = b"<html>"
    server.files["/list"] = json.dumps([1]).encode()
    with fetching(Patience(sleep=lambda _: None)) as fetcher:
        assert fetcher.json(f"{server.url}/list") == [1]
        with pytest.raises(DownloadError, match="does not answer with JSON"):
            fetcher.json(f"{server.url}/page")
