"""The audit log, looked through: is each entry the one that was written, and is none missing?

Takes   a database, what its home noted, and an end of the log that somebody wrote down elsewhere
Gives   the first entry that is wrong and why, or that none is
Never   mends anything, or holds more than one entry at a time
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from hmac import compare_digest

from sqlalchemy import select
from sqlalchemy.orm import Session

from papscope.errors import AuditError, SettingError
from papscope.progress import Tell, silent
from papscope.serve.audit import Entry, hash_of
from papscope.serve.sealing import FIRST, Head, Seal
from papscope.serve.store.database import SEAL, Database
from papscope.serve.store.tables import AuditEntry, AuditHead

NOTES = 20
"""Of notes that are kept; more are counted."""

_PIECE = 1000

_TURN = timedelta(minutes=1)
"""By which an entry may be older than the one before it, though the clock went on: what happens at
the same time asks for the time first, and then waits for its turn to append, up to half of this."""


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where the log is not what was written."""

    number: int
    """Of the first entry that is wrong or missing."""
    why: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What looking through a log came to."""

    end: Head
    """The last entry that was found right."""
    broken: Break | None
    sealed: int
    """Of the entries, those whose seal could be checked, as the key is here."""
    notes: tuple[str, ...]
    """What is no breach, but worth knowing; the first few."""
    notes_in_all: int

    def or_raise(self) -> Verified:
        """Give this, or raise what is wrong.

        Raises:
            AuditError: an entry is wrong; the message says which.
        """
        if self.broken is not None:
            raise AuditError(
                f"entry {self.broken.number} of the audit log is the first wrong one: "
                f"{self.broken.why}",
                hint="keep the database and the home as evidence: see how-to/audit",
            )
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a log from outside its entries."""

    seal: Seal | None = None
    """None where there is no key: then the chain alone is looked at."""
    ends: tuple[tuple[str, Head], ...] = ()
    """Who says so, and an entry that there must be."""
    last: Head | None = None
    """The very last entry, as the log's own row says; None where that is not known."""


@dataclass(slots=True)
class _Walk:
    known: Known
    end: Head = field(default_factory=lambda: Head(0, FIRST))
    at: str = ""
    sealed: int = 0
    notes: list[str] = field(default_factory=list)
    notes_in_all: int = 0

    def note(self, text: str) -> None:
        self.notes_in_all += 1
        if len(self.notes) < NOTES:
            self.notes.append(text)

    def done(self, broken: Break | None) -> Verified:
        return Verified(self.end, broken, self.sealed, tuple(self.notes), self.notes_in_all)


def verify(log: Session | Database, *, expect: Head | None = None, tell: Tell = silent) -> Verified:
    """Look through the whole log, from one state of the database, an entry at a time.

    The key and the end that the home has noted are the database's `seal`; without one the chain
    alone is looked at, which nobody can break unnoticed, but anybody could write anew.

    Args:
        log: the database that holds it, or a session of it that has not asked anything yet.
        expect: an end of the log that was written down elsewhere; there must be that very entry.
        tell: listens to how far it is.

    Raises:
        StoreError: the database cannot be reached.
        AuditError: the home's own note cannot be read: see `Seal.noted`.
    """
    seal = log.seal if isinstance(log, Database) else log.info.get(SEAL)
    ends = [("whoever noted it elsewhere", expect)] if expect else []
    noted = seal.noted() if seal else None  # before the database is asked: it may grow meanwhile
    if noted:
        ends.append(("the home's audit.head", noted))
    if isinstance(log, Session):
        return _verified(log, seal, tuple(ends), tell)
    with log.reading() as session:
        return _verified(session, seal, tuple(ends), tell)


def _verified(
    session: Session, seal: Seal | None, ends: tuple[tuple[str, Head], ...], tell: Tell
) -> Verified:
    one_state(session)
    row = session.execute(select(AuditHead.number, AuditHead.hash)).one_or_none()
    last = Head(row.number, row.hash) if row else Head(-1, "")
    with _any_text(session):
        return checked(entries(session), Known(seal=seal, ends=ends, last=last), tell)


@contextmanager
def _any_text(session: Session) -> Iterator[None]:
    """Let SQLite give text that is none too, so that the entry it stands in is found wrong."""
    raw = session.connection().connection.driver_connection
    if session.get_bind().dialect.name != "sqlite" or raw is None:
        yield
        return
    usual, raw.text_factory = raw.text_factory, lambda data: data.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        raw.text_factory = usual


