"""What a run of all tests says when one of its processes dies, which pytest-xdist keeps to itself.

Takes   a worker process of pytest-xdist that ended before its tests did
Gives   how it ended (its signal or status), and a run that fails
Never   starts another in its place: see the Makefile
"""

from __future__ import annotations

import signal
from subprocess import TimeoutExpired
from typing import Any

import pytest

DEATHS = pytest.StashKey[list[str]]()


def ending(node: Any) -> str:
    """Say how a worker's process ended, as its parent saw it."""
    try:
        status = node.gateway._io.popen.wait(timeout=10)  # execnet has no public way to ask
    except (AttributeError, TimeoutExpired):
        return "nobody knows how its process ended"
    if status >= 0:
        return f"its process ended with status {status}"
    name = signal.Signals(-status).name
    why = ": the system ends the largest process so when memory is short" if -status == 9 else ""
    return f"its process was ended by {name}{why}"


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    if error:
        deaths = node.config.stash.setdefault(DEATHS, [])
        deaths.append(f"[{node.gateway.id}] {ending(node)}")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for line in config.stash.get(DEATHS, []):
        terminalreporter.write_line(line, red=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that lost a worker, also where that had no test in hand: xdist would pass it."""
    if session.config.stash.get(DEATHS, []) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
