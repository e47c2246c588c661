"""Whether the service may open its door to the network.

Takes   the settings and the database
Gives   what to warn of, or why not
Never   lets a service be reached by others without accounts, or passwords cross a network readable
"""

from __future__ import annotations

from papscope.errors import SettingError
from papscope.serve.access.accounts import count_admins
from papscope.serve.access.tls import check_tls
from papscope.serve.clock import utc_now
from papscope.serve.settings import ServeSettings
from papscope.serve.store.database import Database


def refuse_open(settings: ServeSettings, database: Database) -> tuple[str, ...]:
    """Refuse to start where others could get in, and give what to warn of.

    Raises:
        SettingError: people must sign in and no administrator can; passwords would cross the
            network as they are typed; or the certificate cannot be used.
    """
    warnings = []
    if settings.tls_certificate is not None and settings.tls_key is not None:
        told = check_tls(settings.tls_certificate, settings.tls_key, utc_now())
        warnings += [told] if told else []
    elif not settings.on_loopback and not settings.behind_proxy:
        raise SettingError(
            f"others could read passwords and pictures on their way to {settings.host}",
            hint="give --tls-cert and --tls-key, or --behind-proxy with the address of one that "
            "speaks TLS",
        )
    if settings.wants_accounts and count_admins(database) == 0:
        raise SettingError(
            "people have to sign in, and there is no administrator yet",
            hint=f"papscope account add NAME --role admin {_where(settings)}",
        )
    if settings.behind_proxy and not settings.on_loopback:
        warnings.append(
            f"the way from the proxy to {settings.host}:{settings.port} is not encrypted: let "
            "nobody else reach that port"
        )
    if settings.host in ("0.0.0.0", "::") and not settings.names:  # noqa: S104  # compared only
        warnings.append("browsers may ask by address alone: give the machine's name by --name")
    return tuple(warnings)


def _where(settings: ServeSettings) -> str:
    if settings.database_url is not None:
        return "--database-url URL"
    return f"--home {settings.home}"
