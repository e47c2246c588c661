"""What every service that is opened does anew, done once for all tests of a run.

A model that was read answers in the next service too, a decoder that was started decodes for it,
and the statements that lay out a database are said again without being worked out again. Whatever
else is opened goes its usual way.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from papscope.bundle import DESCRIPTION
from papscope.errors import Busy
from papscope.serve import opening, services
from papscope.serve.intake.decoders import Cleaned, Decoders
from papscope.serve.models import Models, load_models
from papscope.serve.settings import Limits, ServeSettings
from papscope.serve.store import upgrade as upgrading
from papscope.serve.store.database import Database
from papscope.shipped import find_bundle

_CHANGES = ("CREATE", "INSERT", "UPDATE", "ALTER", "DROP")


class Lent:
    """Decoders that go on when the service that they were lent to is closed."""

    def __init__(self, whole: Decoders) -> None:
        self._whole, self._closed = whole, False
        self.pids, self.start = whole.pids, whole.start

    def clean(self, data: bytes, name: str) -> Cleaned:
        """Decode a picture, unless the service was closed."""
        if self._closed:
            raise Busy("the service is stopping", hint="send it again later", retry_after=5)
        return self._whole.clean(data, name)

    def close(self) -> None:
        """Decode nothing more for this service."""
        self._closed = True


@contextmanager
def quickly() -> Iterator[None]:
    """Let services open quickly for as long as the block takes."""
    models: dict[Hashable, Models] = {}
    decoders: dict[Hashable, Decoders] = {}
    said: dict[Hashable, list[tuple[str, Any]]] = {}

    def models_of(settings: ServeSettings) -> Models:
        folders = [find_bundle(word).folder for word in settings.models or (None,)]
        told = tuple((str(one), (one / DESCRIPTION).read_bytes()) for one in folders)
        key = (told, settings.device, settings.threads)
        if key not in models:
            models[key] = load_models(settings)
        return Models({name: replace(one) for name, one in models[key].each.items()})

    def decoders_of(limits: Limits, workers: int) -> Lent:
        key = (limits, workers)
        if key not in decoders:
            decoders[key] = Decoders(limits, workers)
        return Lent(decoders[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "load_models", models_of)
        patch.setattr(services, "Decoders", decoders_of)
        patch.setattr(opening, "upgrade", lambda database: _laid_out(database, said))
        yield
    for one in decoders.values():
        one.close()


def _laid_out(database: Database, said: dict[Hashable, list[tuple[str, Any]]]) -> None:
    """Bring a database up to date: an empty one by what was said to the first such one."""
    key = (database.url.get_backend_name(), upgrading._STEPS)
    if upgrading.layout_of(database) is not None:
        upgrading.upgrade(database)
    elif key in said:
        with database.transaction() as session:
            for statement, values in said[key]:
                session.connection().exec_driver_sql(statement, values or None)
    else:
        with _heard(database) as lines:
            upgrading.upgrade(database)
        said[key] = lines


@contextmanager
def _heard(database: Database) -> Iterator[list[tuple[str, Any]]]:
    lines: list[tuple[str, Any]] = []

    def hear(*told: Any) -> None:
        if told[2].lstrip().startswith(_CHANGES):
            lines.append((told[2], told[3]))

    listen: tuple[Any, str, Callable[..., None]] = (
        database.engine, "before_cursor_execute", hear,
    )  # fmt: skip
    event.listen(*listen)
    try:
        yield lines
    finally:
        event.remove(*listen)
