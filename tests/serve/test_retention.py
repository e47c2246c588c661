"""A case that goes leaves nothing of a person, takes nothing of another's, and is not rushed."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from made_case import made_case, png
from sqlalchemy import func, select, update

from papscope.errors import DiskError, NotFound
from papscope.serve.arrivals import arriving
from papscope.serve.auditing import verify
from papscope.serve.images import ImageStore
from papscope.serve.retention import Expiring, Keeping, delete_case, due, expire
from papscope.serve.services import Services
from papscope.serve.store.database import Database
from papscope.serve.store.tables import (
    Account,
    Answered,
    AuditEntry,
    Case,
    CaseImage,
    Job,
    JobItem,
    Refused,
    Verdict,
)
from papscope.serve.sweeping import sweep

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
MARKER = "Grzegorzewska-1961"
"""As a patient's name would stand in titles, file names and notes."""


class Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def keeping(services: Services, time: Time) -> Keeping:
    settings = replace(services.settings, retention_days=30)
    return Keeping(settings, services.database, services.images, time)


def aged(services: Services, case_id: str, days: float) -> None:
    with services.database.transaction() as session:
        made = NOW - timedelta(days=days)
        session.execute(update(Case).where(Case.id == case_id).values(created_at=made))


def cases(database: Database) -> set[str]:
    with database.reading() as session:
        return set(session.scalars(select(Case.id)))


def told(database: Database) -> list[tuple[str, str, str | None]]:
    with database.reading() as session:
        log = session.scalars(select(AuditEntry).order_by(AuditEntry.number))
        return [(one.what, one.who, one.case_id) for one in log]


def marked_everywhere(services: Services) -> str:
    case_id = made_case(services, 3, title=MARKER)
    with services.database.transaction() as session:
        job = session.scalars(select(Job)).one()
        who = session.scalars(select(Account.id)).first()
        session.execute(update(CaseImage).values(name=f"{MARKER}.png"))
        session.add(
            Refused(case_id=case_id, job_id=job.id, name=f"{MARKER}.gif", code="x", reason=MARKER)
        )
        for image in session.scalars(select(CaseImage.id)):
            session.add(
                Verdict(
                    image_id=image, account_id=who, kind="unsure", note=f"like {MARKER} " * 200,
                    given_at=NOW,
                )
            )  # fmt: skip
    return case_id


def test_a_case_goes_with_all_that_belongs_to_it_and_the_log_stays(services: Services) -> None:
    case_id = marked_everywhere(services)
    other = made_case(services, 1)

    delete_case(services, case_id, "ada")

    with services.database.reading() as session:
        for kind, count in {Case: 1, Job: 1, CaseImage: 1, JobItem: 1, Answered: 1,
                            Refused: 0, Verdict: 0}.items():  # fmt: skip
            assert session.scalar(select(func.count()).select_from(kind)) == count
    assert cases(services.database) == {other}
    assert told(services.database)[-1] == ("case-deleted", "ada", case_id)
    verify(services.database).or_raise()
    with pytest.raises(NotFound, match="no such case"):
        delete_case(services, case_id, "ada")


def test_a_picture_goes_with_the_last_case_that_has_it_and_so_do_its_copies(
    services: Services,
) -> None:
    first, second = made_case(services, 2), made_case(services, 1)  # the first picture is shared
    shared = services.images.digest_of(png(0))
    alone = services.images.digest_of(png(1))
    for digest in (shared, alone):
        services.images.smaller(digest, 128)

    delete_case(services, first, "ada")
    assert set(services.images.digests()) == {shared}
    assert [one.stem for one in services.images.folder.rglob("*.jpg")] == [shared]

    delete_case(services, second, "ada")
    assert [one for one in services.images.folder.rglob("*") if one.is_file()] == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_of_a_deleted_case_can_be_found_in_any_file(
    services: Services, tmp_path: Path
) -> None:
    case_id = marked_everywhere(services)
    assert MARKER.encode() in everything_under(tmp_path)

    delete_case(services, case_id, "ada")

    assert MARKER.encode() not in everything_under(tmp_path)


def everything_under(folder: Path) -> bytes:
    return b"\n".join(
        os.fsencode(one) + (one.read_bytes() if one.is_file() else b"")
        for one in folder.rglob("*")
    )  # fmt: skip


