"""No text that people see claims what single cells cannot show: all of them are read here."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from papscope.claims import RULES, Claim, claims
from papscope.literature import SOURCES
from papscope.readings import readings
from papscope.taxonomy import KNOWN

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "papscope"
THE_LIST = SOURCE / "claims.py"
SHOWN = {".j2", ".js", ".html", ".svg", ".toml", ".json", ".md", ".txt"}
"""Of the package's files beside its modules: whatever people may come to see."""

TITLE = (
    "Liquid based-cytology Pap smear dataset for automated multi-class diagnosis of pre-cancerous "
    "and cervical cancer lesions."
)
NOT_FOR = "stands in the list of what a model must not be used for"
ALLOWED: Mapping[str, str] = {
    TITLE: "the title of a paper",
    "Good Machine Learning Practice for Medical Device Development: Guiding Principles.": (
        "the title of a guidance, which is cited"
    ),
    "Good Machine Learning Practice for Medical Device Development: ten guiding principles": (
        "the title of a guidance, which is cited"
    ),
    "any diagnosis, triage, screening or second opinion of a patient: it is no medical device, and "
    "nobody has examined it as one": NOT_FOR,
    "- Any diagnosis, triage, screening or second opinion of a patient: it is no medical device, "
    "and nobody has examined it as one.": NOT_FOR,
    "telling that a slide is normal: it sees one cell at a time, and cannot exclude disease": (
        NOT_FOR
    ),
    "- Telling that a slide is normal: it sees one cell at a time, and cannot exclude disease.": (
        NOT_FOR
    ),
    "diagnosis": "a column's name in other people's tables",
    "``` image,diagnosis,slide a/0001.png,NILM,S01 a/0002.png,LSIL,S01 ```": "such a table",
    "The nucleus' size, outline and texture (*chromatin*) carry most of the diagnosis;": (
        "what cytologists look at"
    ),
    "Never misses a pair within the radius, but for pictures that share one hash by chance": (
        "of a search for pairs"
    ),
}
"""Sentences that are no claims, to the letter, each with the reason."""


def strings(module: Path) -> Iterator[str]:
    """Every text in a module, its docstrings too; what an f-string fills in is left open."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    filled = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    for each in filled:
        yield "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}" for part in each.values
        )
    parts = {id(part) for each in filled for part in ast.walk(each)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


def values(content: Any) -> Iterator[str]:
    """Every text in what JSON or TOML holds."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, Mapping):
        for one in content.values():
            yield from values(one)
    elif isinstance(content, list):
        for one in content:
            yield from values(one)


def plain(text: str) -> str:
    """A page's words without its tags, its style and what fills it."""
    text = re.sub(r"<style\b.*?</style>|{%.*?%}|{#.*?#}", " ", text, flags=re.DOTALL)
    return re.sub(r"<[^>]*>", " ", text)


def texts(file: Path) -> Iterator[str]:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".py":
        yield from strings(file)
    elif file.suffix == ".css":
        yield from re.findall(r"content:\s*\"([^\"]*)\"", text)
    elif file.suffix in (".json", ".toml"):
        yield from values(json.loads(text) if file.suffix == ".json" else tomllib.loads(text))
    else:
        yield plain(text) if file.suffix in (".j2", ".html") else text


def files() -> list[Path]:
    packaged = (one for one in SOURCE.rglob("*") if one.suffix in SHOWN | {".py", ".css"})
    manual = (one for one in (ROOT / "docs").rglob("*") if one.suffix in (".md", ".py"))
    return sorted([*(set(packaged) - {THE_LIST}), *manual, *ROOT.glob("*.md")])


ROOMS = sorted({file.relative_to(ROOT).parts[:3] for file in files()})


@cache
def claimed(file: Path) -> tuple[Claim, ...]:
    return tuple(one for text in texts(file) for one in claims(text))


@pytest.mark.parametrize("room", ROOMS, ids="/".join)
def test_no_text_claims_what_cells_cannot_show(room: tuple[str, ...]) -> None:
    mine = [file for file in files() if file.relative_to(ROOT).parts[:3] == room]

    found = [
        f"{file.relative_to(ROOT)}: {one.sentence} ({one.rule.why})"
        for file in mine
        for one in claimed(file)
        if one.sentence not in ALLOWED
    ]

    assert found == [], "reword these, or allow the sentence in tests/test_claims.py with a reason"


