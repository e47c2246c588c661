"""The audit log: who did what to which picture by which model, each entry bound to the last.

Takes   an open transaction, and what happened in it
Gives   an entry that is kept if and only if the transaction is
Never   notes down anything that points to a patient, or changes an entry

Each entry's hash is the SHA-256 of the hash before it and of its own content as canonical JSON, so
that an entry that was changed, removed or moved breaks the chain from there on. The construction is
that of S. Haber and W. S. Stornetta, J. Cryptology 3, 99-111, 1991. Anybody can check the chain;
so that nobody who only reaches the database can write another one, each hash is sealed with a key
that lies outside it: see `sealing`. What finds a break is `auditing`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from papscope.serve.sealing import FIRST, Head, Seal
from papscope.serve.store.database import APPENDED, SEAL
from papscope.serve.store.tables import AuditEntry, AuditHead

__all__ = ["FIRST", "Entry", "Event", "hash_of", "record"]

_HEAD = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened."""

    what: str
    """As `predicted`, `verdict-given`, `signed-in`, `case-deleted`."""
    who: str
    """The account's name, or `service` for what it does by itself."""
    case_id: str | None = None
    image_digest: str | None = None
    model_digest: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    """JSON values; never a file's name, a note or a title, which may name a patient."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the log as it lies in the database or in a backup; each field as in the table."""

    number: int
    at: str
    who: str
    what: str
    case_id: str | None
    image_digest: str | None
    model_digest: str | None
    details: str
    before: str
    hash: str
    seal: str


def record(session: Session, at: datetime, *events: Event) -> None:
    """Append entries to the log, in the transaction that did what they tell.

    Whoever appends waits until another's transaction that has appended ends; so append last.

    Args:
        session: of `Database.transaction`.
        at: when, in UTC.
        events: what happened, in order.

    Raises:
        RuntimeError: the database was opened without the log's key: use `opening`.
    """
    seal = session.info.get(SEAL)
    if not isinstance(seal, Seal):
        raise RuntimeError("the database was opened without the audit log's key")
    head = session.execute(
        select(AuditHead).where(AuditHead.id == _HEAD).with_for_update()
    ).scalar_one()
    for event in events:
        entry = _entry(event, at, head.number + 1, head.hash)
        entry.seal = seal.of_entry(entry.hash)
        session.add(entry)
        head.number, head.hash = entry.number, entry.hash
    session.info[APPENDED] = Head(head.number, head.hash)


def _entry(event: Event, at: datetime, number: int, before: str) -> AuditEntry:
    facts = asdict(event)
    facts["details"] = json.dumps(
        event.details, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":")
    )
    entry = AuditEntry(number=number, at=at.isoformat(), before=before, hash="", seal="", **facts)
    entry.hash = hash_of(entry)
    return entry


def hash_of(entry: AuditEntry | Entry) -> str:
    """Give the hash that an entry must have, by its content and the hash before it."""
    content = [
        entry.number,
        entry.at,
        entry.who,
        entry.what,
        entry.case_id,
        entry.image_digest,
        entry.model_digest,
        entry.details,
    ]
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return sha256(f"{entry.before}\n{text}".encode()).hexdigest()
