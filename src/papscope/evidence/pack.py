"""The evidence pack of a run: gathered, answered, written.

Takes   a run, what was measured of it, and what people wrote
Gives   `evidence.html`, `evidence.json`, `sbom.cdx.json`, and `open.toml` for a person
Never   answers what no file and no person says, or writes over a form that somebody may be filling
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from papscope import __version__
from papscope.errors import DiskError
from papscope.evidence.answers import form, open_points, read_answers
from papscope.evidence.bill import bill_of_materials
from papscope.evidence.checklists import CHECKLISTS, DATA_CARD, Filled, fill_in
from papscope.evidence.closure import installed_parts
from papscope.evidence.documents import Document, Documents
from papscope.evidence.measuring import EvidenceInput, Measured, measure
from papscope.evidence.page import page
from papscope.evidence.points import Said, points
from papscope.evidence.reading import (
    Subject,
    base_name,
    find_subject,
    known_data_sets,
    program,
    standing_words,
)
from papscope.files import canonical_json, write_text
from papscope.progress import Tell, silent

PAGE, CONTENT, BILL, FORM = "evidence.html", "evidence.json", "sbom.cdx.json", "open.toml"
FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class Pack:
    """All that is known of a run, and what is not."""

    subject: Subject
    documents: Documents
    checklists: tuple[Filled, ...]
    data_cards: tuple[Filled, ...]
    measured: Measured
    waiting: Mapping[str, list[str]]
    """The open points, each with the items that wait for it."""
    bill: str
    form_kept: bool = False
    """Whether a form that was there was left as it is."""

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {
            "papscope": "evidence",
            "format": FORMAT,
            "version": __version__,
            "purpose": "research use only; not a medical device",
            "subject": {
                "kind": self.subject.kind,
                "name": self.subject.name,
                "models": list(self.subject.models),
                "datasets": list(self.subject.datasets),
            },
            "checklists": [one.to_json() for one in self.checklists],
            "data_cards": [one.to_json() for one in self.data_cards],
            "subgroups": {
                name: {one.title: one.to_json() for one in found.tables}
                for name, found in self.measured.subgroups
            },
            "open": {
                name: {"question": points()[name].question, "for": items}
                for name, items in self.waiting.items()
            },
            "files": self.documents.digests(),
        }


def evidence(
    run: str | Path,
    folder: Path,
    *,
    given: EvidenceInput | None = None,
    answers: Path | None = None,
    new_form: bool = False,
    tell: Tell = silent,
) -> Pack:
    """Gather what a run knows of its model, and write it into a folder.

    Args:
        run: the folder of a training run, a cross-validation or a bundle, or the name of a shipped
            model.
        folder: for the four files; made where it is not there.
        given: evaluations, manifests, splits, and how to draw intervals.
        answers: what people wrote, in the form of `open.toml`.
        new_form: write `open.toml` anew where there is another one.
        tell: told as subgroups are measured.

    Raises:
        BundleError: `run` is none of these, or is damaged.
        SettingError: a file belongs to another model, or an answer to nothing that is asked.
        TableError: a table is missing or damaged.
        MissingExtra: the library of the bill of materials is not installed.
        DiskError: the folder cannot be written, or `new_form` would write over the answers given.
    """
    told = given or EvidenceInput()
    written = read_answers(answers) if answers is not None else {}
    pack = _gathered(find_subject(str(run)), told, written, tell)
    place = folder / FORM
    if new_form and answers is not None and place.resolve() == answers.resolve():
        raise DiskError(
            f"{place} holds the answers that were given, and is not written over",
            hint="keep the answers in a file of another name",
        )
    text = form(pack.waiting)
    kept = place.is_file() and not new_form and place.read_bytes() != text.encode()
    write_text(folder / BILL, pack.bill)
    write_text(folder / CONTENT, canonical_json(pack.to_json()))
    write_text(folder / PAGE, page(pack.to_json()))
    if not kept:
        write_form(pack, folder)
    return replace(pack, form_kept=kept)


def write_form(pack: Pack, folder: Path) -> None:
    """Write the form of the open points, over one that may be there.

    Raises:
        DiskError: the folder cannot be written.
    """
    write_text(folder / FORM, form(pack.waiting))


def _gathered(
    subject: Subject, given: EvidenceInput, written: Mapping[str, Said], tell: Tell
) -> Pack:
    measured = measure(subject, given, tell=tell)
    parts = installed_parts()
    bill = bill_of_materials(subject, parts)
    about = {"components": len(parts)}
    bill_digest = sha256(bill.encode()).hexdigest()
    ours = [Document("bill", BILL, bill_digest, about, frozenset(about))]
    told = program()
    known = known_data_sets()
    used = dict.fromkeys(base_name(one) for one in (*subject.datasets, *_measured_sets(measured)))
    sets = [known[name] for name in used if name in known]
    ours += [standing_words(), *sets, *([told] if told else [])]
    documents = Documents((*subject.documents, *measured.documents, *ours))
    checklists = tuple(fill_in(name, documents, written) for name in CHECKLISTS)
    cards = tuple(
        fill_in(DATA_CARD, _of_set(name, documents, subject), written, name)
        for name in dict.fromkeys((*subject.datasets, *_measured_sets(measured)))
    )
    waiting = open_points((*checklists, *cards))
    return Pack(subject, documents, checklists, cards, measured, waiting, bill)


def _measured_sets(measured: Measured) -> list[str]:
    names = (one.at("about.dataset") for one in measured.documents)
    return [name for name in names if name]


def _of_set(name: str, documents: Documents, subject: Subject) -> Documents:
    """Keep the files that speak of one data set alone."""
    known = known_data_sets().get(base_name(name))

    def speaks(one: Document) -> bool:
        if one.role == "dataset":
            return known is not None and one.file == known.file
        if one.role in ("bundle", "card", "run", "crossval", "folds", "split"):
            return subject.datasets == (name,)
        if one.role in ("scores", "external"):
            return bool(one.at("about.dataset") == name)
        return one.role == "manifest" and bool(one.at("dataset") == name)

    kept = (one for one in documents.every if speaks(one))
    return Documents(tuple(_as_scores(one) for one in kept))


def _as_scores(one: Document) -> Document:
    """In the card of its own data set, an evaluation is of that data set."""
    if one.role != "external":
        return one
    return Document("scores", one.file, one.sha256, one.content, one.computed)
