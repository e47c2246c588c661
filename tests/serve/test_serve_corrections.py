"""Corrections: what goes out, what is left out and why, and that a model can be trained on them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections import Counter
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from made_case import made_case
from made_readers import Asking, pictures, reader
from PIL import Image
from sqlalchemy import select
from typer.testing import CliRunner

from papscope.cli.main import app as command_line
from papscope.manifest import Manifest, read_manifest
from papscope.seeds import stream
from papscope.serve import corrections, verdicts
from papscope.serve.people import Person
from papscope.serve.services import Services
from papscope.serve.store.tables import AuditEntry
from papscope.serve.verdicts import Given

LABELS = ("NILM", "ASC-US", "LSIL", "ASC-H", "HSIL", "SCC")


def blot(number: int, *, case: int) -> bytes:
    """Draw a picture that no other number's looks like."""
    draw = stream(100 * case + number, "test/blot")
    coarse = Image.fromarray(draw.integers(60, 230, (6, 6, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((48, 48), Image.Resampling.BICUBIC))
    sharp = (smooth + draw.normal(0, 12, smooth.shape)).clip(0, 255).astype(np.uint8)
    held = io.BytesIO()
    Image.fromarray(sharp).save(held, "PNG")
    return held.getvalue()


def unpacked(data: bytes, folder: Path) -> tuple[Manifest, dict[str, str]]:
    """The manifest of an archive, and why pictures were left out of it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    rows = csv.DictReader((folder / "left-out.csv").read_text().splitlines())
    return read_manifest(folder / "manifest.csv"), {row["image"]: row["reason"] for row in rows}


def all_read(services: Services, case_id: str, person: Person) -> None:
    """Let somebody say a class of each picture, one after the other."""
    for place, image_id in enumerate(pictures(services, case_id)):
        verdicts.give(services, image_id, person, Given("correct", LABELS[place % len(LABELS)]))


def test_agreed_classes_go_out_and_everything_else_is_told(
    client: TestClient, services: Services, tmp_path: Path
) -> None:
    case_id = made_case(services, 8)
    agreed, alone, unsure, differ, doubt, hidden, unread, closed_only = pictures(services, case_id)
    ada, eve = reader(services, "ada"), reader(services, "eve")
    for image_id, one, other in (
        (agreed, Given("agree"), Given("agree")),
        (alone, Given("correct", "LSIL", "Jane Doe"), None),
        (unsure, Given("unsure"), Given("unsure")),
        (differ, Given("correct", "LSIL"), Given("correct", "HSIL")),
        (doubt, Given("correct", "LSIL"), Given("unsure")),
        (hidden, None, Given("correct", "SCC")),
        (closed_only, None, Given("correct", "NILM")),
    ):
        for person, given in ((ada, one), (eve, other)):
            if given is not None:
                verdicts.give(services, image_id, person, given)
    asking, path = Asking(client, services, ada), f"/v1/cases/{case_id}/corrections"

    answer = asking.get(path)
    manifest, left_out = unpacked(answer.content, tmp_path / "open")
    eves = asking.get(path, params={"readers": "eve"})
    client.patch(f"/v1/cases/{case_id}", json={"closed": True})
    whole, left = unpacked(asking.get(path).content, tmp_path / "closed")

    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["x-papscope-manifest"] == manifest.digest
    assert {row.id: row.label for row in manifest.rows}.keys() == {agreed, alone}
    assert {row.group for row in manifest.rows} == {case_id}
    assert left_out == {
        unsure: "cannot-tell",
        differ: "disagreement",
        doubt: "disagreement",
        hidden: "hidden",
        closed_only: "hidden",
    }
    told, _ = unpacked(eves.content, tmp_path / "eve")
    assert {row.id: row.label for row in told.rows}[differ] == "HSIL"
    assert {row.id for row in whole.rows} == {agreed, alone, hidden, closed_only}
    assert set(left.values()) == {"cannot-tell", "disagreement"}
    assert unread not in {row.id for row in whole.rows}
    for row in manifest.rows:
        assert sha256(manifest.file_of(row).read_bytes()).hexdigest() == row.sha256
    assert b"Jane" not in answer.content
    assert b"cell-0" not in answer.content


def test_the_same_picture_goes_out_once_and_not_at_all_under_two_names(
    services: Services,
) -> None:
    case_ids = [made_case(services, 3) for _ in range(2)]  # the maker draws the same pictures
    ada = reader(services, "ada")
    for case_id in case_ids:
        for image_id in pictures(services, case_id)[:2]:
            verdicts.give(services, image_id, ada, Given("correct", "LSIL"))
    verdicts.give(services, pictures(services, case_ids[1])[1], ada, Given("correct", "HSIL"))

    found = corrections.export(services, case_ids, ada)

    assert len(found.rows) == 1
    assert Counter(one.reason for one in found.left_out) == {"twin": 1, "twin-labels": 2}


def test_the_same_verdicts_give_the_same_bytes_and_the_log_tells_who_took_them(
    services: Services,
) -> None:
    case_id, ada = made_case(services, 6), reader(services, "ada")
    all_read(services, case_id, ada)

    one, other = (b"".join(corrections.export(services, [case_id], ada).archive()) for _ in "ab")

    assert one == other
    with services.database.reading() as session:
        wanted = select(AuditEntry).where(AuditEntry.what == "corrections-exported")
        log = session.scalars(wanted).all()
    assert [(entry.who, entry.case_id) for entry in log] == [("ada", case_id)] * 2
    assert '"pictures":6' in log[0].details


def test_what_cannot_be_exported_is_refused(client: TestClient, services: Services) -> None:
    case_id = made_case(services, 2)
    path = f"/v1/cases/{case_id}/corrections"

    nothing = client.get(path)
    stranger = client.get(path, params={"readers": "nobody"})
    none = client.get("/v1/corrections")
    gone = client.get("/v1/corrections", params={"case": ["0" * 32]})

    assert (nothing.status_code, stranger.status_code) == (422, 404)
    assert "no picture with a class that its readers agree on" in nothing.json()["error"]["what"]
    assert (none.status_code, gone.status_code) == (422, 404)


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_corrections_pass_the_check_are_split_by_case_and_trained_on(
    client: TestClient, services: Services, tmp_path: Path
) -> None:
    ada = reader(services, "ada")
    case_ids = [made_case(services, 12, draw=partial(blot, case=case)) for case in range(5)]
    for case_id in case_ids:
        all_read(services, case_id, ada)
    data = Asking(client, services, ada).get("/v1/corrections", params={"case": case_ids}).content
    manifest, _ = unpacked(data, tmp_path)
    table, split, run = (str(tmp_path / name) for name in ("manifest.csv", "split.csv", "run"))

    words: list[list[str]] = [
        ["check", table],
        ["split", table, "-o", split],
        ["train", table, "--split", split, "--backbone", "test_resnet", "--weights", "none",
         "--size", "48", "--epochs", "1", "--batch-size", "8", "-o", run],
    ]  # fmt: skip
    for one in words:
        told = CliRunner().invoke(command_line, one, env={"COLUMNS": "200", "NO_COLOR": "1"})
        assert told.exit_code == 0, told.output

    assert len(manifest.rows) == 60
    assert manifest.group_is == "case"
    assert "leaks" not in Path(split).read_text().splitlines()[0].replace('"leaks": null', "")
    assert (tmp_path / "run" / "bundle" / "bundle.json").exists()
