"""What runs in a decoder's own process: picture after picture, until nobody asks any more.

Takes   pictures, over standard input, each with its name
Gives   pixels, or why not, over standard output
Never   opens a file, connects to anything, or takes more memory or time than it was given

`frames` says how requests and answers are laid out. The process ends with its standard input,
which the kernel closes when the service ends in whatever way. One that hangs in a decoder just
then is ended by its own alarm.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import BinaryIO

from PIL import Image

from papscope.errors import ImageError
from papscope.image import Pixels, decode, facts
from papscope.serve.intake import frames

GRACE_SECONDS = 5.0
"""That the service has to end this process itself, before it does."""


def main() -> None:
    """Answer until standard input ends. Arguments: pixels, bytes of memory, seconds a picture."""
    pixels, memory, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    Image.init()  # what would be imported with the first file of its kind can be no longer then
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # libraries print; not among the answers
    _confine(memory)
    answers.write(frames.READY)
    answers.flush()
    while (asked := frames.read_request(sys.stdin.buffer)) is not None:
        _set_alarm(seconds + GRACE_SECONDS)
        going_on = _answer(answers, *asked, pixels)
        _set_alarm(0)
        del asked
        if not going_on:
            break


def _answer(answers: BinaryIO, data: bytes, name: str, limit: int) -> bool:
    """Answer one request, and say whether this process is fit for the next."""
    try:
        frames.write_pixels(answers, _decoded(data, name, limit))
    except ImageError as error:
        starved = isinstance(error.__context__, MemoryError)
        frames.write_refusal(answers, _starved(name) if starved else error)
        return not starved
    except MemoryError:
        frames.write_refusal(answers, _starved(name))
        return False
    return True


def _decoded(data: bytes, name: str, limit: int) -> Pixels:
    found = facts(data, name)
    if found.width * found.height > limit:
        raise ImageError(
            f"{name} is too large: {found.width} x {found.height} pixels",
            hint=f"cut it into fields of at most {limit:,} pixels",
            reason="too-large",
        )
    return decode(data, name)


def _starved(name: str) -> ImageError:
    return ImageError(
        f"{name} takes more memory to decode than one picture is given",
        hint="save it as an ordinary PNG, or cut it into smaller fields",
        reason="too-large",
    )


def _confine(memory: int) -> None:
    """Give up what decoding does not need: memory without end, files, sockets, processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service,
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # which still waits for answers while it stops
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    after_last = 1 + max(int(one) for one in _open_files())
    wanted = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: after_last,
    }
    for kind, most in wanted.items():
        with contextlib.suppress(ValueError, OSError):  # not every system has or keeps each
            resource.setrlimit(kind, (most, most))


def _open_files() -> list[int]:
    """Give the numbers of open files, of which there are few."""
    found = []
    for number in range(64):
        with contextlib.suppress(OSError):
            os.fstat(number)
            found.append(number)
    return found


def _set_alarm(seconds: float) -> None:
    """Let the kernel end this process after so many seconds; 0 takes that back."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    main()
