"""`papscope fetch`, from a server on loopback to a folder that can be imported."""

import functools
import hashlib
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath

import py7zr
import pytest
from typer.testing import CliRunner, Result

from papscope.cli.main import app
from papscope.sources import fetching
from papscope.sources.catalogue import PUBLISHED, Digest, Remote
from papscope.sources.download import Patience


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
        """Keep the test's output clean."""


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which it is served."""
    served = tmp_path / "served"
    served.mkdir()
    http = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(served)))
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served, f"http://127.0.0.1:{http.server_port}"
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    patience = Patience(tries=2, sleep=lambda _: None)
    settings = functools.partial(fetching.FetchSettings, patience=patience)
    monkeypatch.setattr(fetching, "FetchSettings", settings)


def papscope(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "200", "NO_COLOR": "1"})


def publish(monkeypatch: pytest.MonkeyPatch, name: str, *files: Path) -> None:
    """Put small files in the place of those that a data set's authors published."""
    remotes = tuple(
        Remote(
            "http://127.0.0.1:9/unreached",
            PurePosixPath(file.name),
            file.stat().st_size,
            Digest("sha256", hashlib.sha256(file.read_bytes()).hexdigest()),
        )
        for file in files
    )
    monkeypatch.setitem(
        PUBLISHED,
        name,
        replace(PUBLISHED[name], files=remotes, unpacked=1000),
    )


def seven_zipped(path: Path, name: str = "im_Parabasal/001.bmp") -> Path:
    with py7zr.SevenZipFile(path, "w") as archive:
        archive.writestr(b"field", name)
    return path


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_terms_are_shown_and_nothing_is_fetched_until_they_are_accepted(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = papscope("fetch", name)
    assert result.exit_code == 2
    assert PUBLISHED[name].terms in result.stdout
    assert PUBLISHED[name].citation in result.stdout
    assert "add --accept-terms" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_herlev_says_that_no_digest_can_verify_it() -> None:
    assert "cannot be verified by digest, only by its size" in papscope("fetch", "herlev").stdout
    assert "cannot be verified" not in papscope("fetch", "sipakmed").stdout


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    result = papscope("fetch", "imagenet", "--accept-terms")
    assert result.exit_code == 2
    assert "'imagenet' is no data set" in result.stderr
    assert "sipakmed, herlev, cric, mendeley" in result.stderr


def test_a_set_is_fetched_verified_unpacked_and_the_next_command_is_named(
    mirror: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, url = mirror
    (served / "words.pdf").write_bytes(b"words")
    publish(monkeypatch, "sipakmed", seven_zipped(served / "im_Parabasal.7z"), served / "words.pdf")
    root = tmp_path / "my set"

    result = papscope("fetch", "sipakmed", "-o", str(root), "--accept-terms", "--base-url", url)

    assert result.exit_code == 0, result.stderr
    assert (root / "im_Parabasal" / "001.bmp").read_bytes() == b"field"
    assert (root / "im_Parabasal.7z").exists()
    assert (root / "words.pdf").read_bytes() == b"words"
    assert result.stdout.endswith(f"next: papscope import sipakmed '{root}'\n")


def test_a_second_run_fetches_nothing_even_where_the_archives_were_dropped(
    mirror: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, url = mirror
    archive = seven_zipped(served / "im_Parabasal.7z")
    publish(monkeypatch, "sipakmed", archive)
    root = tmp_path / "set"
    words = ("fetch", "sipakmed", "-o", str(root), "--accept-terms", "--base-url", url)

    assert papscope(*words, "--drop-archives").exit_code == 0
    assert not (root / "im_Parabasal.7z").exists()
    archive.unlink()
    again = papscope(*words)
    assert again.exit_code == 0, again.stderr
    assert (root / "im_Parabasal" / "001.bmp").read_bytes() == b"field"


def test_a_wrong_byte_ends_with_an_error_and_keeps_what_verified(
    mirror: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, url = mirror
    good = seven_zipped(served / "im_Parabasal.7z")
    bad = seven_zipped(served / "im_Metaplastic.7z", "im_Metaplastic/001.bmp")
    publish(monkeypatch, "sipakmed", bad, good)
    data = bytearray(bad.read_bytes())
    data[40] ^= 1
    bad.write_bytes(bytes(data))
    root = tmp_path / "set"

    result = papscope("fetch", "sipakmed", "-o", str(root), "--accept-terms", "--base-url", url)
    assert result.exit_code == 10
    assert "im_Metaplastic.7z is damaged or another file" in result.stderr
    assert sorted(path.name for path in root.iterdir()) == ["im_Parabasal.7z"]


def test_an_archive_that_leaves_its_folder_is_refused(
    mirror: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, url = mirror
    with zipfile.ZipFile(served / "smear2005.zip", "w") as archive:
        archive.writestr("../evil.bmp", "evil")
    publish(monkeypatch, "herlev", served / "smear2005.zip")
    root = tmp_path / "set"

    result = papscope("fetch", "herlev", "-o", str(root), "--accept-terms", "--base-url", url)
    assert result.exit_code == 10
    assert "'../evil.bmp' leaves the folder" in result.stderr
    assert not (tmp_path / "evil.bmp").exists()
    assert sorted(path.name for path in root.iterdir()) == ["smear2005.zip"]


def test_a_mirror_that_is_away_ends_with_an_error_not_a_traceback(tmp_path: Path) -> None:
    away = ("--base-url", "http://127.0.0.1:9", "-o", str(tmp_path / "set"))
    result = papscope("fetch", "cric", "--accept-terms", *away)
    assert result.exit_code == 10
    assert "could not be fetched in 2 tries" in result.stderr
    assert "try: run the command again later" in result.stderr
