"""The page of a leak audit: the verdict first, pictures side by side, nothing from elsewhere."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image

from papscope.checks.leaks import Audit, audit_split
from papscope.evaluate.compare import Compared
from papscope.evaluate.inflation import Inflation
from papscope.evaluate.intervals import Estimate
from papscope.image import Box
from papscope.manifest import Manifest, Row
from papscope.report.leak_page import MOST_SHOWN, write_leak_page
from papscope.split import Protocol, Split
from papscope.taxonomy import CellClass

CLASSES = (CellClass("calm"), CellClass("odd"))


def field(root: Path, cells: int = 2, files: int = 1, name: str = "field") -> Manifest:
    """Pictures of cells whose crops overlap."""
    rows = []
    for file in range(files):
        noise = np.random.default_rng(file).integers(0, 255, (120, 160, 3), dtype=np.uint8)
        path = PurePosixPath(f"{name}-{file}.png")
        Image.fromarray(noise).save(root / path)
        rows += [
            Row(
                id=f"{path}:{cell}",
                path=path,
                label="calm",
                dataset="made",
                width=160,
                height=120,
                sha256="",
                box=Box(20 * cell, 10, 40, 40),
                group=f"group {file}",
            )
            for cell in range(cells)
        ]
    return Manifest(root, tuple(rows), "made", CLASSES, "none", "nobody", group_is="field")


def audited(manifest: Manifest, *, leaks: bool = True) -> Audit:
    """The first crop of each file is tested by, the others are learned from, if it shall leak."""
    rows = manifest.rows
    test = [row for row in rows if row.id.endswith(":0")] if leaks else [rows[0], rows[1]]
    part_of = {row.id: "test" if row in test else "train" for row in rows}
    protocol = Protocol(by="given", seed=0, shares={})
    return audit_split(manifest, Split(protocol, part_of, manifest.digest))


def worth(audit: Audit) -> Inflation:
    gap = Compared(0.5, 0.75, Estimate(0.25, 0.125, 0.375, 9), 1.0, False)
    assert audit
    return Inflation(
        how="parts",
        measures={"accuracy": gap},
        paired=False,
        n=(9, 9),
        groups=(3, 4),
        training=(20, 21),
        resamples=500,
        settings={"epochs": 2},
    )


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "leaks.html"


def words_of(page: Path) -> str:
    text = re.sub(r"<style>.*?</style>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)).replace("\u00a0", " ")


def test_the_verdict_comes_first_and_the_command_where_nothing_was_measured(
    tmp_path: Path, page: Path
) -> None:
    command = "papscope audit-split a.csv --split b.csv"
    write_leak_page(page, audited(field(tmp_path)), command=command)

    words = words_of(page)

    assert words.index("LEAKS: 1 of 1 test images (100 %) has a relative in training.") < 600
    assert "What the leak is worth was not measured." in words
    assert f"{command} --measure" in words


def test_crops_stand_side_by_side_and_in_their_picture(tmp_path: Path, page: Path) -> None:
    write_leak_page(page, audited(field(tmp_path)))
    text = page.read_text(encoding="utf-8")

    part = text[text.index('id="k-overlap"') : text.index('id="k-source"')]

    assert part.count("<img src=") == 3
    assert "50% of the smaller crop" in part
    assert part.index("<b>test</b>") < part.index("<b>training</b>")


def test_what_it_is_worth_is_told_with_its_interval(tmp_path: Path, page: Path) -> None:
    audit = audited(field(tmp_path))
    write_leak_page(page, audit, worth(audit))

    words = words_of(page)

    assert "inflation +0.250 (95 % interval +0.125 to +0.375)" in words
    assert "Accuracy 0.750 0.500 +0.250 +0.125 to +0.375" in words
    assert "The two test sets differ" in words
    assert "4 families" in words
    assert "not measured" not in words


def test_a_clean_split_says_what_was_looked_for_and_what_nobody_sees(
    tmp_path: Path, page: Path
) -> None:
    write_leak_page(page, audited(field(tmp_path, files=2), leaks=False))
    words = words_of(page)
    assert "No leak found: none of the 2 test images has a relative in training." in words
    assert "Looked for: listed twice; the same picture;" in words
    assert "two photographs of one cell" in words
    assert "LEAKS" not in words


def test_what_to_do_follows_from_what_crosses(tmp_path: Path, page: Path) -> None:
    write_leak_page(page, audited(field(tmp_path)))
    assert "Divide again by field, and audit the new split" in words_of(page)
    assert "stands in several groups" not in words_of(page)

    made = field(tmp_path, files=2)
    Image.open(tmp_path / "field-0.png").resize((320, 240), 0).save(tmp_path / "field-1.png")
    twice = [replace(row, box=None) for row in made.rows[::2]]
    parts = {"field-0.png:0": "test", "field-1.png:0": "train"}
    split = Split(Protocol(by="given", seed=0, shares={}), parts, "")
    write_leak_page(page, audit_split(replace(made, rows=tuple(twice)), split))
    assert "stands in several groups" in words_of(page)
    assert "Divide again" not in words_of(page)


def test_only_so_many_pairs_are_shown_from_as_many_pictures(tmp_path: Path, page: Path) -> None:
    write_leak_page(page, audited(field(tmp_path, files=MOST_SHOWN + 3)))
    text = page.read_text(encoding="utf-8")
    part = text[text.index('id="k-group"') :]
    assert part.count('<div class="duo crops">') == MOST_SHOWN
    assert len(set(re.findall(r'alt="test image (field-\d)', part))) == MOST_SHOWN


def test_a_picture_that_is_gone_stops_nothing(tmp_path: Path, page: Path) -> None:
    audit = audited(field(tmp_path))
    (tmp_path / "field-0.png").unlink()
    write_leak_page(page, audit)
    assert "No picture of field-0.png:0" in page.read_text(encoding="utf-8")


def test_names_are_shown_and_never_run(tmp_path: Path, page: Path) -> None:
    write_leak_page(page, audited(field(tmp_path, name="<script>x")))
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;x-0.png:0" in text
    assert not re.search(r'(src|href)="(?!data:|#)', text)


def test_the_same_audit_gives_the_same_bytes_and_no_folder(tmp_path: Path, page: Path) -> None:
    audit = audited(field(tmp_path))
    first = write_leak_page(page, audit).read_bytes()
    assert write_leak_page(tmp_path / "again.html", replace(audit)).read_bytes() == first
    assert str(tmp_path).encode() not in first
