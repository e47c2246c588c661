"""A run's own files, read into documents.

Takes   the folder of a training run, a cross-validation or a bundle, or a shipped model's name
Gives   what it is, and its files by role, each with its name below the folder and its SHA-256
Never   tells where on this machine the folder lies, or reads weights
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path
from typing import Any

from papscope.bundle import CARD, DESCRIPTION, read_card, read_description
from papscope.errors import BundleError
from papscope.evidence.closure import said_once
from papscope.evidence.documents import Document
from papscope.files import digest_of
from papscope.report.card import NOT_FOR
from papscope.shipped import find_bundle, hint_for, is_bundle

_BUNDLE = "bundle"
_CROSSVAL, _SCORES, _METRICS, _RUN = "crossval.json", "scores.csv", "metrics.json", "run.json"


@dataclass(frozen=True, slots=True)
class Subject:
    """What the pack is about."""

    kind: str
    """`training run`, `cross-validation`, `bundle` or `shipped model`."""
    name: str
    models: tuple[str, ...]
    """SHA-256 of the `bundle.json` of each model, and of what it was made from or is another form
    of."""
    datasets: tuple[str, ...]
    """The data sets that its models learned from."""
    manifests: frozenset[str]
    """SHA-256 of the manifests that they learned from."""
    documents: tuple[Document, ...]
    bundles: tuple[Path, ...]
    scores: tuple[Path, ...]
    """Files of scores that belong to the run itself."""


def find_subject(named: str) -> Subject:
    """Find what somebody means by a run, and read its own files.

    Raises:
        BundleError: it is none of the things that can be meant, or is damaged.
    """
    place = Path(named)
    if (place / _CROSSVAL).is_file():
        return _cross_validation(place)
    if is_bundle(place / _BUNDLE):
        own = place / "evaluation" / _SCORES
        documents = (*_models((place / _BUNDLE,), place), *_json(place, {"run": _RUN}))
        scores = (own,) if own.is_file() else ()
        return _subject("training run", place, documents, (place / _BUNDLE,), scores)
    try:
        found = find_bundle(named)
    except BundleError:
        raise BundleError(
            f"{named} is no training run, no cross-validation and no bundle, and no shipped model "
            "has that name",
            hint=hint_for(place),
        ) from None
    if found.shipped is None:
        return _subject("bundle", place, _models((place,), place), (place,), ())
    folder = found.folder
    documents = _models((folder,), folder, shipped_as=found.shipped.name)
    return _subject("shipped model", folder, documents, (folder,), ())


def _cross_validation(place: Path) -> Subject:
    """Read a cross-validation; one fold's bundle speaks for the settings that all folds share."""
    folds = sorted(
        (one.parent for one in place.glob(f"repeat-*/fold-*/{_BUNDLE}/{DESCRIPTION}")), key=str
    )
    documents = (*_models(folds, place), *_json(place, {"crossval": _CROSSVAL, "folds": _METRICS}))
    scores = (place / _SCORES,) if (place / _SCORES).is_file() else ()
    return _subject("cross-validation", place, documents, tuple(folds), scores)


def _subject(
    kind: str,
    place: Path,
    documents: tuple[Document, ...],
    bundles: tuple[Path, ...],
    scores: tuple[Path, ...],
) -> Subject:
    told = [json.loads((one / DESCRIPTION).read_bytes()).get("provenance", {}) for one in bundles]
    digests = [digest_of(one / DESCRIPTION) for one in bundles]
    forms = [one["export"]["from"] for one in told if "export" in one]
    stages = [stage for one in told for stage in (*one.get("chain", ()), one)]
    sets = [name for one in stages for name in str(one.get("dataset") or "").split(" + ") if name]
    manifests = [one.get("manifest_sha256") for one in stages]
    if not bundles:  # a cross-validation that keeps no bundles still says what it cut
        manifests += [one.at("manifest_sha256") for one in documents if one.role == "crossval"]
    return Subject(
        kind=kind,
        name=place.resolve().name,
        models=tuple(dict.fromkeys((*digests, *forms))),
        datasets=tuple(dict.fromkeys(sets)),
        manifests=frozenset(one for one in manifests if one),
        documents=documents,
        bundles=bundles,
        scores=scores,
    )


