"""The commands about kept things: the audit log, backups, and letting cases go."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from typer.testing import CliRunner, Result

from papscope.cli.main import app
from papscope.serve.audit import Event, record
from papscope.serve.clock import utc_now
from papscope.serve.opening import opened_database
from papscope.serve.settings import ServeSettings
from papscope.serve.store.tables import Account, AuditEntry, AuditHead, Case

HASHED = (
    "number", "at", "who", "what", "case_id", "image_digest", "model_digest", "details",
)  # fmt: skip


def run(*words: str | Path, home: Path) -> Result:
    told = [str(word) for word in words]
    env = {"COLUMNS": "200", "NO_COLOR": "1", "PAPSCOPE_HOME": str(home)}
    return CliRunner().invoke(app, told, env=env)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A service's home with two cases, the log of them, and no pictures."""
    home = tmp_path / "home"
    old = datetime(2020, 1, 2, tzinfo=UTC)
    with opened_database(ServeSettings(home=home)) as database, database.transaction() as session:
        ada = Account(name="ada", role="reviewer", password_hash="", created_at=old)
        session.add(ada)
        session.flush()
        for number, at in ((1, old), (2, utc_now())):
            case_id = f"{number:032x}"
            session.add(Case(id=case_id, title="Slide 7", created_at=at, created_by=ada.id))
            session.flush()
            record(session, at, Event(what="case-made", who="ada", case_id=case_id))
        session.execute(update(Account).values(role="admin"))
    return home


def test_a_whole_log_is_said_to_be_whole_and_its_end_is_printed(home: Path) -> None:
    head = run("audit", "head", home=home)
    verified = run("audit", "verify", "--expect", head.stdout.strip(), home=home)

    assert (head.exit_code, verified.exit_code) == (0, 0)
    assert verified.stdout == head.stdout
    assert verified.stdout.startswith("2:")
    assert "2 entries, none is wrong" in verified.stderr


def forge(home: Path) -> None:
    settings = ServeSettings(home=home)
    with opened_database(settings) as database, database.transaction() as session:
        session.execute(text("DROP TRIGGER audit_keeps_each"))
        session.execute(update(AuditEntry).where(AuditEntry.number == 2).values(who="eve"))


def test_a_changed_entry_is_told_by_its_number_with_a_status_of_its_own(home: Path) -> None:
    forge(home)

    found = run("audit", "verify", home=home)

    assert found.exit_code == 19
    assert found.stdout == ""
    assert "entry 2 of the audit log is the first wrong one: it was changed" in found.stderr


def test_an_end_kept_elsewhere_that_the_log_does_not_have_is_told(home: Path) -> None:
    found = run("audit", "verify", "--expect", "1:" + "0" * 64, home=home)
    assert found.exit_code == 19
    assert "entry 1 of the audit log is the first wrong one: whoever noted it" in found.stderr
    assert run("audit", "verify", "--expect", "nonsense", home=home).exit_code == 2


def test_entries_are_shown_and_exported_by_case_person_and_time(home: Path) -> None:
    first = f"{1:032x}"

    shown = run("audit", "show", "--case", first, home=home)
    new = run("audit", "export", "--since", "2021-01-01", home=home)
    old = run("audit", "export", "--until", "2021-01-01", "--who", "ada", home=home)
    nobody = run("audit", "export", "--who", "eve", home=home)

    assert shown.stdout == f"1  2020-01-02T00:00:00+00:00  ada  case-made  case {first}\n"
    assert [json.loads(line)["number"] for line in new.stdout.splitlines()] == [2]
    (entry,) = [json.loads(line) for line in old.stdout.splitlines()]
    assert (entry["number"], entry["case_id"], entry["before"]) == (1, first, "0" * 64)
    assert nobody.stdout == ""


def test_an_exported_log_can_be_checked_by_anybody(home: Path) -> None:
    """The recipe in docs/how-to/audit.md, step by step."""
    from hashlib import sha256

    lines = run("audit", "export", home=home).stdout.splitlines()
    before = "0" * 64
    for line in lines:
        one = json.loads(line)
        content = [one[name] for name in HASHED]
        text_of_it = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        assert one["before"] == before
        before = sha256(f"{before}\n{text_of_it}".encode()).hexdigest()
        assert one["hash"] == before
    assert run("audit", "head", home=home).stdout == f"{len(lines)}:{before}\n"