def test_what_is_allowed_still_stands_somewhere() -> None:
    """So that the list does not grow beyond its need."""
    told = {one.sentence for file in files() for one in claimed(file)}

    assert sorted(set(ALLOWED) - told) == []


CLAIMS = [
    "The model diagnoses cervical cancer.",
    "Diagnosis: HSIL.",
    "The slide is HSIL.",
    "This patient has a lesion.",
    "The woman is healthy.",
    "Specimen shows carcinoma.",
    "A normal smear.",
    "Negative slide: nothing to see.",
    "This rules out cancer.",
    "A low score excludes disease.",
    "It is safe to send her home.",
    "It was clinically validated on 400 fields.",
    "FDA approved.",
    "A CE-marked medical device.",
    "papscope detects cancer early.",
    "It finds lesions that people miss.",
    "Declared cancer-free.",
    "Its answers are 100 % accurate.",
    "It finds 100 % of the slides with a lesion.",
    "Sensitivity of 100%.",
    "The model is never wrong.",
    "We guarantee the result.",
    "The screening result is below.",
    "Result: negative",
    "She needs a colposcopy.",
    "It replaces the cytologist.",
    "Expert-level accuracy on CRIC.",
]


@pytest.mark.parametrize("sentence", CLAIMS)
def test_a_made_claim_is_found_wherever_it_stands(sentence: str) -> None:
    [*found] = claims(f"Some words before.\n\n- an item\n- {sentence}\n\nAnd some after.")

    assert found
    assert all(one.sentence.removeprefix("- ") == sentence for one in found)


def test_every_rule_is_broken_by_some_made_claim() -> None:
    broken = {rule.why for rule in RULES for one in CLAIMS if rule.broken_by(one)}
    assert broken == {rule.why for rule in RULES}


@pytest.mark.parametrize(
    "sentence",
    [
        "It is no diagnosis of a slide or a patient.",
        "Research software, not a medical device.",
        "It cannot exclude disease.",
        "Cells consistent with HSIL.",
        "It has not been validated clinically.",
        "A cell is referred to a person.",
        "Share wrong: 0.300 at 25%, 0.429 at 100%.",
        "Nothing here finds a lesion, and no share of abnormal cells is measured.",
    ],
)
def test_what_denies_a_claim_or_speaks_of_cells_is_none(sentence: str) -> None:
    assert list(claims(sentence)) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("made.py", 'def f(what: str) -> str:\n    return f"The slide is HSIL: {what}"\n'),
        ("made.py", '"""The patient has a lesion."""\n'),
        ("made.html.j2", "<p>The <b>slide</b> is\n  negative.</p>{% if x %}{% endif %}"),
        ("made.js", 'const words = "This rules out cancer.";'),
        ("made.css", 'p::after { content: "FDA approved"; width: 100%; }'),
        ("made.json", '{"a": [{"b": "The slide is HSIL."}]}'),
        ("made.toml", 'a = [{b = "The slide is HSIL."}]'),
        ("made.md", "# Made\n\nIt detects\ncancer.\n"),
    ],
)  # fmt: skip
def test_a_claim_is_found_in_every_kind_of_file(tmp_path: Path, name: str, content: str) -> None:
    made = tmp_path / name
    made.write_text(content, encoding="utf-8")

    assert [one for text in texts(made) for one in claims(text)]


def test_no_reading_of_a_class_is_a_verdict() -> None:
    for dataset in KNOWN:
        for one in readings(dataset):
            assert list(claims(f"{one.whole}. {one.why}.")) == []
    assert {one.sentence for text in SOURCES.values() for one in claims(text)} <= {TITLE}


def test_the_rules_are_explained_on_the_page_of_limits() -> None:
    page = " ".join((ROOT / "docs" / "limits.md").read_text(encoding="utf-8").split())
    assert [rule.why for rule in RULES if rule.why not in page] == []
