"""All that a running service holds, opened in order and closed in the other.

Takes   the settings
Gives   one frozen record that every request is answered with
Never   listens to the network
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

from sqlalchemy import select

from papscope.predict.onnx_engine import usable_cores
from papscope.serve.access.accounts import Accounts
from papscope.serve.access.passwords import Hasher
from papscope.serve.access.sign_ins import Gate, SignIns
from papscope.serve.access.slowing import Slowing
from papscope.serve.batching import Batcher
from papscope.serve.clock import Clock, utc_now
from papscope.serve.explaining import Explainer
from papscope.serve.images import ImageStore
from papscope.serve.intake.decoders import Decoders
from papscope.serve.metrics import Metrics
from papscope.serve.models import Models, load_models
from papscope.serve.opening import opened_database
from papscope.serve.people import LOCAL
from papscope.serve.runner import Runner
from papscope.serve.settings import ServeSettings
from papscope.serve.store.database import Database
from papscope.serve.store.tables import Account

_MOST_DECODERS = 4
"""Processes that decode: more only wait for the model, and each holds a picture in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What requests are answered with."""

    settings: ServeSettings
    database: Database
    images: ImageStore
    models: Models
    decoders: Decoders
    batcher: Batcher
    runner: Runner
    explainer: Explainer
    metrics: Metrics
    gate: Gate
    clock: Clock

    @property
    def accounts(self) -> Accounts:
        """Who may use the service."""
        return Accounts(self.database, self.clock, self.gate.hasher)


@contextmanager
def opened(settings: ServeSettings, *, clock: Clock = utc_now) -> Iterator[Services]:
    """Open everything, and close it at the end.

    Raises:
        StoreError, SettingError, AuditError: the database cannot be used: see `opening`.
        BundleError, MissingExtra: a model cannot be used.
    """
    with ExitStack() as stack:
        database = stack.enter_context(opened_database(settings))
        _ensure_local(database, clock)
        models, images, metrics = load_models(settings), ImageStore(settings.images), Metrics()
        metrics.know(models)
        workers = min(_MOST_DECODERS, settings.threads or usable_cores())
        decoders = stack.enter_context(closing(Decoders(settings.limits, workers)))
        batcher = stack.enter_context(closing(Batcher(settings.limits, metrics)))
        runner = Runner(database, images, models, batcher, clock)
        runner.start()
        stack.enter_context(closing(runner))
        yield Services(
            settings=settings,
            database=database,
            images=images,
            models=models,
            decoders=decoders,
            batcher=batcher,
            runner=runner,
            explainer=Explainer(images, batcher, settings.limits.explain_seconds),
            metrics=metrics,
            gate=Gate(SignIns(database, clock, settings.session_hours), Hasher(), Slowing()),
            clock=clock,
        )


def _ensure_local(database: Database, clock: Clock) -> None:
    """Make the account of whoever sits at this machine; nobody can sign in to it."""
    with database.transaction() as session:
        if session.scalar(select(Account).where(Account.name == LOCAL)) is None:
            session.add(Account(name=LOCAL, role="admin", password_hash="", created_at=clock()))
