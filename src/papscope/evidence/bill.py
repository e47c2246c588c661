"""The bill of materials: the models, the data sets they learned from, and all software in use.

Takes   the run, and the installed parts that papscope needs
Gives   CycloneDX 1.6 as JSON, the same for the same content
Never   holds a date unless SOURCE_DATE_EPOCH gives it, or a part that is not installed

A model's card is put in here, since the library that writes the rest knows none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from papscope.bundle import DESCRIPTION
from papscope.errors import MissingExtra, SettingError
from papscope.evidence.closure import ROOT, Installed
from papscope.evidence.reading import Subject, base_name, known_data_sets
from papscope.files import canonical_json, digest_of

if TYPE_CHECKING:
    from cyclonedx.model.component import Component
    from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression

_EPOCH = "SOURCE_DATE_EPOCH"


def bill_of_materials(subject: Subject, parts: Sequence[Installed]) -> str:
    """Write the bill of materials of a run.

    Args:
        subject: the run.
        parts: what is installed, `papscope` among them.

    Returns:
        CycloneDX 1.6, JSON.

    Raises:
        MissingExtra: the library that writes it is not installed.
        SettingError: SOURCE_DATE_EPOCH is no number of seconds.
    """
    try:
        from cyclonedx.model.bom import Bom
        from cyclonedx.output.json import JsonV1Dot6
    except ImportError:
        raise MissingExtra(
            "the bill of materials needs cyclonedx-python-lib",
            hint='pip install "papscope[train]"',
        ) from None
    bom = Bom()
    software = {one.name: _software(one) for one in parts}
    bom.metadata.component = software[ROOT]
    told = _told_models(subject)
    data = {name: _data(name, [about for _, _, about in told]) for name in subject.datasets}
    models = {ref: _model(ref, name, about) for ref, name, about in told}
    for one in (*data.values(), *models.values(), *software.values()):
        if one is not software[ROOT]:
            bom.components.add(one)
    for part in parts:
        bom.register_dependency(software[part.name], [software[name] for name in part.needs])
    for one in models.values():
        bom.register_dependency(one, [software[ROOT], *data.values()])
    for one in data.values():
        bom.register_dependency(one)
    content = json.loads(JsonV1Dot6(bom).output_as_string())
    return _settled(content, {ref: about for ref, _, about in told}, list(data))


def _told_models(subject: Subject) -> list[tuple[str, str, dict[str, Any]]]:
    """Give each model's reference, its name and what its bundle says."""
    found = []
    for folder in subject.bundles:
        about = json.loads((folder / DESCRIPTION).read_bytes())
        digest = digest_of(folder / DESCRIPTION)
        fold = f", {folder.parent.name}" if subject.kind == "cross-validation" else ""
        found.append((f"model:{digest}", f"{subject.name}{fold}", about))
    return found


def _software(one: Installed) -> Component:
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    return Component(
        type=ComponentType.APPLICATION if one.name == ROOT else ComponentType.LIBRARY,
        name=one.name,
        version=one.version,
        bom_ref=f"{one.name}@{one.version}",
        purl=PackageURL("pypi", name=one.name, version=one.version),
        licenses=_licences(one.licence),
    )


def _licences(told: str) -> list[DisjunctiveLicense | LicenseExpression]:
    """Give a licence as an SPDX identifier, an SPDX expression, or by its name."""
    from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
    from cyclonedx.spdx import fixup_id, is_expression

    if not told:
        return []
    spdx = fixup_id(told)
    if spdx is not None:
        return [DisjunctiveLicense(id=spdx)]
    if is_expression(told):
        return [LicenseExpression(told)]
    return [DisjunctiveLicense(name=told)]


def _model(ref: str, name: str, about: Mapping[str, Any]) -> Component:
    from cyclonedx.model import HashAlgorithm, HashType, Property
    from cyclonedx.model.component import Component, ComponentType

    digest = ref.partition(":")[2]
    shipped = about.get("provenance", {}).get("shipped") or {}
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=name,
        version=digest[:12],
        bom_ref=ref,
        description=str(about.get("intended_use", "")) or None,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        licenses=_licences(str(shipped.get("licence", ""))),
        properties=[
            Property(name=f"papscope:sha256:{file}", value=value)
            for file, value in sorted(about.get("files", {}).items())
        ],
    )


def _data(name: str, models: Sequence[Mapping[str, Any]]) -> Component:
    """Name a data set by papscope's facts, or by what a model that learned from it alone says."""
    from cyclonedx.model.component import Component, ComponentType

    known = known_data_sets().get(base_name(name))
    told = (one.get("provenance", {}) for one in models)
    alone: Mapping[str, Any] = next((one for one in told if one.get("dataset") == name), {})
    content = known.content if known else {"terms": alone.get("licence"), **alone}
    return Component(
        type=ComponentType.DATA,
        name=str(content.get("title") or name),
        bom_ref=f"data:{name}",
        description=str(content.get("citation") or "") or None,
        licenses=_licences(str(content.get("spdx") or content.get("terms") or "")),
    )


def _settled(
    content: dict[str, Any], models: Mapping[str, Mapping[str, Any]], datasets: Sequence[str]
) -> str:
    """Put the models' cards in, and take chance and the clock out."""
    for one in content["components"]:
        if one["bom-ref"] in models:
            one["modelCard"] = _card(models[one["bom-ref"]], datasets)
    content.pop("serialNumber", None)
    content["metadata"].pop("timestamp", None)
    stamp = os.environ.get(_EPOCH, "").strip()
    if stamp:
        content["metadata"]["timestamp"] = _moment(stamp)
    digest = sha256(canonical_json(content).encode()).hexdigest()
    content["serialNumber"] = uuid5(NAMESPACE_URL, f"papscope:sbom:{digest}").urn
    return canonical_json(content)


def _moment(seconds: str) -> str:
    try:
        return datetime.fromtimestamp(int(seconds), UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        raise SettingError(
            f"{_EPOCH} is {seconds!r}; want seconds since 1970", hint=f"unset {_EPOCH}"
        ) from None


def _card(about: Mapping[str, Any], datasets: Sequence[str]) -> dict[str, Any]:
    classes = ", ".join(one["name"] for one in about["classes"])
    shipped = about.get("provenance", {}).get("shipped") or {}
    considerations: dict[str, Any] = {"useCases": [about.get("intended_use", "not said")]}
    if shipped.get("failures"):
        considerations["technicalLimitations"] = list(shipped["failures"])
    return {
        "modelParameters": {
            "task": "image classification",
            "modelArchitecture": about["backbone"],
            "datasets": [{"ref": f"data:{name}"} for name in datasets],
            "inputs": [{"format": "picture of one cell"}],
            "outputs": [{"format": f"probabilities of {classes}"}],
        },
        "considerations": considerations,
    }
