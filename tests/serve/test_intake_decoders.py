from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from made_pictures import cell, png, saved

from papscope.errors import Busy, ImageError
from papscope.image import decode
from papscope.serve.intake import children, decoders
from papscope.serve.intake.decoders import Decoders
from papscope.serve.settings import Limits

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent")

ODD = """
import os, signal, sys, time
from papscope.serve.intake import confined, frames
honest = confined._decoded
confined.GRACE_SECONDS = 0.5

def odd(data, name, limit):
    if data == b"hang":
        time.sleep(1000)
    if data == b"outstay":
        signal.setitimer(signal.ITIMER_REAL, 0)
        time.sleep(1000)
    if data == b"die":
        os.kill(os.getpid(), 9)
    if data == b"eat":
        return bytearray(1 << 44)
    if data == b"lie":
        os.write(3, bytes(17) + b"x" * 100)
        time.sleep(1000)
    if data == b"brag":
        os.write(3, frames._ANSWER.pack(1, 1 << 16, 1 << 16, 3 << 32))
        time.sleep(1000)
    if data.startswith(b"do "):
        exec(data[3:].decode())
        data = sys.modules["__main__"].picture
    return honest(data, name, limit)

confined._decoded = odd
picture = bytes.fromhex(%r)
confined.main()
"""


@pytest.fixture
def odd_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Decoders]:
    """Two decoders that hang, die, and lie when they are asked to."""
    (tmp_path / "odd_decoder.py").write_text(ODD % saved(cell()).hex())
    paths = (str(tmp_path), os.environ.get("PYTHONPATH", ""))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.setattr(children, "PROGRAM", "odd_decoder")
    with closing(Decoders(Limits(decode_seconds=2.0))) as found:
        yield found


def reason(work: Callable[[], object]) -> str:
    with pytest.raises(ImageError) as caught:
        work()
    assert caught.value.hint
    return caught.value.reason


def running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def ended(pid: int, seconds: float = 20.0) -> bool:
    """Whether a process ends soon."""
    until = time.monotonic() + seconds
    while running(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not running(pid)


def test_a_picture_comes_back_as_its_pixels_and_a_file_of_them() -> None:
    with closing(Decoders(Limits())) as found:
        cleaned = found.clean(saved(cell(1), "BMP"), "a.bmp")
        again = found.clean(saved(cell(1), "TIFF"), "b.tif")

    assert np.array_equal(cleaned.pixels, cell(1))
    assert np.array_equal(decode(cleaned.png), cell(1))
    assert (cleaned.width, cleaned.height) == (48, 40)
    assert again.png == cleaned.png


def test_no_process_is_started_before_there_is_a_picture_and_none_is_left_after() -> None:
    found = Decoders(Limits())
    assert found.pids() == ()
    found.start()
    (pid,) = found.pids()
    found.clean(saved(cell()), "a.png")
    assert found.pids() == (pid,)
    found.close()
    found.close()
    assert not running(pid)
    with pytest.raises(Busy, match="stopping"):
        found.clean(saved(cell()), "a.png")


@pytest.mark.parametrize(
    ("data", "why", "words"),
    [
        (b"hang", "too-slow", "x.png was not decoded within 2 s"),
        (b"outstay", "too-slow", "x.png was not decoded within 2 s"),
        (b"die", "crashed", "x.png made its decoder end"),
        (b"lie", "crashed", "x.png made its decoder end"),
        (b"brag", "crashed", "x.png made its decoder end"),
        (b"eat", "too-large", "x.png takes more memory"),
    ],
)
def test_a_picture_that_takes_its_decoder_down_is_refused_and_the_next_one_is_not(
    odd_decoder: Decoders, data: bytes, why: str, words: str
) -> None:
    odd_decoder.start()
    before = odd_decoder.pids()

    with pytest.raises(ImageError, match=words) as caught:
        odd_decoder.clean(data, "x.png")

    assert caught.value.reason == why
    assert np.array_equal(odd_decoder.clean(saved(cell(5)), "y.png").pixels, cell(5))
    assert not set(before) & set(odd_decoder.pids())
    assert all(ended(pid) for pid in before)


def test_pictures_in_flight_are_not_hurt_by_one_that_takes_its_decoder_down(
    odd_decoder: Decoders,
) -> None:
    good = [(saved(cell(seed)), f"{seed}.png") for seed in range(40)]
    with ThreadPoolExecutor(6) as pool:
        bad = [pool.submit(odd_decoder.clean, data, "x") for data in (b"die", b"hang", b"eat")]
        cleaned = list(pool.map(lambda one: odd_decoder.clean(*one), good))
    assert [reason(one.result) for one in bad] == ["crashed", "too-slow", "too-large"]
    assert all(np.array_equal(one.pixels, cell(seed)) for seed, one in enumerate(cleaned))


def test_a_decoder_that_ends_while_it_has_nothing_to_do_is_replaced_unseen() -> None:
    with closing(Decoders(Limits(), workers=1)) as found:
        found.clean(saved(cell()), "a.png")
        (pid,) = found.pids()
        os.kill(pid, signal.SIGKILL)
        assert found.clean(saved(cell()), "a.png").width == 48
        assert found.pids() != (pid,)


def test_a_decoder_is_replaced_after_its_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "TURNS", 2)
    with closing(Decoders(Limits(), workers=1)) as found:
        seen = []
        for _ in range(4):
            found.clean(saved(cell()), "a.png")
            seen.append(found.pids())
    assert seen[0] == seen[1] != seen[2] == seen[3]