def one_state(session: Session) -> None:
    """Let all that a session reads be of one moment; call it before the session asks anything."""
    if session.get_bind().dialect.name == "postgresql" and not session.in_transaction():
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def entries(session: Session) -> Iterator[Entry]:
    """Give all entries in the order of their numbers, a few in memory at a time."""
    columns = [getattr(AuditEntry, one.name) for one in fields(Entry)]
    asked = select(*columns).order_by(AuditEntry.number)
    for row in session.execute(asked.execution_options(yield_per=_PIECE)):
        yield Entry(*row)


def checked(log: Iterable[Entry], known: Known, tell: Tell = silent) -> Verified:
    """Look through the entries of a log, wherever they come from, up to the first wrong one."""
    walk = _Walk(known)
    if known.seal is None:
        walk.note("the key is not here: the chain was looked at, not who wrote it")
    elif known.seal.after.number:
        walk.note(f"entries up to {known.seal.after.number} were sealed with a key from before")
    for entry in log:
        broken = _wrong(entry, walk)
        if broken is not None:
            return walk.done(broken)
        _take(entry, walk)
        if walk.end.number % _PIECE == 0:
            tell("entries", walk.end.number, known.last.number if known.last else None)
    tell("entries", walk.end.number, walk.end.number)
    return walk.done(_missing(walk))


def _take(entry: Entry, walk: _Walk) -> None:
    if walk.at and datetime.fromisoformat(entry.at) < datetime.fromisoformat(walk.at) - _TURN:
        walk.note(f"the clock went back before entry {entry.number}: {walk.at} to {entry.at}")
    if entry.what in TOLD:
        walk.note(f"entry {entry.number}: {TOLD[entry.what]} ({entry.details})")
    walk.end, walk.at = Head(entry.number, entry.hash), entry.at


TOLD = {
    "restored": "a backup was restored",
    "break-accepted": "somebody went on after a break was found",
}
"""What somebody who looks through the log is told of, though it is no breach."""


def _wrong(entry: Entry, walk: _Walk) -> Break | None:
    due = walk.end.number + 1
    if entry.number != due:
        return _misplaced(entry, due)
    if entry.before != walk.end.hash:
        return Break(due, f"it does not follow entry {due - 1}: one of them was changed")
    if not _has_its_hash(entry):
        return Break(due, "it was changed: its hash is not that of its content")
    seal = walk.known.seal
    if seal is not None and due > seal.after.number:
        if not compare_digest(str(entry.seal).encode(), seal.of_entry(entry.hash).encode()):
            return Break(due, "it was not sealed with the log's key: somebody else wrote it")
        walk.sealed += 1
    return _contradicted(entry, walk)


def _misplaced(entry: Entry, due: int) -> Break:
    if isinstance(entry.number, int) and entry.number > due:
        return Break(due, "it is missing")
    return Break(due, f"an entry numbered {entry.number} stands in its place")


def _has_its_hash(entry: Entry) -> bool:
    try:
        return hash_of(entry) == entry.hash and bool(datetime.fromisoformat(entry.at).tzinfo)
    except (TypeError, ValueError):  # of a type that no entry has
        return False


def _contradicted(entry: Entry, walk: _Walk) -> Break | None:
    seal = walk.known.seal
    ends = list(walk.known.ends)
    if seal is not None and seal.after.number:
        ends.append(("the key's file", seal.after))
    for who, head in ends:
        if head.number == entry.number and head.hash != entry.hash:
            return Break(entry.number, f"{who} has another hash of it, {head.hash}")
    return None


def _missing(walk: _Walk) -> Break | None:
    """Tell what is missing at the end, when all entries that there are have been found right."""
    number, known = walk.end.number, walk.known
    ends = [*known.ends, *([("the key's file", known.seal.after)] if known.seal else [])]
    for who, head in ends:
        if head.number > number:
            return Break(number + 1, f"it is missing: {who} knows entry {head.number}")
    if known.last is not None and known.last != walk.end:
        last = known.last
        if last.number < 0:
            return Break(number + 1, "the row that tells the log's end is gone")
        if last.number > number:
            return Break(number + 1, f"it is missing: the log's own end is entry {last.number}")
        return Break(max(1, last.number + 1), f"the log's own end is entry {last.number}")
    return None


def head_from(text: str) -> Head:
    """Read what `papscope audit head` prints: a number, a colon and a hash.

    Raises:
        SettingError: it is something else.
    """
    number, _, digest = text.strip().partition(":")
    if not number.isdecimal() or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise SettingError(
            f"{text[:80]!r} is no end of an audit log",
            hint="give NUMBER:HASH as `papscope audit head` prints it",
        )
    return Head(int(number), digest)
