"""The store: its steps lead to its tables, its transactions are whole, and so is its log."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from made_case import made_case
from sqlalchemy import func, select, text

from papscope.errors import SettingError, StoreError
from papscope.serve.audit import FIRST, Event, hash_of, record
from papscope.serve.clock import utc_now
from papscope.serve.services import Services
from papscope.serve.settings import ServeSettings
from papscope.serve.store.database import Database
from papscope.serve.store.tables import Account, Answered, AuditEntry, Base, Case
from papscope.serve.store.upgrade import layout_of, newest_layout, upgrade


def test_the_steps_lead_to_the_very_tables(settings: ServeSettings) -> None:
    database = Database(settings.url_of_database)
    upgrade(database)
    with database.reading() as session:
        context = MigrationContext.configure(
            session.connection(), opts={"compare_server_default": True}
        )
        assert compare_metadata(context, Base.metadata) == []
    assert layout_of(database) == newest_layout()
    database.close()


def test_a_database_of_a_newer_release_is_left_alone(services: Services) -> None:
    with services.database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StoreError, match=r"newer release of papscope \(layout 9999\)"):
        upgrade(services.database)


def test_a_transaction_that_fails_leaves_no_trace(services: Services) -> None:
    def fail() -> None:
        with services.database.transaction() as session:
            session.add(Account(name="ada", role="reader", password_hash="", created_at=utc_now()))
            session.flush()
            record(session, utc_now(), Event(what="account-made", who="local"))
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    with services.database.reading() as session:
        assert session.scalar(select(Account).where(Account.name == "ada")) is None
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == 0


def test_each_entry_of_the_log_is_bound_to_the_one_before(services: Services) -> None:
    with services.database.transaction() as session:
        record(session, utc_now(), *(Event(what="looked", who=name) for name in ("ada", "eve")))
    with services.database.transaction() as session:
        record(session, utc_now(), Event(what="looked", who="bob", details={"b": 1, "a": [2]}))

    with services.database.reading() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.number)).all()
    assert [entry.number for entry in entries] == [1, 2, 3]
    assert [entry.before for entry in entries] == [FIRST, entries[0].hash, entries[1].hash]
    assert [entry.hash for entry in entries] == [hash_of(entry) for entry in entries]
    assert entries[2].details == '{"a":[2],"b":1}'


def test_what_belongs_to_a_case_goes_with_it(services: Services) -> None:
    case_id = made_case(services, 3)
    with services.database.transaction() as session:
        session.delete(session.get_one(Case, case_id))
    with services.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Answered)) == 0


@pytest.mark.parametrize("url", ["mysql://here/there", "nonsense", "sqlite"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(SettingError, match="neither SQLite nor PostgreSQL"):
        Database(url)


def test_a_database_that_is_not_there_is_told_without_its_password() -> None:
    gone = Database("postgresql+pg8000://lab:secret@127.0.0.1:9/papscope")

    with pytest.raises(StoreError, match=r"lab:\*\*\*@127\.0\.0\.1") as told:
        gone.ping()
    assert "secret" not in str(told.value)


def test_answers_of_an_older_layout_say_nothing_of_rules(settings: ServeSettings) -> None:
    database = Database(settings.url_of_database)
    upgrade(database, to="0001")
    with database.transaction() as session:
        for line in (
            "INSERT INTO accounts (name, role, password_hash, active, created_at) "
            "VALUES ('ada', 'reader', '', true, '2026-01-02 03:04:05')",
            "INSERT INTO cases (id, title, created_at, created_by, was_closed) "
            "SELECT 'c', 'Slide 7', created_at, id, false FROM accounts",
            "INSERT INTO jobs (id, case_id, model, model_digest, state, total, created_at, "
            "created_by) SELECT 'j', 'c', 'm', 'd', 'done', 1, created_at, id FROM accounts",
            "INSERT INTO images (id, case_id, place, name, digest, width, height) "
            "VALUES ('i', 'c', 0, 'cell.png', 'd', 48, 48)",
            "INSERT INTO answers (job_id, image_id, label, probability, answered_at) "
            "SELECT 'j', 'i', 'LSIL', 0.5, created_at FROM accounts",
        ):
            session.execute(text(line))

    upgrade(database)

    assert layout_of(database) == newest_layout()
    with database.reading() as session:
        one = session.scalars(select(Answered)).one()
        assert (one.label, one.labels, one.refer) == ("LSIL", None, None)
    database.close()
