"""Ten thousand spoiled pictures, all the way: none brings anything down, and nothing grows."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from made_pictures import cell, saved
from spoiled_pictures import sound, spoiled

from papscope.checks.codes import CODES
from papscope.errors import ImageError
from papscope.image import decode
from papscope.predict.predictor import Failure, load
from papscope.seeds import stream
from papscope.serve.app import create_app
from papscope.serve.intake import decoders as pool
from papscope.serve.intake.decoders import Cleaned, Decoders
from papscope.serve.services import opened
from papscope.serve.settings import Limits, ServeSettings
from papscope.shipped import find_bundle

MADE = 10_000
REAL = 1_000
ANSWERED = 800
OVER_HTTP = 400

LIMITS = Limits(pixels=1_000_000, decode_seconds=30.0)

GROWTH = 40 << 20
"""Bytes by which a process may grow after its first thousand pictures: allocators' slack."""

DATA = Path(os.environ.get("PAPSCOPE_DATA", Path(__file__).parents[3] / "shared" / "data"))

linux = pytest.mark.skipif(not Path("/proc/self").exists(), reason="memory is read from /proc")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of temporary files, in which none is left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def outcome(found: Decoders, data: bytes) -> Cleaned | ImageError:
    try:
        return found.clean(data, "x.png")
    except ImageError as error:
        return error


def memory(pid: int | str) -> int:
    """Bytes that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def files_open() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def same_as_here(data: bytes, got: Cleaned | ImageError) -> bool:
    """Whether a decoder says of a picture what decoding in this process does."""
    try:
        pixels = decode(data, "x.png")
    except ImageError as error:
        return isinstance(got, ImageError) and (
            (str(got), got.reason) == (str(error), error.reason) or got.reason == "too-large"
        )
    if isinstance(got, ImageError):
        return got.reason == "too-large" and pixels.size > 3 * LIMITS.pixels
    return np.array_equal(pixels, got.pixels)


@linux
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of those that are decoded here too
def test_spoiled_pictures_bring_nothing_down_and_leave_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool, "TURNS", 10**9)  # the same processes throughout, to see them grow
    pictures = spoiled(sound(), MADE, stream(0, "test/spoiled"))
    tally: Counter[str] = Counter()
    good: dict[bytes, Cleaned] = {}
    with closing(Decoders(LIMITS, workers=1)) as found:
        before = (0, 0, 0)
        pids: tuple[int, ...] = ()
        for number, data in enumerate(pictures):
            got = outcome(found, data)
            if number % 20 == 0:
                assert same_as_here(data, got), number
            if isinstance(got, Cleaned):
                good.setdefault(got.png, got)
            tally[got.reason if isinstance(got, ImageError) else "good"] += 1
            if number == 1_000:
                pids = found.pids()
                before = (memory(pids[0]), memory("self"), files_open())
        held = sum(len(one.png) + one.pixels.nbytes for one in good.values())
        after = (memory(pids[0]), memory("self"), files_open())
        assert found.pids() == pids

    assert set(tally) <= {"good", *CODES}
    assert not {"crashed", "too-slow"} & set(tally)
    assert tally["good"] > MADE // 10, "what is spoiled beyond all recognition tests little"
    assert min(tally[one] for one in ("unreadable", "truncated", "too-large")) > MADE // 200
    assert after[0] - before[0] < GROWTH
    assert after[1] - before[1] < GROWTH + held
    assert after[2] <= before[2]
    all_are_answered(list(good.values()))


def all_are_answered(good: list[Cleaned]) -> None:
    """Let the model that ships answer for an even share of pictures that came through."""
    model = load(find_bundle(None).folder, threads=1)
    share = good[:: max(1, len(good) // ANSWERED)]
    for one, said in zip(share, model.predict(one.pixels for one in share), strict=True):
        if isinstance(said, Failure):
            assert said.error.reason in {"blank", "too-small"}
        else:
            assert sum(said.answer.probabilities.values()) == pytest.approx(1, abs=1e-4)
            assert np.array_equal(decode(one.png), one.pixels)


@pytest.mark.slow
def test_spoiled_real_pictures_bring_nothing_down() -> None:
    files = sorted(one for one in DATA.glob("herlev/*/*.jpg") if one.stat().st_size < 30_000)
    if not files:
        pytest.skip(f"there are no real images in {DATA}: set PAPSCOPE_DATA")
    seeds = [one.read_bytes() for one in files[:: max(1, len(files) // 20)]]
    with closing(Decoders(LIMITS)) as found, ThreadPoolExecutor(2) as threads:
        several = spoiled(seeds, REAL, stream(0, "test/spoiled/real"))
        got = list(threads.map(lambda data: outcome(found, data), several))
    reasons = {one.reason for one in got if isinstance(one, ImageError)}
    assert reasons <= set(CODES) - {"crashed", "too-slow"}
    assert sum(isinstance(one, Cleaned) for one in got) > REAL // 10


@linux
@pytest.mark.slow
def test_spoiled_pictures_over_http_are_refused_in_words_and_never_a_fault(
    tmp_path: Path, temporary: Path
) -> None:
    pictures = list(spoiled(sound(), OVER_HTTP, stream(1, "test/spoiled")))
    settings = ServeSettings(home=tmp_path / "home", threads=1, limits=LIMITS)
    with (
        opened(settings) as services,
        TestClient(
            create_app(services), base_url="http://localhost", client=("127.0.0.1", 9)
        ) as client,
    ):
        client.post("/v1/predict", files=[("files", ("a.png", saved(cell())))])
        before = files_open()
        for start in range(0, len(pictures), 20):
            batch = pictures[start : start + 20]
            forms = [("files", (f"{one}.png", data)) for one, data in enumerate(batch)]
            answer = client.post("/v1/predict", files=forms)
            assert answer.status_code in {200, 413, 415, 422}, answer.text
            images = answer.json()["images"]
            assert [one["name"] for one in images] == [f"{one}.png" for one in range(len(batch))]
            assert all((one["label"] is None) != (one["error"] is None) for one in images)
            alone = client.post(
                "/v1/predict", content=batch[0], headers={"Content-Type": "image/png"}
            )
            assert alone.status_code in {200, 413, 415, 422}, alone.text
        assert files_open() <= before + 8  # a thread's or two's connections to the database
        assert client.post("/v1/predict", files=[("files", ("a.png", saved(cell())))]).is_success
    left = [one for one in (tmp_path / "home").rglob("*") if one.suffix in (".png", ".part")]
    assert left == []
