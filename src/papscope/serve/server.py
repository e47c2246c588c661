"""The service on the network: started, and stopped without dropping what it has begun.

Takes   the settings
Gives   a process that answers until it is told to stop
Never   listens where somebody could get in unseen, or works on a home that another one serves
"""

from __future__ import annotations

import logging
import signal
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

import uvicorn

from papscope.errors import SettingError
from papscope.serve.access.opening import refuse_open
from papscope.serve.app import create_app
from papscope.serve.connections import Patient
from papscope.serve.holding import holding
from papscope.serve.retention import Expiring
from papscope.serve.services import Services, opened
from papscope.serve.settings import ServeSettings

_BACKLOG = 4096
"""Connections that the system holds for us until we get to them."""
_KEEP_ALIVE_SECONDS = 30
_HEAD_BYTES = 65_536
"""Of a request's line and headers."""
_FILES = 65_536
"""Connections and files that we would like to have open at once, if the system lets us."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve(settings: ServeSettings, tell: Callable[[str], None]) -> None:
    """Answer until SIGTERM or SIGINT comes.

    Then nothing new is accepted, what runs may end within `stop_seconds`, and jobs end the step
    that is at work; they go on at the next start.

    Args:
        settings: all that the service is told.
        tell: hears what a person who has started it should know.

    Raises:
        Conflict: another service has that home.
        SettingError: the address cannot be used, or the settings would let strangers in.
        StoreError, AuditError: the database cannot be used.
        BundleError, MissingExtra: a model cannot be used.
        DiskError: the home cannot be written.
    """
    with holding(settings.home), _bound(settings) as listening, opened(settings) as services:
        for warning in refuse_open(settings, services.database):
            tell(f"warning: {warning}")
        _more_files()
        _hush_forms()
        services.decoders.start()
        where = f"papscope answers at {_url(settings, listening)}  (stop: Ctrl+C)"
        server = _Server(_config(settings, services), services, lambda: tell(where))
        with Expiring(services):
            server.run(sockets=[listening])


def _config(settings: ServeSettings, services: Services) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(services),
        http=Patient,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the door reads them, from whom it believes
        backlog=_BACKLOG,
        limit_concurrency=None,  # what is too much is told where it is known what it is for
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, round(settings.stop_seconds)),
        h11_max_incomplete_event_size=_HEAD_BYTES,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it begins and stops, and ends with status 0."""

    def __init__(
        self, config: uvicorn.Config, services: Services, begun: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._services, self._begun = services, begun

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # uvicorn's own raises the signal once more at the end, which would end the process before
        # the runner has written down its step.
        before = {one: signal.signal(one, self.handle_exit) for one in _SIGNALS}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._begun()  # not before: whoever hears it may ask, or stop us

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._services.runner.stop_soon()  # those who follow a job go, so that the rest can end
        await super().shutdown(sockets)


@contextmanager
def _bound(settings: ServeSettings) -> Generator[socket.socket, None, None]:
    """Take the address before anything else is done; nobody gets through until we listen."""
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as problem:
        raise _unusable(settings, problem) from None
    with listening:
        try:
            if sys.platform != "win32":  # there it would let two servers have the same port
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
        except OSError as problem:
            raise _unusable(settings, problem) from None
        yield listening


def _unusable(settings: ServeSettings, problem: OSError) -> SettingError:
    return SettingError(
        f"the address {settings.host}, port {settings.port} cannot be used: "
        f"{problem.strerror or problem}",
        hint="give another --port (0 takes any that is free), or stop what uses it",
    )


def _hush_forms() -> None:
    """Keep senders from filling the log: a line for each damaged form tells nobody anything."""
    logging.getLogger("python_multipart").setLevel(logging.ERROR)


def _url(settings: ServeSettings, listening: socket.socket) -> str:
    scheme = "http" if settings.tls_certificate is None else "https"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    if settings.host in ("0.0.0.0", "::"):  # noqa: S104 -- every address: name one to go to
        host = settings.names[0] if settings.names else "localhost"
    return f"{scheme}://{host}:{listening.getsockname()[1]}"


def _more_files() -> None:
    """Let the process open as many connections and files as the system lets it, if it asks."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
