"""A PostgreSQL server of the tests' own, started where its programs are installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GIVEN = "PAPSCOPE_POSTGRES_URL"
"""Names a server to use instead: a URL of a database whose user may create others."""


def programs() -> Path | None:
    """Give the folder of initdb and postgres; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return places[-1].parent if places else None


class Cluster:
    """A server with a folder of its own, which can be stopped and started again."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        as_root = os.geteuid() == 0
        self._user = "postgres" if as_root else None  # PostgreSQL refuses to run as root
        self._binaries, self._folder = binaries, folder
        if as_root:
            shutil.chown(folder, "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._run("initdb", "-U", "papscope", "-Atrust", "-N")

    @property
    def url(self) -> str:
        """Without a database's name."""
        return f"postgresql://papscope@127.0.0.1:{self._port}"

    def start(self) -> None:
        settings = f"-p {self._port} -k {self._folder} -h 127.0.0.1 -F -c max_connections=60"
        self._run("pg_ctl", "-w", "-l", str(self._folder / "log"), "-o", settings, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def _run(self, program: str, *words: str) -> None:
        command = [str(self._binaries / program), "-D", str(self._folder / "data"), *words]
        subprocess.run(
            command, check=True, user=self._user, cwd=self._folder, stdout=subprocess.DEVNULL
        )


@contextmanager
def cluster(binaries: Path) -> Iterator[Cluster]:
    """Run a server on a free port of loopback."""
    with tempfile.TemporaryDirectory(prefix="papscope-pg-") as name:
        found = Cluster(binaries, Path(name))
        found.start()
        try:
            yield found
        finally:
            found.stop()


@contextmanager
def server(binaries: Path) -> Iterator[str]:
    """Run a server on a free port of loopback, and give its URL without a database's name."""
    with cluster(binaries) as found:
        yield found.url
