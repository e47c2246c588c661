"""A backup holds everything as it was at one moment, and comes back whole or not at all."""

from __future__ import annotations

import json
import shutil
import struct
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from made_case import made_case, png
from sqlalchemy import create_engine, delete, func, select, text

from papscope.errors import AuditError, BackupError, Conflict, DiskError, SettingError, StoreError
from papscope.serve.audit import Event, record
from papscope.serve.auditing import verify
from papscope.serve.backup import making, restoring
from papscope.serve.backup.archive import check, opened_archive
from papscope.serve.backup.making import Made, make_backup
from papscope.serve.backup.places import place_of
from papscope.serve.backup.restoring import Restored, RestoreOptions, restore
from papscope.serve.backup.tables import reflected
from papscope.serve.holding import holding
from papscope.serve.opening import end_of, opened_database
from papscope.serve.sealing import found_seal
from papscope.serve.services import Services
from papscope.serve.settings import ServeSettings
from papscope.serve.store.database import Database
from papscope.serve.store.tables import Account, AuditEntry, CaseImage, Job, SignIn, Verdict

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
PLAIN = RestoreOptions()
ON_ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What is about the file alone, which is the same whatever database it came from."""

MakeSettings = Callable[[str], ServeSettings]


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeSettings]:
    """Makes settings of another, empty home, with a database of the kind that is asked for."""
    made: list[tuple[str, str]] = []

    def make(kind: str) -> ServeSettings:
        home = tmp_path / f"elsewhere-{uuid4().hex[:6]}"
        if kind == "sqlite":
            return ServeSettings(home=home, threads=1)
        base, name = request.getfixturevalue("postgres"), f"other_{uuid4().hex}"
        with administering(base) as ask:
            ask(f"CREATE DATABASE {name}")
        made.append((base, name))
        return ServeSettings(home=home, database_url=f"{base}/{name}", threads=1)

    yield make
    for base, name in made:
        with administering(base) as ask:
            ask(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def administering(base: str) -> Iterator[Callable[[str], object]]:
    url = base.replace("postgresql://", "postgresql+pg8000://") + "/postgres"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield lambda line: connection.execute(text(line))
    engine.dispose()


def filled(services: Services, *, cases: int = 2) -> list[str]:
    """Put cases with verdicts in, and tell the log of them."""
    found = [made_case(services, 3, title=f"Slide {number} größer") for number in range(cases)]
    with services.database.transaction() as session:
        who = session.execute(select(Account)).scalar_one()
        for image in session.scalars(select(CaseImage).order_by(CaseImage.id)):
            session.add(
                Verdict(
                    image_id=image.id, account_id=who.id, kind="correct", label="HSIL",
                    note="dark \N{SNOWMAN}\n'", given_at=NOON,
                )
            )  # fmt: skip
        session.add(
            SignIn(token_hash="a" * 64, account_id=who.id, created_at=NOON, expires_at=NOON)
        )
        record(session, NOON, *(Event(what="verdict", who="ada", case_id=one) for one in found))
    return found


def everything(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All rows, but for sign-ins and the log, which goes on."""
    with database.reading() as session:
        return {
            table.name: [
                tuple(plain(value) for value in row)
                for row in session.execute(select(table).order_by(*table.primary_key.columns))
            ]
            for table in reflected(session)
            if table.name not in ("audit", "audit_head")
        }