def test_closing_does_not_wait_for_a_picture_that_hangs(odd_decoder: Decoders) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(odd_decoder.clean, b"hang", "x.png")
        while not odd_decoder.pids():
            time.sleep(0.01)
        odd_decoder.close()
        with pytest.raises(Busy):
            waiting.result(timeout=30)


@pytest.mark.parametrize(
    "deed",
    [
        "open('/etc/hostname')",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import socket; socket.socket()",
        "os.open('/dev/null', os.O_WRONLY)",
        "os.pipe()",
    ],
)
def test_code_that_took_a_decoder_over_can_open_nothing(odd_decoder: Decoders, deed: str) -> None:
    code = f"do try:\n {deed}\nexcept OSError as e:\n assert e.errno == 24, e\nelse:\n os._exit(1)"
    assert odd_decoder.clean(code.encode(), "x.png").width == 48


def test_a_decoder_learns_nothing_of_the_environment(
    odd_decoder: Decoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPSCOPE_SECRET", "letmein")
    code = "do if 'letmein' in str(os.environ): os._exit(1)"
    assert odd_decoder.clean(code.encode(), "x.png").width == 48


def test_stopping_signals_for_all_of_the_service_leave_decoders_at_work() -> None:
    with closing(Decoders(Limits(), workers=1)) as found:
        found.clean(saved(cell()), "a.png")
        pids = found.pids()
        for one in (signal.SIGINT, signal.SIGTERM):
            os.kill(pids[0], one)
        found.clean(saved(cell()), "a.png")
        assert found.pids() == pids


@pytest.mark.parametrize("hanging", [False, True])
def test_no_decoder_outlives_a_service_that_was_killed(
    odd_decoder: Decoders, hanging: bool, tmp_path: Path
) -> None:
    odd_decoder.close()
    service = (  # no guard of __main__, as it is no fork of this process and imports it not
        "import sys, threading, time\n"
        "from papscope.serve.intake import children\n"
        "from papscope.serve.intake.decoders import Decoders\n"
        "from papscope.serve.settings import Limits\n"
        "children.PROGRAM = 'odd_decoder'\n"
        "found = Decoders(Limits(decode_seconds=0.5 if sys.argv[1] == 'True' else 60))\n"
        "try: found.clean(b'nothing', 'x')\n"
        "except Exception: pass\n"
        "hang = lambda: found.clean(b'hang', 'x')\n"
        "if sys.argv[1] == 'True': threading.Thread(target=hang, daemon=True).start()\n"
        "print(*found.pids(), flush=True)\n"
        "time.sleep(1000)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", service, str(hanging)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pids = [int(one) for one in process.stdout.readline().split()]
        assert pids
        assert all(running(pid) for pid in pids)
        process.kill()

    assert all(ended(pid) for pid in pids)


def test_a_decoder_that_cannot_start_is_a_fault_of_papscope(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(children, "PROGRAM", "no_such_module")
    with closing(Decoders(Limits())) as found, pytest.raises(RuntimeError, match="did not start"):
        found.clean(saved(cell()), "a.png")
    assert found.pids() == ()


def test_limits_on_bytes_and_pixels_hold() -> None:
    data = saved(cell(0, 50, 50))
    with closing(Decoders(Limits(pixels=2499, file_bytes=len(data)))) as found:
        with pytest.raises(ImageError, match=r"a/b.png is too large: 50 x 50 pixels") as caught:
            found.clean(data, "../a/b.png")
        assert caught.value.reason == "too-large"
        assert reason(lambda: found.clean(data + b"x", "b.png")) == "too-large"
    with closing(Decoders(Limits(pixels=2500))) as found:
        assert found.clean(data, "a.png").width == 50


def test_a_picture_that_does_not_fit_the_memory_is_refused_as_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(children, "memory_for", lambda _: 256 << 20)
    large = png(4_000, 4_000, 8, 6, bytes(4_000 * 16_001))
    with closing(Decoders(Limits(decode_seconds=120.0), workers=1)) as found:
        with pytest.raises(ImageError, match=r"x\.png takes more memory to decode") as caught:
            found.clean(large, "x.png")
        assert caught.value.reason == "too-large"
        assert found.clean(saved(cell()), "a.png").width == 48


def test_names_of_any_kind_are_told_harmlessly() -> None:
    with closing(Decoders(Limits())) as found, pytest.raises(ImageError) as caught:
        found.clean(b"no picture", "../\ud800\x1b[2J<script>.png")
    assert str(caught.value) == "[2J<script>.png is not a picture"
