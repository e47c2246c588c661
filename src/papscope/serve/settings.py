"""How the service is set up, as one frozen record.

Takes   the options of `papscope serve`
Gives   settings that make sense together, or says which do not
Never   reads a file, the network or the environment
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path

from papscope.errors import SettingError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the service takes on; what is more is refused before it is read, not after."""

    upload_bytes: int = 2_000_000_000
    """Of one request's body."""
    file_bytes: int = 200_000_000
    """Of one picture, as it was sent or as it lies in an archive."""
    files: int = 10_000
    """Of pictures in one upload, those in archives counted."""
    pixels: int = 100_000_000
    """Of one picture."""
    unpacked_bytes: int = 8_000_000_000
    """Of all that one archive holds."""
    upload_seconds: float = 600.0
    """Within which a request's body must have come."""
    idle_seconds: float = 30.0
    """Within which the next piece of a request's body must come."""
    decode_seconds: float = 20.0
    """Within which one picture must have been decoded."""
    explain_seconds: float = 60.0
    """Within which a map of what one answer rests on must have been made."""
    predict_files: int = 64
    """Of pictures that one `POST /v1/predict` may hold: more are a job."""
    waiting: int = 256
    """Of pictures that wait for the model on behalf of `POST /v1/predict`; more get 429."""
    jobs: int = 100
    """Of jobs that wait or run; more get 429."""
    free_bytes: int = 200_000_000
    """Of room on the disk below which no upload is taken."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise SettingError(
                    f"the limit {name} is {getattr(self, name)}", hint="give more than 0"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """All that `papscope serve` can be told."""

    home: Path
    """The folder in which the service keeps pictures, and its database unless one is named."""
    database_url: str | None = None
    """SQLAlchemy's; None for an SQLite file in `home`."""
    host: str = "127.0.0.1"
    port: int = 8000
    models: tuple[str, ...] = ()
    """Bundles' folders or names of shipped models; the first answers where none is named. Empty
    for the default model."""
    device: str = "auto"
    threads: int = 0
    """Of the processor, for the network and for decoding; 0 decides by the machine."""
    accounts: bool = False
    """Whether people must sign in even on this machine; off it they always must."""
    names: tuple[str, ...] = ()
    """The host names by which browsers may ask, beside `localhost` and the address itself."""
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    behind_proxy: tuple[str, ...] = ()
    """Addresses of proxies whose word on the sender's address and on TLS is believed."""
    session_hours: float = 12.0
    """After which a sign-in ends; half an hour's rest never ends it."""
    retention_days: int | None = None
    """After which a case is deleted; None keeps all."""
    stop_seconds: float = 20.0
    """That what runs is given to end when the service is stopped."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise SettingError(f"the port is {self.port}", hint="give 0 to 65535; 0 takes any")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise SettingError(
                "TLS wants a certificate and its key", hint="give both --tls-cert and --tls-key"
            )
        for proxy in self.behind_proxy:
            _check_proxy(proxy)
        if self.threads < 0 or self.session_hours <= 0 or self.stop_seconds <= 0:
            raise SettingError("threads, hours and seconds are not negative", hint="give more")
        if self.retention_days is not None and self.retention_days < 1:
            raise SettingError(
                f"cases cannot be kept for {self.retention_days} days", hint="give 1 or more"
            )

    @property
    def on_loopback(self) -> bool:
        """Whether nobody but this machine can reach the service.

        >>> ServeSettings(home=Path("lab")).on_loopback
        True
        >>> ServeSettings(home=Path("lab"), host="0.0.0.0").on_loopback
        False
        """
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:  # a name: where it leads is not ours to know
            return False

    @property
    def wants_accounts(self) -> bool:
        """Whether people must sign in: what a proxy sends does not come from this machine."""
        return self.accounts or not self.on_loopback or bool(self.behind_proxy)

    @property
    def url_of_database(self) -> str:
        """Where the database is, with the driver that papscope brings."""
        if self.database_url is None:
            return f"sqlite:///{self.home.resolve() / 'papscope.sqlite'}"
        scheme, mark, rest = self.database_url.partition("://")
        if scheme in ("postgres", "postgresql"):
            scheme = "postgresql+pg8000"
        return scheme + mark + rest

    @property
    def images(self) -> Path:
        """The folder of the pictures."""
        return self.home / "images"

    @property
    def incoming(self) -> Path:
        """The folder of uploads that are still coming: files without names, gone with a crash."""
        return self.home / "incoming"


def _check_proxy(text: str) -> None:
    try:
        ip_network(text)
    except ValueError:
        raise SettingError(
            f"{text!r} is no address of a proxy",
            hint="give the address from which it asks, as 127.0.0.1, or a network, as 10.0.3.0/29",
        ) from None
