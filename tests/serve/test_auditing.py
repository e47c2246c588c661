"""The audit log tells by number what was changed, removed, put in or moved, whoever did it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.orm import Session

from papscope.errors import AuditError, SettingError, StoreError
from papscope.serve.audit import FIRST, Entry, Event, hash_of, record
from papscope.serve.auditing import Known, checked, entries, head_from, verify
from papscope.serve.opening import end_of, opened_database
from papscope.serve.sealing import Head, found_seal, made_seal
from papscope.serve.settings import ServeSettings
from papscope.serve.store.database import Database
from papscope.serve.store.tables import AuditEntry, AuditHead

MIDDAY = datetime(2026, 3, 5, 12, tzinfo=UTC)
COUNT = 7

TRIGGERS = ("audit_keeps_all", "audit_keeps_each", "audit_appends")
HEAD_TRIGGERS = ("audit_head_stays", "audit_head_grows", "audit_head_is_one")


@pytest.fixture
def database(settings: ServeSettings) -> Iterator[Database]:
    with opened_database(settings) as found:
        yield found


def append(database: Database, count: int = 1, *, start: datetime = MIDDAY) -> None:
    for place in range(count):
        with database.transaction() as session:
            record(
                session,
                start + timedelta(seconds=place),
                Event(
                    what="predicted", who="ada", case_id=f"{place:032x}",
                    image_digest=f"{place:064x}", model_digest="ab" * 32, details={"label": "HSIL"},
                ),
            )  # fmt: skip


def without_triggers(session: Session) -> None:
    """As the owner of the database, whom its own rules do not bind."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    for table, names in (("audit", TRIGGERS), ("audit_head", HEAD_TRIGGERS)):
        for name in names:
            on = "" if sqlite else f" ON {table}"
            session.execute(text(f"DROP TRIGGER IF EXISTS {name}{on}"))


def put(session: Session, log: list[Entry], *, head: bool = True) -> None:
    """Write another log in the place of the one that is there."""
    session.execute(delete(AuditEntry))
    if log:
        session.execute(insert(AuditEntry), [asdict(entry) for entry in log])
    if head and log:
        session.execute(update(AuditHead).values(number=log[-1].number, hash=log[-1].hash))


def rehashed(log: list[Entry]) -> list[Entry]:
    """Make a chain of entries anew, as anybody can who knows how; seals stay as they are."""
    made: list[Entry] = []
    for number, entry in enumerate(log, 1):
        before = made[-1].hash if made else FIRST
        bare = replace(entry, number=number, before=before)
        made.append(replace(bare, hash=hash_of(bare)))
    return made


def changed(entry: Entry, name: str) -> Entry:
    if name == "at":
        return replace(entry, at=(MIDDAY + timedelta(days=1)).isoformat())
    value = getattr(entry, name) or "1"
    other = ("0" if value[0] != "0" else "1") + value[1:]
    return Entry(**{**asdict(entry), name: other})


FIELDS = [one.name for one in fields(Entry) if one.name != "number"]

Tamper = Callable[[list[Entry], int], list[Entry]]


def swapped(log: list[Entry], at: int) -> list[Entry]:
    """Let two neighbours change places and numbers."""
    first, second = log[at], log[(at + 1) % len(log)]
    found = list(log)
    found[at] = replace(second, number=first.number)
    found[(at + 1) % len(log)] = replace(first, number=second.number)
    return found


def inserted(log: list[Entry], at: int) -> list[Entry]:
    made = replace(log[at], who="eve")
    return rehashed([*log[:at], made, *log[at:]])


TAMPERS: dict[str, Tamper] = {
    **{
        f"{name} changed": lambda log, at, name=name: [  # type: ignore[misc]
            changed(entry, name) if place == at else entry for place, entry in enumerate(log)
        ]
        for name in FIELDS
    },
    "made null": lambda log, at: [*log[:at], replace(log[at], case_id=None), *log[at + 1 :]],
    "written anew from there": lambda log, at: rehashed(
        [*log[:at], replace(log[at], who="eve"), *log[at + 1 :]]
    ),
    "removed": lambda log, at: [*log[:at], *log[at + 1 :]],
    "removed and closed up": lambda log, at: rehashed([*log[:at], *log[at + 1 :]]),
    "inserted": inserted,
    "reordered": swapped,
    "reordered and written anew": lambda log, at: rehashed(swapped(log, at)),
    "doubled": lambda log, at: rehashed([*log[: at + 1], log[at], *log[at + 1 :]]),
}


class Undone(Exception):
    """Rolls a transaction back."""