def _models(
    bundles: tuple[Path, ...] | list[Path], place: Path, shipped_as: str = ""
) -> tuple[Document, ...]:
    """Read the first bundle for what it says; all must be sound.

    Raises:
        BundleError: one is damaged.
    """
    for folder in bundles:
        read_description(folder)
    if not bundles:
        return ()
    folder = bundles[0]
    file = folder / DESCRIPTION
    digest = digest_of(file)
    many = f"the first of {len(bundles)} models, one a fold," if len(bundles) > 1 else "the model"
    worked_out = {"sha256": digest, "called": many}
    if shipped_as:
        worked_out["shipped_as"] = shipped_as
    content = {**json.loads(file.read_bytes()), **worked_out}
    documents = [Document("bundle", _name(file, place), digest, content, frozenset(worked_out))]
    text = read_card(folder)
    if text:
        card = folder / CARD
        documents.append(Document("card", _name(card, place), digest_of(card), sections(text)))
    return tuple(documents)


def sections(text: str) -> dict[str, str]:
    r"""Cut a Markdown card at its second titles.

    >>> sections("# M\n\n## Data\n\nMine.\n\n## Licences\n\nYours.\n")
    {'Data': 'Mine.', 'Licences': 'Yours.'}
    """
    parts = f"\n{text}".split("\n## ")[1:]
    cut = (part.partition("\n") for part in parts)
    return {title.strip(): body.strip() for title, _, body in cut}


def _json(place: Path, wanted: Mapping[str, str]) -> Iterator[Document]:
    for role, name in wanted.items():
        file = place / name
        if not file.is_file():
            continue
        try:
            content = json.loads(file.read_bytes())
        except ValueError as problem:
            raise BundleError(
                f"{file} is damaged: {problem}", hint="copy it again from where it was made"
            ) from None
        if isinstance(content, dict):
            yield Document(role, _name(file, place), digest_of(file), content)


def _name(file: Path, place: Path) -> str:
    return file.relative_to(place).as_posix()


@cache
def known_data_sets() -> Mapping[str, Document]:
    """Give papscope's facts of public data sets, by the name that manifests have."""
    found = {}
    for file in sorted(files("papscope.evidence").joinpath("data/datasets").iterdir(), key=str):
        name = file.name.removesuffix(".toml")
        data = file.read_bytes()
        content: dict[str, Any] = tomllib.loads(data.decode("utf-8"))
        shown = f"papscope/evidence/data/datasets/{file.name}"
        found[name] = Document("dataset", shown, sha256(data).hexdigest(), content)
    return found


def base_name(dataset: str) -> str:
    """Give the data set that a name is a form of.

    >>> base_name("cric-4")
    'cric'
    """
    return dataset if dataset in known_data_sets() else dataset.partition("-")[0]


def standing_words() -> Document:
    """Give what papscope says of every model of single cells, wherever it came from."""
    data = files("papscope.report").joinpath("card.py").read_bytes()
    content = {"NOT_FOR": list(NOT_FOR)}
    return Document("words", "papscope/report/card.py", sha256(data).hexdigest(), content)


def program() -> Document | None:
    """Give what the installed papscope says of itself; None where it was never installed."""
    try:
        one = distribution("papscope")
    except PackageNotFoundError:
        return None
    told, licence = one.metadata, said_once(one.metadata, "License-Expression")
    content = {"version": told["Version"], **({"licence": licence} if licence else {})}
    digest = sha256((one.read_text("METADATA") or "").encode()).hexdigest()
    return Document("program", "METADATA of papscope", digest, content)
