"""How many requests `papscope serve` answers, and how fast, beside the engine that it runs on.

Takes   a model, numbers of clients, and how long each shall ask
Gives   a table on standard output, with ratios against the bare engine, and the machine
Never   measures a network: server and clients are two processes on one machine's loopback

Each client keeps one connection, sends one picture, waits for the answer and sends the next. Just
before and after each row the bare engine answers for the same pictures, which lie in memory as
squares, with nothing around it; the row's ratio is against the mean of the two, so that whatever
else the machine does falls on both. The clients' own work is on the same processor, and counts
against the service.

    python benchmarks/service.py
    python benchmarks/service.py --quick
    PAPSCOPE_DATA=../shared/data python benchmarks/service.py --threads 2 --seconds 30
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import multiprocessing
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import mean, quantiles

import numpy as np
from PIL import Image

from papscope.image import decode
from papscope.predict.onnx_engine import usable_cores
from papscope.predict.predictor import Predictor, load
from papscope.preprocess import to_square

CLIENTS = (1, 16, 128)
PICTURES = 64


@dataclass(frozen=True)
class Asked:
    """What a number of clients has met with."""

    clients: int
    seconds: float
    """From the first request to the last answer."""
    waits: tuple[float, ...]
    """Seconds of each request that was answered, in ascending order."""
    statuses: dict[int, int]

    @property
    def rate(self) -> float:
        """Requests that were answered, a second."""
        return len(self.waits) / self.seconds

    def share(self, percent: int) -> float:
        """The milliseconds within which so many per cent were answered."""
        if len(self.waits) < 2:
            return 1000 * sum(self.waits)
        return 1000 * quantiles(self.waits, n=100, method="inclusive")[percent - 1]


def pictures() -> tuple[list[bytes], str]:
    """Give files of CRIC's or Herlev's cells, or made ones."""
    data = Path(os.environ.get("PAPSCOPE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    found = sorted(one for one in data.glob("herlev/*/*.jpg") if not one.stem.endswith("-d"))
    if len(found) >= PICTURES:
        step = len(found) // PICTURES
        return [one.read_bytes() for one in found[::step][:PICTURES]], "Herlev's cells"
    draw, made = np.random.default_rng(0), []
    for _ in range(PICTURES):
        held = io.BytesIO()
        coarse = Image.fromarray(draw.integers(60, 250, (9, 9, 3), dtype=np.uint8))
        coarse.resize((100, 100), Image.Resampling.BICUBIC).save(held, "PNG")
        made.append(held.getvalue())
    return made, "made pictures"


@contextmanager
def serving(home: Path, options: argparse.Namespace) -> Iterator[tuple[str, int]]:
    """Run a server in a process of its own, and give its address."""
    words = ["--home", str(home), "--port", "0", "--threads", str(options.threads)]
    words += ["--model", options.model] if options.model else []
    command = [sys.executable, "-m", "papscope", "serve", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = None
        while found is None and (line := process.stderr.readline()):
            found = re.search(r"http://([\d.]+):(\d+)", line)
        if found is None:
            sys.exit("the server did not start")
        try:
            yield found[1], int(found[2])
        finally:
            process.terminate()


async def one_client(
    address: tuple[str, int], bodies: Sequence[bytes], start: int, until: float
) -> list[tuple[int, float]]:
    """Ask again and again over one connection; give each answer's status and seconds."""
    reader, writer = await asyncio.open_connection(*address)
    met = []
    for place in count(start):
        begun = time.perf_counter()
        if begun >= until:
            break
        writer.write(bodies[place % len(bodies)])
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        assert length is not None
        answer = json.loads(await reader.readexactly(int(length[1])))
        status = int(head[9:12])
        assert status != 200 or answer["images"][0]["label"]
        met.append((status, time.perf_counter() - begun))
        if status == 429:
            wait = re.search(rb"retry-after: (\d+)", head, re.IGNORECASE)
            await asyncio.sleep(float(wait[1]) if wait else 1)
    writer.close()
    return met


async def crowd(
    address: tuple[str, int], files: Sequence[bytes], clients: int, seconds: float
) -> Asked:
    """Let so many clients ask at once for so long."""
    host = f"Host: {address[0]}:{address[1]}\r\nContent-Type: image/png\r\n"
    bodies = [
        f"POST /v1/predict HTTP/1.1\r\n{host}Content-Length: {len(one)}\r\n\r\n".encode() + one
        for one in files
    ]
    begun = time.perf_counter()
    each = await asyncio.gather(
        *(one_client(address, bodies, 7 * place, begun + seconds) for place in range(clients))
    )
    took = time.perf_counter() - begun
    met = [one for client in each for one in client]
    waits = sorted(wait for status, wait in met if status == 200)
    return Asked(clients, took, tuple(waits), dict(Counter(status for status, _ in met)))


def ask(address: tuple[str, int], files: Sequence[bytes], clients: int, seconds: float) -> Asked:
    """Let clients ask; run in a process of its own."""
    return asyncio.run(crowd(address, files, clients, seconds))


def bare(model: Predictor, files: Sequence[bytes], seconds: float) -> float:
    """Give the images a second of the engine alone, by batches of squares in memory."""
    squares = np.stack([to_square(decode(one, "picture"), model.about.preprocess) for one in files])
    begun, done = time.perf_counter(), 0
    while time.perf_counter() < begun + seconds:
        model.engine.probabilities(squares[:32])
        done += min(32, len(squares))
    return done / (time.perf_counter() - begun)


def machine() -> str:
    """Say what it was measured on."""
    info, name = Path("/proc/cpuinfo"), platform.machine()
    if info.exists():
        lines = [one for one in info.read_text().splitlines() if one.startswith("model name")]
        name = lines[0].partition(":")[2].strip() if lines else name
    return (
        f"machine: {name}, {usable_cores()} cores, {platform.system()}, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} before"
    )


def asked_for() -> argparse.Namespace:
    """Read the command line."""
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--model", help="a bundle's folder or a shipped model's name")
    reader.add_argument("--threads", type=int, default=usable_cores())
    reader.add_argument("--seconds", type=float, default=20.0, help="of each row")
    reader.add_argument("--clients", type=int, nargs="+", default=list(CLIENTS))
    reader.add_argument("--quick", action="store_true", help="two seconds a row, to see it work")
    options = reader.parse_args()
    options.seconds = 2.0 if options.quick else options.seconds
    return options


def main() -> None:
    """Measure, and print the table."""
    options = asked_for()
    files, what = pictures()
    model = load(options.model, threads=options.threads)
    print(
        f"{machine()}\nmodel {model.digest[:12]}, {options.threads} threads; {what}, one a request"
    )
    print("clients  requests/s   p50 ms   p95 ms   p99 ms  bare images/s  service/bare  others")
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        with context.Pool(1) as pool, serving(home, options) as address:
            pool.apply(ask, (address, files, 1, min(2.0, options.seconds)))  # before the clock runs
            before = bare(model, files, options.seconds / 4)
            for clients in options.clients:
                found = pool.apply(ask, (address, files, clients, options.seconds))
                after = bare(model, files, options.seconds / 4)
                limit = mean((before, after))
                times = "".join(f"{found.share(percent):9.0f}" for percent in (50, 95, 99))
                others = {status: n for status, n in found.statuses.items() if status != 200}
                print(
                    f"{clients:>7} {found.rate:>11.1f}{times} {limit:>14.1f} "
                    f"{found.rate / limit:>13.2f}  {others or '-'}",
                    flush=True,
                )
                before = after


if __name__ == "__main__":
    main()