@contextmanager
def undone(database: Database) -> Iterator[Session]:
    """Give a transaction of which nothing is kept."""
    with suppress(Undone), database.transaction() as session:
        yield session
        raise Undone


def first_difference(log: list[Entry], other: list[Entry]) -> int:
    """Give the number of the first entry that is not the one that was written."""
    pairs = enumerate(zip(log, other, strict=False), 1)
    return next((n for n, (a, b) in pairs if a != b), min(len(log), len(other)) + 1)


@pytest.mark.parametrize("kind", TAMPERS)
def test_whatever_is_tampered_with_is_found_at_its_number(database: Database, kind: str) -> None:
    append(database, COUNT)
    with database.reading() as session:
        log = list(entries(session))

    for at in range(COUNT):
        tampered = TAMPERS[kind](log, at)
        with undone(database) as session:
            without_triggers(session)
            put(session, tampered)
            found = verify(session)

        assert found.broken is not None, at
        assert found.broken.number == first_difference(log, tampered), (at, found.broken)
    assert verify(database).or_raise().end == end_of(database)


def test_random_tampering_is_always_found_and_never_later_than_it_begins(
    database: Database,
) -> None:
    append(database, COUNT)
    with database.reading() as session:
        log = list(entries(session))
    known = Known(seal=database.seal, ends=(("the home", Head(COUNT, log[-1].hash)),))
    draw = random.Random(5)
    for _ in range(2000):
        tampered = list(log)
        for _ in range(draw.randint(1, 4)):
            if tampered:
                kind = draw.choice(list(TAMPERS))
                tampered = TAMPERS[kind](tampered, draw.randrange(len(tampered)))
        if tampered == log:  # two changes that undo each other
            continue

        found = checked(tampered, known)

        assert found.broken is not None
        assert found.broken.number == first_difference(log, tampered)


@pytest.mark.parametrize("kept", range(COUNT))
def test_entries_taken_from_the_end_together_with_the_log_s_own_end_are_missed(
    settings: ServeSettings, kept: int
) -> None:
    with opened_database(settings) as database:
        append(database, COUNT)
        with database.transaction() as session:
            without_triggers(session)
            session.execute(delete(AuditEntry).where(AuditEntry.number > kept))
            last = session.scalar(select(AuditEntry.hash).where(AuditEntry.number == kept))
            session.execute(update(AuditHead).values(number=kept, hash=last or FIRST))

        found = verify(database)

    assert found.broken is not None
    assert found.broken.number == kept + 1
    assert "audit.head knows entry 7" in found.broken.why
    with (
        pytest.raises(AuditError, match=f"ends with entry {kept}, but had come to 7"),
        opened_database(settings),
    ):
        pass


def test_a_log_written_anew_by_whoever_has_the_key_too_contradicts_the_end_noted_elsewhere(
    settings: ServeSettings, database: Database
) -> None:
    append(database, COUNT)
    noted = end_of(database)
    seal = database.seal
    assert seal is not None
    with database.transaction() as session:
        without_triggers(session)
        log = list(entries(session))
        forged = rehashed([replace(log[0], who="eve"), *log[1:]])
        put(session, [replace(one, seal=seal.of_entry(one.hash)) for one in forged])
    seal.reset(end_of(database))

    assert verify(database).broken is None
    found = verify(database, expect=noted)

    assert found.broken is not None
    assert found.broken.number == COUNT
    assert found.broken.why == f"whoever noted it elsewhere has another hash of it, {noted.hash}"


def test_an_end_noted_elsewhere_holds_for_a_log_that_has_grown_since(database: Database) -> None:
    append(database, 2)
    noted = end_of(database)
    append(database, 2)

    assert verify(database, expect=noted).or_raise().end.number == 4
    too_far = verify(database, expect=Head(9, noted.hash)).broken
    assert too_far is not None
    assert too_far.number == 5


def test_an_entry_appended_without_the_key_is_found_and_stops_the_next_start(
    settings: ServeSettings, database: Database
) -> None:
    append(database, 2)
    forger = made_seal(settings.home.parent / "elsewhere", Head(0, FIRST))
    with Database(settings.url_of_database, seal=forger).transaction() as session:
        record(session, MIDDAY, Event(what="verdict", who="ada"))

    found = verify(database)

    assert found.broken is not None
    assert (found.broken.number, found.sealed) == (3, 2)
    assert "not sealed with the log's key" in found.broken.why
    with (
        pytest.raises(AuditError, match="entry 3, the audit log's last, is gone or was not sealed"),
        opened_database(settings),
    ):
        pass