def test_a_case_is_marked_when_its_time_has_come_and_goes_a_day_later(
    services: Services, keeping: Keeping, time: Time
) -> None:
    old, new = made_case(services, 1), made_case(services, 1)
    aged(services, old, 31)
    aged(services, new, 29.02)

    assert expire(keeping).marked == (old,)
    time.now += timedelta(hours=23)
    assert expire(keeping).deleted == ()
    time.now += timedelta(hours=1)
    found = expire(keeping)

    assert (found.deleted, found.marked) == ((old,), (new,))
    assert cases(services.database) == {new}
    assert told(services.database) == [
        ("case-due", "service", old),
        ("case-deleted", "service", old),
        ("case-due", "service", new),
    ]
    assert due(replace(keeping, settings=services.settings)) == ()  # as all are kept


def test_a_clock_that_jumps_ahead_and_back_deletes_nothing(
    services: Services, keeping: Keeping, time: Time
) -> None:
    case_id = made_case(services, 1)
    aged(services, case_id, 1)

    time.now += timedelta(days=365 * 40)
    assert expire(keeping).marked == (case_id,)
    time.now = NOW + timedelta(days=2)  # somebody has set it right
    assert expire(keeping).deleted == ()
    time.now = NOW + timedelta(days=30)  # and its time has come indeed
    assert expire(keeping).marked == (case_id,)
    assert due(keeping)[0].goes_at == time.now + timedelta(days=1)
    assert cases(services.database) == {case_id}
    assert "the clock went back before entry 2" in verify(services.database).or_raise().notes[0]


def test_a_case_made_while_the_clock_was_ahead_is_kept(
    services: Services, keeping: Keeping, time: Time
) -> None:
    aged(services, made_case(services, 1), -400)
    assert expire(keeping).marked == ()


def test_files_that_a_crash_left_behind_are_swept_and_others_are_not(services: Services) -> None:
    made_case(services, 1)
    kept = services.images.digest_of(png(0))
    left = services.images.put(png(7))
    services.images.smaller(left, 256)
    orphan = services.images.folder / "smaller/128/ab" / f"{'ab' * 32}.jpg"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"x")
    drafts = [services.images.folder / kept[:2] / f".{name}.png.1.part" for name in ("old", "new")]
    for draft in drafts:
        draft.write_bytes(b"half")
    os.utime(drafts[0], (0, 0))
    with arriving(services.images, services.database) as arrivals:
        coming = arrivals.put(png(8))

        assert sweep(services.images, services.database) == 1

        assert services.images.path(coming).is_file()
    assert sorted(one.name for one in services.images.folder.rglob("*") if one.is_file()) == sorted(
        [f"{kept}.png", f"{coming}.png", drafts[1].name]
    )


def test_a_case_whose_files_cannot_be_removed_is_gone_and_the_files_are_swept_later(
    services: Services, keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = made_case(services, 2)

    def refuse(self: ImageStore, digest: str) -> None:
        raise DiskError(f"{digest} could not be written: Read-only file system", hint="look")

    with monkeypatch.context() as patched:
        patched.setattr(ImageStore, "remove", refuse)
        with pytest.raises(DiskError, match="Read-only"):
            delete_case(services, case_id, "ada")

    assert cases(services.database) == set()
    assert len(list(services.images.digests())) == 2
    assert expire(keeping).pictures == 2
    assert list(services.images.digests()) == []


def test_one_who_is_not_alone_with_the_home_leaves_files_to_the_service(
    services: Services, keeping: Keeping
) -> None:
    aged(services, made_case(services, 1), 31)

    found = expire(keeping, notice=False, files=False)

    assert (len(found.deleted), found.pictures) == (1, 0)
    assert len(list(services.images.digests())) == 1


def test_the_service_lets_go_by_itself_and_goes_on_after_a_failure(
    services: Services, keeping: Keeping, caplog: pytest.LogCaptureFixture
) -> None:
    aged(services, made_case(services, 1), 40)
    seen, failed = threading.Event(), threading.Event()

    def clock() -> datetime:
        if not failed.is_set():
            failed.set()
            raise DiskError("the disk is full", hint="make room")
        seen.set()
        return NOW

    with Expiring(replace(keeping, clock=clock), every_seconds=0.01):
        assert seen.wait(20)

    assert told(services.database)[0][0] == "case-due"
    assert "the disk is full; try: make room" in caplog.text
    assert "0 deleted, 1 go in a day" in caplog.text