def plain(value: object) -> object:
    """Give a time without its zone, which SQLite does not keep."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def pictures(home: Path) -> dict[str, bytes]:
    found = (home / "images").glob("??/*.png")
    return {one.name: one.read_bytes() for one in found}


def backed_up(services: Services, tmp_path: Path) -> Made:
    return make_backup(services.settings, tmp_path / "all.zip", clock=lambda: NOON)


def put_back(settings: ServeSettings, made: Made, options: RestoreOptions = PLAIN) -> Restored:
    return restore(settings, made.place, options, clock=lambda: NOON)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_backup_comes_back_the_same_on_either_kind_of_database(
    services: Services, tmp_path: Path, elsewhere: MakeSettings, kind: str
) -> None:
    filled(services)
    made, target = backed_up(services, tmp_path), elsewhere(kind)

    found = put_back(target, made)

    with opened_database(target) as database:
        assert everything(database) == everything(services.database)
        looked = verify(database).or_raise()
        with database.reading() as session:
            assert session.scalar(select(func.count()).select_from(SignIn)) == 0
            last = session.scalars(select(AuditEntry).order_by(AuditEntry.number.desc())).first()
    assert pictures(target.home) == pictures(services.settings.home) != {}
    assert last is not None
    assert (last.what, last.number) == ("restored", made.about.audit_number + 1)
    assert (looked.end, looked.sealed) == (found.end, 1)
    assert looked.notes[0] == "entries up to 2 were sealed with a key from before"
    assert (found.aside, found.same_key) == (None, False)
    assert sorted(one.name for one in target.home.iterdir()) == sorted(
        ["audit.head", "audit.key", "images", "serving.lock"]
        + (["papscope.sqlite"] if kind == "sqlite" else [])
    )


@ON_ONE
def test_numbers_go_on_where_they_were_even_those_of_rows_that_are_gone(
    services: Services, tmp_path: Path, elsewhere: MakeSettings
) -> None:
    case_id = filled(services)[0]
    with services.database.transaction() as session:
        newest = session.scalar(select(func.max(Verdict.id))) or 0
        session.execute(delete(Verdict).where(Verdict.id == newest))
        image = session.scalars(select(CaseImage).where(CaseImage.case_id == case_id)).first()
        assert image is not None
    made = backed_up(services, tmp_path)
    for kind in ("sqlite", "postgresql"):
        target = elsewhere(kind)
        put_back(target, made)
        with opened_database(target) as database, database.transaction() as session:
            account = Account(name="eve", role="reader", password_hash="", created_at=NOON)
            session.add(account)
            session.flush()
            verdict = Verdict(
                image_id=image.id, account_id=account.id, kind="unsure", note="", given_at=NOON
            )
            session.add(verdict)
            session.flush()
            assert verdict.id == newest + 1
            assert account.id == 2


def test_a_backup_into_a_home_that_is_in_use_sets_aside_what_was_there(
    services: Services, tmp_path: Path
) -> None:
    filled(services)
    before, files = everything(services.database), pictures(services.settings.home)
    made = backed_up(services, tmp_path)
    made_case(services, 1, title="came later")
    with services.database.transaction() as session:
        record(session, NOON, Event(what="looked", who="eve"))
    replaced = end_of(services.database)

    with pytest.raises(Conflict, match="is not empty"):
        put_back(services.settings, made)
    services.database.close()
    found = put_back(services.settings, made, RestoreOptions(replace=True))

    assert found.same_key
    assert found.aside is not None
    with opened_database(services.settings) as database:
        assert everything(database) == before
        looked = verify(database).or_raise()
        assert looked.sealed == looked.end.number == made.about.audit_number + 1
        assert f'"replaced":"{replaced}"' in looked.notes[-1]
        told = verify(database, expect=replaced).broken
    assert told is not None  # what was noted before the restore is not there any more
    assert pictures(services.settings.home) == files
    aside = services.settings.home / "before-restore-20260305T120000Z"
    assert (aside / "audit.key").exists()
    if services.database.is_sqlite:
        old = found.aside.partition(", its database in ")[2]
        kept = Database(f"sqlite:///{Path(old) / 'test.sqlite'}")
    else:
        kept = services.database
    with kept.reading() as session:
        if not kept.is_sqlite:
            schema = found.aside.rpartition(" ")[2]
            session.execute(text(f'SET LOCAL search_path TO "{schema}"'))
        titles = session.scalars(text("SELECT title FROM cases")).all()
    assert "came later" in titles
    kept.close()


@ON_ONE
def test_a_service_that_runs_is_not_restored_over(services: Services, tmp_path: Path) -> None:
    made = backed_up(services, tmp_path)
    with (
        holding(services.settings.home),
        pytest.raises(Conflict, match="another papscope serves from"),
    ):
        put_back(services.settings, made, RestoreOptions(replace=True))


def damaged(made: Made, how: Callable[[bytearray], None]) -> Made:
    data = bytearray(made.place.read_bytes())
    how(data)
    place = made.place.with_name("damaged.zip")
    place.write_bytes(data)
    return replace(made, place=place)


def rewritten(made: Made, change: Callable[[dict[str, bytes]], None]) -> Made:
    """Zip the files of a backup anew, changed by somebody who knows zips but not the key."""
    place = made.place.with_name("rewritten.zip")
    with zipfile.ZipFile(made.place) as old, zipfile.ZipFile(place, "w") as new:
        files = {name: old.read(name) for name in old.namelist()}
        change(files)
        for name, data in files.items():
            new.writestr(name, data)
    return replace(made, place=place)


def nothing_touched(settings: ServeSettings) -> bool:
    empty = not settings.home.exists() or {one.name for one in settings.home.iterdir()} <= {
        "serving.lock"
    }
    return empty and not list(settings.home.parent.glob(".restoring*"))


@ON_ONE
def test_a_backup_that_is_cut_short_anywhere_is_refused(
    services: Services, tmp_path: Path, elsewhere: MakeSettings
) -> None:
    filled(services, cases=1)
    made, target = backed_up(services, tmp_path), elsewhere("sqlite")
    size = made.place.stat().st_size

    for length in [0, 1, 21, *range(size // 7, size, size // 7), size - 1]:
        cut = damaged(made, lambda data, length=length: data.__delitem__(slice(length, None)))  # type: ignore[misc]
        with pytest.raises(BackupError, match=r"damaged\.zip"):
            put_back(target, cut)
    assert nothing_touched(target)


@ON_ONE
def test_a_backup_with_one_wrong_byte_is_refused_wherever_it_matters(
    services: Services, tmp_path: Path, elsewhere: MakeSettings
) -> None:
    filled(services, cases=1)
    made, target = backed_up(services, tmp_path), elsewhere("sqlite")
    with zipfile.ZipFile(made.place) as file:
        members = file.infolist()
    data = made.place.read_bytes()
    places = []
    for one in members:
        names, extra = struct.unpack_from("<HH", data, one.header_offset + 26)
        places.append(one.header_offset + 30 + names + extra + one.compress_size // 2)
    for place in places:
        with pytest.raises(BackupError):
            put_back(target, damaged(made, lambda data, at=place: flip(data, at)))  # type: ignore[misc]
    assert nothing_touched(target)


def flip(data: bytearray, at: int) -> None:
    data[at] ^= 0x55


def listed(files: dict[str, bytes]) -> None:
    """Bring the list in step with files that were changed."""
    from hashlib import sha256

    told = json.loads(files["manifest.json"])
    told["files"] = {
        name: sha256(data).hexdigest() for name, data in files.items() if "manifest" not in name
    }
    files["manifest.json"] = json.dumps(told).encode()


def put_in(files: dict[str, bytes], name: str) -> None:
    files[name] = b""
    listed(files)


def left_out(files: dict[str, bytes]) -> None:
    del files[next(one for one in files if one.startswith("images/"))]
    listed(files)


def relabelled(files: dict[str, bytes]) -> None:
    files["tables/verdicts.jsonl"] = files["tables/verdicts.jsonl"].replace(b"HSIL", b"NILM")
    listed(files)


@ON_ONE
def test_a_verdict_changed_in_the_backup_is_noticed_by_the_key(
    services: Services, tmp_path: Path
) -> None:
    filled(services, cases=1)
    forged = rewritten(backed_up(services, tmp_path), relabelled)
    services.database.close()
    seal = found_seal(services.settings.home)

    with pytest.raises(BackupError, match="was not sealed with the key in this home"):
        put_back(services.settings, forged, RestoreOptions(replace=True))
    assert check(forged.place, seal).sealed is False
    assert check(forged.place, None).sealed is None


@ON_ONE
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda files: files.update({"tables/cases.jsonl": b"[]\n"}), "damaged or was changed"),
        (lambda files: files.update({"../../etc/x": b""}), "not once in its list"),
        (lambda files: files.pop("tables/jobs.jsonl"), "is in its list, but not in it"),
        (lambda files: files.pop("manifest.seal"), "is in its list, but not in it"),
        (lambda files: files.pop("manifest.json"), "no list of what is in it"),
        (lambda files: put_in(files, "../x"), "is no table and no picture"),
        (left_out, "the picture [0-9a-f]{64} is not in it"),
        (lambda files: files.update({"manifest.json": b"{}"}), "its list cannot be read"),
        (
            lambda files: files.update(
                {"manifest.json": files["manifest.json"].replace(b'"format": 1', b'"format": 2')}
            ),
            "format 2; this release reads backups of 1",
        ),
    ],
)
def test_a_backup_that_was_changed_is_refused(
    services: Services,
    tmp_path: Path,
    elsewhere: MakeSettings,
    change: Callable[[dict[str, bytes]], object],
    told: str,
) -> None:
    filled(services, cases=1)
    target = elsewhere("sqlite")
    made = rewritten(backed_up(services, tmp_path), lambda files: (change(files), None)[1])

    with pytest.raises(BackupError, match=told):
        put_back(target, made)
    assert nothing_touched(target)


def forged_log(files: dict[str, bytes]) -> None:
    files["tables/audit.jsonl"] = files["tables/audit.jsonl"].replace(b'"ada"', b'"eve"', 1)
    listed(files)


@ON_ONE
def test_a_backup_whose_log_is_broken_is_refused_unless_that_is_known(
    services: Services, tmp_path: Path, elsewhere: MakeSettings
) -> None:
    filled(services)
    made, target = rewritten(backed_up(services, tmp_path), forged_log), elsewhere("sqlite")

    with pytest.raises(AuditError, match="entry 1 of its audit log is the first wrong one"):
        put_back(target, made)
    assert nothing_touched(target)

    put_back(target, made, RestoreOptions(broken_log=True))
    with opened_database(target) as database:
        broken = verify(database).broken
    assert broken is not None
    assert broken.number == 1


@ON_ONE
def test_a_backup_of_a_newer_release_is_refused_and_one_of_an_older_is_brought_up(
    services: Services,
    tmp_path: Path,
    elsewhere: MakeSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    filled(services)
    made = backed_up(services, tmp_path)

    def newer(files: dict[str, bytes]) -> None:
        files["manifest.json"] = files["manifest.json"].replace(b'"0002"', b'"0003"')

    target = elsewhere("sqlite")
    with pytest.raises(StoreError, match=r"newer release of papscope \(layout 0003"):
        put_back(target, rewritten(made, newer))
    assert nothing_touched(target)

    from papscope.serve.store import upgrade as upgrading

    steps = tmp_path / "steps"
    shutil.copytree(upgrading._STEPS, steps)
    (steps / "versions" / "0003_more.py").write_text(
        'import sqlalchemy as sa\nfrom alembic import op\nrevision = "0003"\n'
        'down_revision = "0002"\n\ndef upgrade():\n'
        '    op.add_column("cases", sa.Column("more", sa.Integer(), server_default="7"))\n'
    )
    monkeypatch.setattr(upgrading, "_STEPS", steps)
    for kind in ("sqlite", "postgresql"):
        target = elsewhere(kind)
        put_back(target, made)
        with opened_database(target) as database, database.reading() as session:
            assert list(session.execute(text("SELECT more FROM cases")).scalars()) == [7, 7]


def test_a_backup_taken_while_cases_come_and_go_is_of_one_moment(
    services: Services, tmp_path: Path, elsewhere: MakeSettings
) -> None:
    """Every case is made in one transaction with its entry: a backup has both or neither."""
    from papscope.serve.retention import delete_case

    filled(services, cases=1)
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            case_id = made_case(services, 2, title="busy")
            with services.database.transaction() as session:
                record(session, NOON, Event(what="case-made", who="ada", case_id=case_id))
            delete_case(services, case_id, "ada")

    worker = threading.Thread(target=busy)
    worker.start()
    try:
        for number in range(4):
            made = make_backup(services.settings, tmp_path / f"{number}.zip")
            target = elsewhere("sqlite")
            put_back(target, made)  # the log, every picture and every reference are checked
            with opened_database(target) as database, database.reading() as session:
                jobs = set(session.scalars(select(Job.case_id)))
                assert {row[0] for row in session.execute(select(CaseImage.case_id))} <= jobs
                for digest in session.scalars(select(CaseImage.digest)):
                    assert (target.images / digest[:2] / f"{digest}.png").is_file()
    finally:
        stop.set()
        worker.join()


def test_a_case_deleted_between_tables_and_pictures_is_in_neither(
    services: Services,
    tmp_path: Path,
    elsewhere: MakeSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from papscope.serve.retention import delete_case

    case_id = made_case(services, 3)
    dumped, rounds = making._dumped, 0

    def dumped_then_deleted(database: Database, folder: Path) -> Any:
        nonlocal rounds
        rounds += 1
        found = dumped(database, folder)
        if rounds == 1:
            delete_case(services, case_id, "ada")
        return found

    monkeypatch.setattr(making, "_dumped", dumped_then_deleted)
    made, target = backed_up(services, tmp_path), elsewhere("sqlite")

    assert (rounds, made.about.missing, made.about.tables["cases"]) == (2, (), 0)
    put_back(target, made)
    assert pictures(target.home) == {}


@ON_ONE
def test_a_picture_that_the_home_has_lost_is_told_and_stops_no_backup(
    services: Services, tmp_path: Path, elsewhere: MakeSettings
) -> None:
    filled(services, cases=1)
    lost, spoilt, _ = sorted(services.images.digests())
    services.images.path(lost).unlink()
    services.images.path(spoilt).write_bytes(png(3)[:100])

    made, target = backed_up(services, tmp_path), elsewhere("sqlite")

    assert made.about.missing == (lost, spoilt)
    put_back(target, made)
    assert len(pictures(target.home)) == 1


@ON_ONE
def test_a_backup_is_whole_or_absent_and_overwrites_nothing(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(services, cases=1)
    folder = tmp_path / "backups"
    folder.mkdir()
    made = make_backup(services.settings, folder, clock=lambda: NOON)
    assert made.place.name == "papscope-20260305T120000Z.zip"
    assert made.place.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Conflict, match="is there already"):
        make_backup(services.settings, folder, clock=lambda: NOON)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(SettingError, match="there is no folder"):
        make_backup(services.settings, tmp_path / "unmounted")
    assert not (tmp_path / "unmounted").exists()

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(DiskError, match="the disk is full"):
        make_backup(services.settings, tmp_path / "other.zip")
    assert not list(tmp_path.glob("*other*")) + list(tmp_path.glob(".*other*"))


@pytest.mark.parametrize("step", ["_fill", "_exchange"])
def test_a_restore_that_fails_leaves_what_was_there(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    filled(services)
    made = backed_up(services, tmp_path)
    before, files = everything(services.database), pictures(services.settings.home)
    services.database.close()

    def full(*_: object, **__: object) -> None:
        raise DiskError("the disk is full", hint="make room")

    monkeypatch.setattr(restoring, step, full)
    with pytest.raises(DiskError, match="full"):
        put_back(services.settings, made, RestoreOptions(replace=True))

    assert pictures(services.settings.home) == files
    with opened_database(services.settings) as database:
        assert everything(database) == before
        assert verify(database).or_raise().end.number == made.about.audit_number + 1
        with database.reading() as session:
            if not database.is_sqlite:
                left = text("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'restoring%'")
                assert session.scalar(left) == 0
    assert not list(tmp_path.rglob("*restoring*"))


def test_what_a_restore_that_was_killed_has_left_goes_with_the_next_one(
    services: Services, tmp_path: Path
) -> None:
    filled(services)
    made = backed_up(services, tmp_path)
    services.database.close()
    left = services.settings.home / ".restoring-0"
    (left / "images").mkdir(parents=True)
    (left / "images" / "cell.png").write_bytes(b"of a patient")
    with closing(place_of(services.settings).staged(left)) as staged:
        staged.ping()

    put_back(services.settings, made, RestoreOptions(replace=True))

    assert not list(tmp_path.rglob("*restoring*"))
    with opened_database(services.settings) as database, database.reading() as session:
        if not database.is_sqlite:
            schemas = text("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'restoring%'")
            assert session.scalar(schemas) == 0


def test_a_home_in_which_a_restore_was_cut_off_is_not_opened_until_it_is_done_again(
    services: Services, tmp_path: Path
) -> None:
    filled(services)
    made = backed_up(services, tmp_path)
    before = everything(services.database)
    services.database.close()
    (services.settings.home / "restoring").write_text("before-restore-x")
    shutil.move(services.settings.images, tmp_path / "gone")  # as far as it had come

    with (
        pytest.raises(StoreError, match="was interrupted"),
        opened_database(services.settings),
    ):
        pass

    put_back(services.settings, made, RestoreOptions(replace=True))
    with opened_database(services.settings) as database:
        assert everything(database) == before


@ON_ONE
def test_the_key_of_the_log_is_not_in_a_backup(services: Services, tmp_path: Path) -> None:
    filled(services, cases=1)
    made = backed_up(services, tmp_path)
    key = json.loads((services.settings.home / "audit.key").read_text())["key"]

    with zipfile.ZipFile(made.place) as file:
        for name in file.namelist():
            data = file.read(name)
            assert key.encode() not in data
            assert bytes.fromhex(key) not in data


@ON_ONE
def test_the_same_home_gives_the_same_backup_but_for_its_own_entry(
    services: Services, tmp_path: Path
) -> None:
    filled(services, cases=1)
    make_backup(services.settings, tmp_path / "one.zip", clock=lambda: NOON)
    with opened_archive(tmp_path / "one.zip") as archive:
        assert archive.about.tables["audit"] == 1
        first = dict(archive.about.files)
    make_backup(services.settings, tmp_path / "two.zip", clock=lambda: NOON)
    with opened_archive(tmp_path / "two.zip") as archive:
        second = dict(archive.about.files)

    differ = {name for name in first if first[name] != second[name]}
    assert differ == {"tables/audit.jsonl", "tables/audit_head.jsonl"}