def test_a_log_cut_short_can_be_gone_on_with_and_tells_so_for_ever(home: Path) -> None:
    settings = ServeSettings(home=home)
    with opened_database(settings) as database, database.transaction() as session:
        for name in ("audit_keeps_all", "audit_head_grows"):
            session.execute(text(f"DROP TRIGGER {name}"))
        session.execute(text("DELETE FROM audit WHERE number = 2"))
        left = session.scalar(select(AuditEntry.hash).where(AuditEntry.number == 1))
        session.execute(update(AuditHead).values(number=1, hash=left))
    broken = run("retention", "--days", "9", home=home)
    assert broken.exit_code == 19
    assert "ends with entry 1, but had come to 2" in broken.stderr

    accepted = run("audit", "accept", "--reason", "the disk lost it", home=home)

    assert accepted.exit_code == 0, accepted.output
    verified = run("audit", "verify", home=home)
    assert (verified.exit_code, verified.stdout) == (0, accepted.stdout)
    assert "somebody went on after a break was found" in verified.stderr
    assert "entry 2: it is missing" in verified.stderr
    (aside,) = home.glob("before-accept-*")
    assert sorted(one.name for one in aside.iterdir()) == ["audit.head", "audit.key"]
    assert run("audit", "accept", "--reason", "again", home=home).exit_code == 2


def test_a_lost_key_can_be_gone_on_without(home: Path) -> None:
    (home / "audit.key").unlink()
    assert run("retention", "--days", "9", home=home).exit_code == 19
    assert run("audit", "accept", "--reason", "the key was lost", home=home).exit_code == 0
    assert run("retention", "--days", "9", home=home).exit_code == 0


def test_a_changed_entry_stays_wrong_after_it_was_accepted(home: Path) -> None:
    forge(home)
    assert run("audit", "accept", "--reason", "known", home=home).exit_code == 0
    assert "entry 2 of the audit log" in run("audit", "verify", home=home).stderr


def test_a_backup_is_taken_looked_through_and_put_back(home: Path, tmp_path: Path) -> None:
    taken = run("backup", tmp_path, home=home)
    assert taken.exit_code == 0, taken.output
    file = Path(taken.stdout.strip())
    assert file.parent == tmp_path
    assert "2 cases, 0 pictures" in taken.stderr

    looked = run("backup", "--verify", file, home=home)
    unknown = run("backup", "--verify", file, home=tmp_path / "other")
    assert (looked.exit_code, unknown.exit_code) == (0, 0)
    assert "taken from this home, and nothing in it was changed" in looked.stderr
    assert "who took it cannot be told" in unknown.stderr

    refused = run("restore", file, home=home)
    assert refused.exit_code == 16
    other = run("restore", file, home=tmp_path / "other")
    assert other.exit_code == 0, other.output
    assert other.stdout.startswith("3:")
    assert run("audit", "verify", home=tmp_path / "other").stdout == other.stdout
    replaced = run("restore", file, "--replace", home=home)
    assert replaced.exit_code == 0, replaced.output
    assert "what was there is in" in replaced.stderr


def test_a_home_may_be_named_from_where_one_stands(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = run("backup", tmp_path, home=home).stdout.strip()
    monkeypatch.chdir(tmp_path)

    for more in ([], ["--replace", "--from-another-service"]):
        found = run("restore", file, *more, home=Path("other"))
        assert found.exit_code == 0, found.output

    kept = {"audit.head", "audit.key", "images", "papscope.sqlite", "serving.lock"}
    left = {one.name for one in Path("other").iterdir()} - kept
    (aside,) = left
    assert (Path("other") / aside / "papscope.sqlite").is_file()
    assert run("audit", "verify", home=Path("other")).exit_code == 0


def test_a_damaged_backup_is_told_with_a_status_of_its_own(home: Path, tmp_path: Path) -> None:
    file = Path(run("backup", tmp_path, home=home).stdout.strip())
    file.write_bytes(file.read_bytes()[:-40])

    assert run("backup", "--verify", file, home=home).exit_code == 18
    found = run("restore", file, home=tmp_path / "other")
    assert found.exit_code == 18
    assert "is cut short, damaged, or no backup" in found.stderr


def test_cases_whose_time_has_come_are_listed_marked_and_deleted(home: Path) -> None:
    old = f"{1:032x}"

    listed = run("retention", "--days", "30", "--dry-run", home=home)
    marked = run("retention", "--days", "30", home=home)
    later = run("retention", "--days", "30", "--dry-run", home=home)
    deleted = run("retention", "--days", "30", "--now", home=home)

    assert listed.stdout == f"{old}  made 2020-01-02 00:00 UTC  not marked yet\n"
    assert marked.stdout == f"{old}  goes in a day\n"
    goes = (utc_now() + timedelta(days=1)).strftime("%Y-%m-")
    assert f"{old}  made 2020-01-02 00:00 UTC  goes {goes[:4]}" in later.stdout
    assert deleted.stdout == f"{old}  deleted\n"
    assert run("audit", "show", "--what", "case-deleted", home=home).stdout.endswith(
        '{"pictures":0}\n'
    )


@pytest.mark.parametrize(
    "words",
    [["audit", "verify"], ["audit", "head"], ["backup", "x.zip"], ["retention", "--days", "9"]],
)
def test_a_home_that_is_none_is_told_and_not_made(tmp_path: Path, words: list[str]) -> None:
    found = run(*words, home=tmp_path / "typo")

    assert found.exit_code == 14
    assert "there is no database" in found.stderr
    assert not (tmp_path / "typo").exists()
