"""Certificates for TLS, looked at before the service starts with them.

Takes   a certificate's file and its key's
Gives   when it ends, or what is wrong with the two
Never   shows a key, or talks to anybody
"""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from papscope.errors import SettingError

SOON = timedelta(days=30)
"""Before its end, within which a certificate is told of."""

_SEQUENCE, _UTC_TIME, _VERSION = 0x30, 0x17, 0xA0


def check_tls(certificate: Path, key: Path, now: datetime) -> str | None:
    """See that a certificate and its key can be used, and say so if only for a while.

    Args:
        certificate: PEM, with whatever certificates lead to a known authority after it.
        key: PEM, without a password.
        now: in UTC.

    Raises:
        SettingError: one cannot be read, they do not belong together, anybody may read the key, or
            the certificate has ended.
    """
    for file in (certificate, key):
        _see(file)
    if key.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        raise SettingError(f"anybody may read {key}", hint=f"chmod 600 {key}, and take a new key")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, _no_password)
        until = ends(certificate.read_text(encoding="ascii", errors="replace"))
    except (ssl.SSLError, ValueError, IndexError) as problem:
        raise SettingError(
            f"{certificate} and {key} are no certificate and its key ({problem})",
            hint="give PEM files that belong together; the key without a password",
        ) from None
    if until <= now:
        raise SettingError(f"the certificate ended on {until:%Y-%m-%d}", hint="renew it")
    if until - now < SOON:
        return f"the certificate ends on {until:%Y-%m-%d}: renew it, and start the service again"
    return None


def ends(pem: str) -> datetime:
    """Give when the first certificate of a PEM file ends, in UTC (RFC 5280, 4.1).

    Raises:
        ValueError, IndexError: that is no certificate.
    """
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    first = begin + pem.partition(begin)[2].partition(end)[0] + end
    whole = ssl.PEM_cert_to_DER_cert(first)
    fields = _parts(_parts(_parts(whole)[0][1])[0][1])
    if fields[0][0] == _VERSION:
        fields = fields[1:]
    kind, text = _parts(fields[3][1])[1]  # after number, algorithm and issuer: from, until
    digits = text.decode("ascii").removesuffix("Z")
    if kind == _UTC_TIME:
        digits = ("19" if digits >= "50" else "20") + digits
    return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _parts(data: bytes) -> list[tuple[int, bytes]]:
    """Give the elements that stand one after the other in DER, each with its kind."""
    found, at = [], 0
    while at < len(data):
        kind, size, at = data[at], data[at + 1], at + 2
        if size & 0x80:
            many = size & 0x7F
            size, at = int.from_bytes(data[at : at + many], "big"), at + many
        found.append((kind, data[at : at + size]))
        at += size
    return found


def _see(file: Path) -> None:
    try:
        with file.open("rb") as opened:
            opened.read(1)
    except OSError as problem:
        raise SettingError(
            f"{file} cannot be read ({problem.strerror})",
            hint="give a file that whoever runs the service may read",
        ) from None


def _no_password() -> str:
    raise ValueError("the key has a password")
