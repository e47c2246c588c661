from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from papscope.cli.main import app
from papscope.files import digest_of
from papscope.manifest import Manifest, Row, write_manifest
from papscope.split import Protocol, Split, write_split
from papscope.taxonomy import CellClass


def run(*words: str | Path) -> Result:
    wide = {"COLUMNS": "200", "NO_COLOR": "1"}
    return CliRunner().invoke(app, ["check", *map(str, words)], env=wide)


def made(folder: Path, *, label: str = "calm") -> Path:
    """A manifest of six sound images in six groups."""
    folder.mkdir(exist_ok=True)
    rows = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        blobs = Image.fromarray(rng.integers(40, 220, (12, 12, 3), dtype=np.uint8))
        file = folder / f"{seed}.png"
        blobs.resize((64, 64), Image.Resampling.NEAREST).save(file)
        fixed = (label, "made", 64, 64, digest_of(file))
        rows.append(Row(file.name, PurePosixPath(file.name), *fixed, group=f"slide {seed}"))
    return written(folder, rows)


def written(folder: Path, rows: list[Row]) -> Path:
    label = rows[0].label
    assert label is not None
    place = folder / "made.csv"
    classes = (CellClass(label, "normal"),)
    write_manifest(place, Manifest(folder, tuple(rows), "made", classes, "none", "none"))
    return place


def soften(folder: Path) -> None:
    """Put a soft image in the place of one, and say so in the manifest."""
    from papscope.manifest import read_manifest

    few = Image.fromarray(np.random.default_rng(9).integers(0, 255, (4, 4, 3), dtype=np.uint8))
    few.resize((64, 64), Image.Resampling.BICUBIC).save(folder / "2.png")
    rows = list(read_manifest(folder / "made.csv").rows)
    old = rows[2]
    fixed = (old.label, old.dataset, 64, 64, digest_of(folder / "2.png"))
    rows[2] = Row(old.id, old.path, *fixed, group=old.group)
    written(folder, rows)


def test_sound_images_end_with_status_0_and_counts(tmp_path: Path) -> None:
    result = run(made(tmp_path))

    assert result.exit_code == 0, result.output
    assert "made: 6 images in 6 files" in result.output
    assert "nothing found" in result.output


def test_warnings_alone_end_with_status_4(tmp_path: Path) -> None:
    place = made(tmp_path)
    soften(tmp_path)

    result = run(place)

    assert result.exit_code == 20, result.output
    assert "blurred" in result.output
    assert "2.png" in result.output


def test_a_reason_to_stop_ends_with_status_5_and_is_told_with_advice(tmp_path: Path) -> None:
    place = made(tmp_path)
    (tmp_path / "3.png").write_text("text")

    result = run(place)

    assert result.exit_code == 5
    assert "3.png is not a picture" in result.output
    assert "Remove it and import again." in result.output
    assert "Traceback" not in result.output


def test_json_on_standard_output_is_json_alone(tmp_path: Path) -> None:
    place = made(tmp_path)
    (tmp_path / "3.png").unlink()

    result = run(place, "--json", "-")

    told = json.loads(result.stdout)
    assert result.exit_code == 5
    assert (told["severity"], told["found"]) == ("stop", {"missing": 1})
    assert told["findings"][0]["rows"] == ["3.png"]
    assert told["counts"] == {"calm": 6}
    assert told["manifest_sha256"] == digest_of(place)


def test_the_page_shows_pictures_needs_nothing_else_and_escapes_names(tmp_path: Path) -> None:
    place = made(tmp_path, label="<script>alert(1)</script>")
    soften(tmp_path)
    (tmp_path / "3.png").write_text("text")

    result = run(place, "--html", tmp_path / "out" / "check.html")
    page = (tmp_path / "out" / "check.html").read_text(encoding="utf-8")

    assert result.exit_code == 5
    assert page.count('<img src="data:image/jpeg;base64,') == 1
    assert page.count('class="none"') == 2  # changed since import, and no picture
    assert "&lt;script&gt;alert(1)" in page
    for outside in ("<script", "http:", "https:", str(tmp_path)):
        assert outside not in page
    again = run(place, "--html", tmp_path / "again.html")
    assert again.exit_code == 5
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_the_page_shows_a_bounded_number_of_findings_and_tells_of_the_rest(tmp_path: Path) -> None:
    from papscope.checks.findings import Report, finding
    from papscope.manifest import read_manifest
    from papscope.report.check_page import MOST_SHOWN, write_check_page

    images = read_manifest(made(tmp_path))
    findings = tuple(finding("blurred", (f"{k % 6}.png",), f"no. {k}") for k in range(40))
    report = Report(findings, {"calm": 6}, {"calm": 6}, 6, 6, "made", "")

    page = write_check_page(tmp_path / "check.html", report, images).read_text(encoding="utf-8")

    assert page.count("<img") == MOST_SHOWN
    assert f"and {40 - MOST_SHOWN} more" in page


def test_a_split_is_looked_at_for_copies_on_both_sides(tmp_path: Path) -> None:
    place = made(tmp_path)
    (tmp_path / "5.png").write_bytes((tmp_path / "0.png").read_bytes())
    from papscope.manifest import read_manifest

    rows = list(read_manifest(place).rows)
    old = rows[5]
    fixed = (old.label, old.dataset, 64, 64, rows[0].sha256)
    rows[5] = Row(old.id, old.path, *fixed, group=old.group)
    written(tmp_path, rows)
    parts = {row.id: "train" for row in rows} | {"5.png": "test"}
    protocol = Protocol(by="group", seed=0, shares={"train": 0.8, "test": 0.2})
    write_split(tmp_path / "s.csv", Split(protocol, parts, digest_of(place)))

    result = run(place, "--split", tmp_path / "s.csv", "--json", "-")

    assert json.loads(result.stdout)["found"] == {"twin-parts": 1}


@pytest.mark.parametrize("option", [[], ["--split", "no.csv"]])
def test_a_check_that_cannot_be_made_says_so_on_standard_error(
    tmp_path: Path, option: list[str]
) -> None:
    place = made(tmp_path) if option else tmp_path / "absent.csv"

    result = run(place, *option)

    assert result.exit_code == 4
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
