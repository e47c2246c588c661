"""Scores, manifests and splits, read and measured for the pack.

Takes   files of scores, of manifests and of splits, and the run that they shall belong to
Gives   documents with what was measured, also for subgroups
Never   takes scores of another model, or a manifest or split that nothing here was made with
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from papscope.errors import SettingError
from papscope.evaluate.summary import summarise
from papscope.evidence.documents import Document
from papscope.evidence.reading import Subject, base_name
from papscope.evidence.subgroups import Subgroups, subgroups
from papscope.files import digest_of
from papscope.manifest import Manifest, read_manifest
from papscope.progress import Tell, silent
from papscope.report.about import read_about
from papscope.report.words import limits
from papscope.scores import Scores, read_scores
from papscope.split import Split, read_split

SCORES = "scores.csv"
_COMPUTED = frozenset({"called", "measured", "subgroups", "limits", "counted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceInput:
    """What somebody gives beside the run."""

    evaluations: tuple[Path, ...] = ()
    """Folders that `papscope evaluate` wrote, or files of scores."""
    manifests: tuple[Path, ...] = ()
    splits: tuple[Path, ...] = ()
    resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What was read beside the run's own files."""

    documents: tuple[Document, ...]
    subgroups: tuple[tuple[str, Subgroups], ...]
    """By the name of the scores."""


def measure(subject: Subject, given: EvidenceInput, *, tell: Tell = silent) -> Measured:
    """Read and measure what belongs to a run.

    Raises:
        SettingError: a file belongs to another model or other images.
        TableError: a file is missing or damaged.
        MeasureError: there is no image to measure.
    """
    manifests = [(path, read_manifest(path)) for path in given.manifests]
    places = [(path, True) for path in subject.scores]
    places += [(_scores_in(path), False) for path in given.evaluations]
    own = {path.resolve() for path in subject.scores}
    pooled = subject.kind == "cross-validation"
    documents, tables = [], []
    names: set[str] = set()
    digests = set(subject.manifests)
    for path, is_own in places:
        if not is_own and path.resolve() in own:
            continue
        scores = read_scores(path)
        if not (is_own and pooled):  # answers pooled from several models name none of them
            _refuse_other_models(path, scores, subject)
        digests.add(str((scores.about.get("manifest") or {}).get("sha256")))
        name = _unused(path, names, own=is_own and pooled)
        found = subgroups(scores, [one for _, one in manifests], given.resamples, given.seed, tell)
        documents.append(_scores_document(subject, scores, path, name, found, given))
        tables.append((name, found))
    documents += [_manifest_document(path, one, digests) for path, one in manifests]
    splits = [(path, read_split(path)) for path in given.splits]
    documents += [_split_document(path, one, digests, manifests) for path, one in splits]
    return Measured(tuple(documents), tuple(tables))


def _scores_in(path: Path) -> Path:
    return path / SCORES if path.is_dir() else path


def _unused(path: Path, names: set[str], *, own: bool) -> str:
    """Name a file by as much of its path as tells it from the others."""
    parts = path.resolve().parts
    length = 1 if own else 2
    name = "/".join(parts[-length:])
    while name in names and length < len(parts):
        length += 1
        name = "/".join(parts[-length:])
    names.add(name)
    return name


def _refuse_other_models(path: Path, scores: Scores, subject: Subject) -> None:
    model = (scores.about.get("model") or {}).get("bundle_sha256")
    if model not in subject.models:
        told = f"of the model {model[:12]}" if model else "that do not say of which model they are"
        raise SettingError(
            f"{path} holds scores {told}, not of {subject.name}",
            hint="evaluate this model with `papscope evaluate`, and give that folder",
        )


def _scores_document(
    subject: Subject,
    scores: Scores,
    path: Path,
    name: str,
    found: Subgroups,
    given: EvidenceInput,
) -> Document:
    about = read_about(scores.about)
    stamp = f"; {scores.leaks}" if scores.leaks else ""
    learned = {base_name(one) for one in subject.datasets}
    outside = bool(learned) and base_name(about.dataset or "") not in learned
    summary = summarise(scores, resamples=given.resamples, seed=given.seed)
    content: dict[str, Any] = {
        "about": dict(scores.about),
        "classes": [one.to_json() for one in scores.classes],
        "called": f"{name}{stamp}",
        "measured": summary.to_json(),
        "limits": list(limits(about, scores.classes, all(scores.groups))),
    }
    if found.tables:
        content["subgroups"] = {one.title: one.to_json() for one in found.tables}
    role = "external" if outside and about.dataset else "scores"
    return Document(role, name, digest_of(path), content, _COMPUTED)


def _manifest_document(path: Path, manifest: Manifest, digests: Iterable[str]) -> Document:
    if manifest.digest not in digests:
        raise SettingError(
            f"{path} is not the manifest that the model learned from, nor that of an evaluation",
            hint="give the manifest that was used; any change of its bytes makes it another one",
        )
    groups: dict[str, set[str]] = defaultdict(set)
    for row in manifest.rows:
        if row.label and row.group:
            groups[row.label].add(row.group)
    sizes = Counter(f"{row.width} x {row.height}" for row in manifest.rows)
    counted: dict[str, Any] = {
        "classes": {
            name: {"cells": number, "groups": len(groups[name])}
            for name, number in manifest.counts().items()
        },
        "images": len(manifest.rows),
        "sizes": dict(sorted(sizes.items())),
    }
    content = {
        "dataset": manifest.dataset,
        "licence": manifest.licence,
        "citation": manifest.citation,
        "notes": list(manifest.notes),
        "group_is": manifest.group_is,
        "settings": dict(manifest.settings),
        "counted": counted,
    }
    return Document("manifest", path.name, manifest.digest, content, _COMPUTED)


def _split_document(
    path: Path, split: Split, digests: set[str], manifests: Sequence[tuple[Path, Manifest]]
) -> Document:
    if split.manifest_sha256 not in digests:
        raise SettingError(
            f"{path} divides other images than those that the model learned from or was measured "
            "on",
            hint="give the split that was used",
        )
    content: dict[str, Any] = {"protocol": split.protocol.to_json()}
    of = [one for _, one in manifests if one.digest == split.manifest_sha256]
    if of:
        content["counted"] = _counted(split, of[0])
    content["manifest_sha256"] = split.manifest_sha256
    return Document("split", path.name, digest_of(path), content, _COMPUTED)


def _counted(split: Split, manifest: Manifest) -> Mapping[str, Mapping[str, int]]:
    found: dict[str, Counter[str]] = {part: Counter() for part in split.parts}
    for row in manifest.rows:
        part = split.part_of.get(row.id)
        if part is not None and row.label:
            found[part][row.label] += 1
    return {part: {name: by[name] for name in manifest.class_names} for part, by in found.items()}
