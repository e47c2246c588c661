"""Under which names the service answers.

Takes   the `Host` that a request names
Gives   whether it is ours
Never   answers to a name that somebody else made point here (DNS rebinding)
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from starlette.types import Scope

from papscope.serve.settings import ServeSettings

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_PORTS = {"http": 80, "https": 443}


def is_ours(scope: Scope, settings: ServeSettings) -> bool:
    """Tell whether a request names this service.

    It does by `localhost` or a loopback address, by the address at which it arrived, or by a name
    of the settings; and by the port at which it arrived, or one that the settings give with the
    name, or, behind a proxy, the scheme's own.
    """
    given = [value for key, value in scope["headers"] if key == b"host"]
    if len(given) != 1:
        return False
    found = _HOST.fullmatch(given[0].decode("latin-1").lower())
    if found is None:
        return False
    name, port = found["name"].rstrip("."), found["port"]
    usual = _PORTS.get(str(scope.get("scheme")), 80)
    asked = int(port) if port else usual
    if f"{name}:{asked}" in _with_ports(settings):
        return True
    arrived, at_port = scope.get("server") or (settings.host, settings.port)
    names = {
        *_LOOPBACK,
        _written(settings.host),
        _written(arrived),
        *map(str.lower, settings.names),
    }
    names -= {"0.0.0.0", "[::]"}  # noqa: S104  # all addresses are none that can be asked for
    ports = {at_port, usual} if settings.behind_proxy else {at_port}
    return name in names and asked in ports


def _with_ports(settings: ServeSettings) -> set[str]:
    return {name.lower() for name in settings.names if re.search(r":[0-9]+$", name)}


def _written(host: str) -> str:
    """Give a host as a URL has it: an IPv6 address stands in brackets.

    >>> _written("::1"), _written("192.0.2.7"), _written("lab")
    ('[::1]', '192.0.2.7', 'lab')
    """
    try:
        return f"[{host}]" if ip_address(host).version == 6 else host
    except ValueError:
        return host.lower()
