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


@contextmanager
def server(binaries: Path) -> Iterator[str]:
    """Run a server on a free port of loopback, and give its URL without a database's name."""
    as_root = os.geteuid() == 0
    user = "postgres" if as_root else None  # PostgreSQL refuses to run as root
    with tempfile.TemporaryDirectory(prefix="papscope-pg-") as name:
        folder = Path(name)
        if as_root:
            shutil.chown(folder, "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        data = folder / "data"
        subprocess.run(
            [str(binaries / "initdb"), "-D", str(data), "-U", "papscope", "-Atrust", "-N"],
            check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        settings = f"-p {port} -k {folder} -h 127.0.0.1 -F -c max_connections=60"
        control = [str(binaries / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log")]
        subprocess.run(
            [*control, "-o", settings, "start"],
            check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield f"postgresql://papscope@127.0.0.1:{port}"
        finally:
            subprocess.run(
                [*control, "-m", "immediate", "stop"],
                check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL,
            )  # fmt: skip