@pytest.mark.parametrize("change", ["DELETE FROM audit_head", "UPDATE audit_head SET number = 99"])
def test_a_wrong_end_in_the_database_is_found(database: Database, change: str) -> None:
    append(database, 2)
    with database.transaction() as session:
        without_triggers(session)
        session.execute(text(change))

    found = verify(database).broken

    assert found is not None
    assert found.number == 3


REFUSED = [
    "UPDATE audit SET who = 'eve' WHERE number = 1",
    "DELETE FROM audit WHERE number = 2",
    "DELETE FROM audit_head",
    "UPDATE audit_head SET number = 1",
]


@pytest.mark.parametrize("change", REFUSED)
def test_the_database_itself_refuses_to_change_the_log(database: Database, change: str) -> None:
    append(database, 2)

    with pytest.raises(StoreError, match="append-only"), database.transaction() as session:
        session.execute(text(change))

    assert verify(database).or_raise().end.number == 2


def test_no_other_way_of_writing_gets_around_that(database: Database) -> None:
    append(database, 2)
    ways = (
        ["INSERT OR REPLACE INTO audit SELECT number, at, 'eve', what, case_id, image_digest, "
         "model_digest, details, before, hash, seal FROM audit WHERE number = 1"]
        if database.is_sqlite
        else ["TRUNCATE audit", "TRUNCATE audit_head"]
    )  # fmt: skip
    for way in ways:
        with pytest.raises(StoreError, match="append-only"), database.transaction() as session:
            session.execute(text(way))


def test_a_clock_that_went_back_is_noted_and_is_no_breach(database: Database) -> None:
    append(database, 2)
    append(database, 1, start=MIDDAY - timedelta(days=400))
    append(database, 1)

    found = verify(database).or_raise()

    times = "2026-03-05T12:00:01+00:00 to 2025-01-29T12:00:00+00:00"
    assert found.notes == (f"the clock went back before entry 3: {times}",)


def test_who_waited_for_a_turn_to_append_is_not_taken_for_a_clock_that_went_back(
    database: Database,
) -> None:
    append(database, 1)
    append(database, 1, start=MIDDAY - timedelta(seconds=20))

    assert verify(database).or_raise().notes == ()


def test_bytes_that_are_no_text_are_found_in_the_entry_that_has_them(tmp_path: Path) -> None:
    settings = ServeSettings(home=tmp_path / "home", threads=1)  # PostgreSQL takes no such bytes
    with opened_database(settings) as database:
        append(database, 4)
        with database.transaction() as session:
            without_triggers(session)
            session.execute(text("UPDATE audit SET who = CAST(x'ff' AS TEXT) WHERE number = 3"))

        broken = verify(database).broken

        assert broken is not None
        assert (broken.number, broken.why[:14]) == (3, "it was changed")


def test_without_the_key_the_chain_alone_is_looked_at_and_that_is_said(
    settings: ServeSettings, database: Database
) -> None:
    append(database, 2)

    found = verify(Database(settings.url_of_database)).or_raise()

    assert found.sealed == 0
    assert found.notes == ("the key is not here: the chain was looked at, not who wrote it",)


def test_without_the_key_an_entry_with_a_new_hash_no_longer_fits_the_next(
    database: Database,
) -> None:
    append(database, 4)
    with database.reading() as session:
        log = list(entries(session))
    forged = replace(log[1], who="eve")
    log[1] = replace(forged, hash=hash_of(forged))

    broken = checked(log, Known()).broken

    assert broken is not None
    assert broken.number == 3
    assert broken.why == "it does not follow entry 2: one of them was changed"


def test_another_home_or_one_without_its_key_is_refused(
    settings: ServeSettings, database: Database
) -> None:
    append(database, 1)
    (settings.home / "audit.key").unlink()
    with pytest.raises(AuditError, match=r"has 1 entries, but .* has no key"):
        opened_database(settings).__enter__()

    made_seal(settings.home, Head(0, FIRST))
    (settings.home / "audit.head").unlink()
    with pytest.raises(AuditError, match="was not sealed with the key"):
        opened_database(settings).__enter__()


def test_the_key_and_the_noted_end_are_for_their_owner_alone(
    settings: ServeSettings, database: Database
) -> None:
    append(database, 1)

    for name in ("audit.key", "audit.head"):
        assert (settings.home / name).stat().st_mode & 0o777 == 0o600
    assert settings.home.stat().st_mode & 0o077 == 0


def test_of_two_that_make_a_key_at_once_one_stands(tmp_path: Path) -> None:
    first, second = (made_seal(tmp_path, Head(0, FIRST)) for _ in range(2))

    assert first.of_entry(FIRST) == second.of_entry(FIRST)
    assert [one.name for one in tmp_path.iterdir()] == ["audit.key"]


