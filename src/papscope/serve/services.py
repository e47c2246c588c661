"""All that a running service holds, opened in order and closed in the other.

Takes   the settings
Gives   one frozen record that every request is answered with
Never   listens to the network
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from sqlalchemy import select

from papscope.serve.clock import Clock, utc_now
from papscope.serve.images import ImageStore
from papscope.serve.intake.decoders import Decoders
from papscope.serve.models import Models, load_models
from papscope.serve.opening import opened_database
from papscope.serve.people import LOCAL
from papscope.serve.settings import ServeSettings
from papscope.serve.store.database import Database
from papscope.serve.store.tables import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What requests are answered with."""

    settings: ServeSettings
    database: Database
    images: ImageStore
    models: Models
    decoders: Decoders
    clock: Clock


@contextmanager
def opened(settings: ServeSettings, *, clock: Clock = utc_now) -> Iterator[Services]:
    """Open everything, and close it at the end.

    Raises:
        StoreError, SettingError, AuditError: the database cannot be used: see `opening`.
        BundleError, MissingExtra: a model cannot be used.
    """
    with opened_database(settings) as database, closing(Decoders(settings.limits)) as decoders:
        _ensure_local(database, clock)
        yield Services(
            settings=settings,
            database=database,
            images=ImageStore(settings.images),
            models=load_models(settings),
            decoders=decoders,
            clock=clock,
        )


def _ensure_local(database: Database, clock: Clock) -> None:
    """Make the account of whoever sits at this machine; nobody can sign in to it."""
    with database.transaction() as session:
        if session.scalar(select(Account).where(Account.name == LOCAL)) is None:
            session.add(Account(name=LOCAL, role="admin", password_hash="", created_at=clock()))
