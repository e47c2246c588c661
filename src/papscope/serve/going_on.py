"""Going on with an audit log that is broken or has lost its key, so that all can see it.

Takes   the settings of a service that is stopped, and why it is to go on
Gives   a log that goes on from where it ends now, with an entry that tells what was found
Never   mends or removes an entry, or lets what was known of the old end go
"""

from __future__ import annotations

from contextlib import closing
from datetime import datetime

from papscope.errors import AuditError, SettingError
from papscope.files import told_of_disk
from papscope.serve.audit import Event, record
from papscope.serve.auditing import verify
from papscope.serve.holding import holding
from papscope.serve.opening import end_of
from papscope.serve.people import LOCAL
from papscope.serve.sealing import Head, found_seal, key_file, made_seal
from papscope.serve.settings import ServeSettings
from papscope.serve.store.database import Database
from papscope.serve.store.upgrade import upgrade

_LONGEST = 500


def accept(settings: ServeSettings, reason: str, at: datetime) -> Head:
    """Let a log go on that `verify` finds a break in, or whose key is gone; give its new end.

    Args:
        settings: of the service, which must not be running.
        reason: in words, without anything that points to a patient.
        at: the time.

    Raises:
        SettingError: there is no reason, or nothing is wrong with the log.
        Conflict: the service is running.
        StoreError: the database cannot be used.
        AuditError: the very row that tells the log's end is gone.
    """
    if not reason.strip() or len(reason) > _LONGEST:
        raise SettingError(
            f"the reason is empty or longer than {_LONGEST} letters", hint="say why, in a sentence"
        )
    with (
        holding(settings.home),
        closing(Database(settings.url_of_database, seal=found_seal(settings.home))) as database,
    ):
        upgrade(database)
        details = {"reason": reason.strip(), **_found(database)}
        end = end_of(database)
        _set_aside(settings, at)
        database.seal = made_seal(settings.home, end)
        with database.transaction() as session:
            record(session, at, Event(what="break-accepted", who=LOCAL, details=details))
        return end_of(database)


def _found(database: Database) -> dict[str, object]:
    if database.seal is None:
        return {"found": "the key was not in the home"}
    try:
        noted = database.seal.noted()
        broken = verify(database).broken
    except AuditError as problem:  # the noted end itself
        return {"found": str(problem.args[0]).rpartition("/")[2]}
    if broken is None:
        raise SettingError("nothing is wrong with the audit log", hint="simply go on")
    return {
        "found": f"entry {broken.number}: {broken.why}",
        "noted": str(noted) if noted else None,
    }


def _set_aside(settings: ServeSettings, at: datetime) -> None:
    aside = settings.home / f"before-accept-{at:%Y%m%dT%H%M%SZ}"
    with told_of_disk(aside):
        aside.mkdir(mode=0o700)
        for place in (key_file(settings.home), settings.home / "audit.head"):
            if place.exists():
                place.rename(aside / place.name)