@pytest.mark.parametrize(("half", "left"), [(0, 1), (1, 2)])
def test_a_power_failure_while_the_end_is_noted_leaves_the_one_before(
    tmp_path: Path, half: int, left: int
) -> None:
    seal = made_seal(tmp_path, Head(0, FIRST))
    for number in (1, 2):
        seal.note(Head(number, f"{number:064x}"))
    data = bytearray(seal.place.read_bytes())
    data[half * 512 + 20 : half * 512 + 200] = b"\0" * 180
    seal.place.write_bytes(data)

    noted = seal.noted()
    assert noted is not None
    assert noted.number == left
    seal.note(Head(3, f"{3:064x}"))
    assert seal.noted() == Head(3, f"{3:064x}")


def test_the_noted_end_never_goes_back(tmp_path: Path) -> None:
    seal = made_seal(tmp_path, Head(0, FIRST))
    seal.note(Head(5, "a" * 64))
    seal.note(Head(4, "b" * 64))

    again = found_seal(tmp_path)

    assert again is not None
    assert again.noted() == Head(5, "a" * 64)


def test_a_noted_end_that_somebody_without_the_key_wrote_is_told(tmp_path: Path) -> None:
    seal = made_seal(tmp_path / "one", Head(0, FIRST))
    other = made_seal(tmp_path / "other", Head(0, FIRST))
    other.note(Head(1, "a" * 64))
    seal.place.write_bytes(other.place.read_bytes())

    with pytest.raises(AuditError, match="was not written with the key"):
        seal.noted()


def test_what_is_rolled_back_is_not_noted(database: Database) -> None:
    append(database, 1)
    with undone(database) as session:
        record(session, MIDDAY, Event(what="looked", who="ada"))

    assert database.seal is not None
    assert database.seal.noted() == end_of(database)
    assert end_of(database).number == 1


def test_an_end_that_cannot_be_noted_stops_nobody_and_is_made_up_for(database: Database) -> None:
    append(database, 1)
    assert database.seal is not None
    aside = database.seal.place.with_name("aside")
    database.seal.place.rename(aside)
    database.seal.place.mkdir()  # as good as a disk that refuses: root may write anywhere

    append(database, 1)

    database.seal.place.rmdir()
    aside.rename(database.seal.place)
    noted = database.seal.noted()
    assert noted is not None
    assert (noted.number, verify(database).or_raise().end.number) == (1, 2)
    append(database, 1)
    assert database.seal.noted() == end_of(database)


APPENDER = """
import sys
from pathlib import Path
from papscope.serve.audit import Event, record
from papscope.serve.clock import utc_now
from papscope.serve.opening import opened_database
from papscope.serve.settings import ServeSettings
with opened_database(ServeSettings(home=Path(sys.argv[1]), database_url=sys.argv[2])) as database:
    while True:
        with database.transaction() as session:
            record(session, utc_now(), Event(what="looked", who="ada"))
        sys.stdout.write(".")
        sys.stdout.flush()
"""


def test_a_log_whose_writer_is_killed_is_whole_and_its_noted_end_never_ahead(
    settings: ServeSettings,
) -> None:
    for _ in range(3):
        words = [sys.executable, "-c", APPENDER, str(settings.home), str(settings.database_url)]
        writer = subprocess.Popen(words, stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.read(20)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()

        with opened_database(settings) as database:
            found = verify(database).or_raise()
            assert database.seal is not None
            noted = database.seal.noted()
            assert noted is not None
            assert found.end.number - 1 <= noted.number <= found.end.number


def test_a_log_is_looked_through_an_entry_at_a_time() -> None:
    held = 0

    def endless(count: int) -> Iterator[Entry]:
        nonlocal held
        before = FIRST
        for number in range(1, count + 1):
            at, nothing = MIDDAY.isoformat(), (None, None, None)
            bare = Entry(number, at, "ada", "looked", *nothing, "{}", before, "", "")
            entry = replace(bare, hash=hash_of(bare))
            before, held = entry.hash, number
            yield entry

    walked: list[int] = []
    found = checked(endless(5000), Known(), lambda _what, done, _total: walked.append(held - done))

    assert found.broken is None
    assert found.end.number == 5000
    assert set(walked) == {0}  # nothing was read ahead of what was looked at


@pytest.mark.parametrize("words", ["", "12", "x:" + "a" * 64, "3:abc", "-1:" + "a" * 64])
def test_what_is_no_end_of_a_log_is_refused(words: str) -> None:
    with pytest.raises(SettingError, match="no end of an audit log"):
        head_from(words)
    assert head_from("3:" + "a" * 64 + "\n") == Head(3, "a" * 64)
