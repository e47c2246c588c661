"""The bill of materials: valid, the same each time, and complete."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import made_run
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from papscope.bundle import DESCRIPTION
from papscope.errors import MissingExtra, SettingError
from papscope.evidence import closure
from papscope.evidence.bill import bill_of_materials
from papscope.evidence.closure import Installed, installed_parts
from papscope.evidence.reading import find_subject
from papscope.files import digest_of

PARTS = (
    Installed("numpy", "2.0.0", "BSD-3-Clause AND MIT", ()),
    Installed("odd", "1", "Own terms", ()),
    Installed("papscope", "0.1.0", "Apache-2.0", ("numpy", "odd")),
)


@pytest.fixture(autouse=True)
def undated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


def bill(folder: Path, parts: tuple[Installed, ...] = PARTS) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(bill_of_materials(find_subject(str(folder)), parts))
    return content


def test_it_keeps_to_the_schema_with_all_that_is_installed(tmp_path: Path) -> None:
    made_run.crossval(tmp_path)
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    for named in ("cric-6", str(tmp_path / "cv")):
        text = bill_of_materials(find_subject(named), installed_parts())

        assert validator.validate_str(text) is None


def test_models_data_and_software_are_parts_that_need_each_other(tmp_path: Path) -> None:
    made_run.bundle(tmp_path / "m")
    digest = digest_of(tmp_path / "m" / DESCRIPTION)

    content = bill(tmp_path / "m")

    parts = {one["bom-ref"]: one for one in content["components"]}
    model = parts[f"model:{digest}"]
    assert (model["type"], model["name"]) == ("machine-learning-model", "m")
    assert model["hashes"] == [{"alg": "SHA-256", "content": digest}]
    assert model["modelCard"]["modelParameters"]["modelArchitecture"] == "resnet18"
    assert model["modelCard"]["modelParameters"]["datasets"] == [{"ref": "data:cric"}]
    assert parts["data:cric"]["licenses"] == [{"license": {"id": "CC-BY-4.0"}}]
    assert parts["numpy@2.0.0"]["licenses"][0]["expression"] == "BSD-3-Clause AND MIT"
    assert parts["odd@1"]["licenses"] == [{"license": {"name": "Own terms"}}]
    needs = {one["ref"]: set(one.get("dependsOn", ())) for one in content["dependencies"]}
    assert needs[f"model:{digest}"] == {"papscope@0.1.0", "data:cric"}
    assert needs["papscope@0.1.0"] == {"numpy@2.0.0", "odd@1"}


def test_somebodys_own_data_set_has_the_terms_that_the_model_tells(tmp_path: Path) -> None:
    made_run.bundle(tmp_path / "m", dataset="ours", licence="Ask us.")

    parts = {one["bom-ref"]: one for one in bill(tmp_path / "m")["components"]}

    assert parts["data:ours"]["name"] == "ours"
    assert parts["data:ours"]["licenses"] == [{"license": {"name": "Ask us."}}]
    assert parts["data:ours"]["description"] == "Someone 2020."


def test_it_is_undated_and_the_same_and_its_number_follows_from_what_is_in_it(
    tmp_path: Path,
) -> None:
    made_run.bundle(tmp_path / "m")

    one, two = bill(tmp_path / "m"), bill(tmp_path / "m")
    other = bill(tmp_path / "m", (*PARTS[:1], Installed("odd", "2", "Own terms", ()), PARTS[2]))

    assert one == two
    assert "timestamp" not in one["metadata"]
    assert one["serialNumber"] != other["serialNumber"]


def test_a_date_comes_from_the_environment_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_run.bundle(tmp_path / "m")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert bill(tmp_path / "m")["metadata"]["timestamp"] == "1970-01-02T00:00:00+00:00"

    monkeypatch.setenv("SOURCE_DATE_EPOCH", "today")
    with pytest.raises(SettingError, match="SOURCE_DATE_EPOCH is 'today'"):
        bill(tmp_path / "m")


def test_the_parts_are_what_papscope_needs_and_no_more() -> None:
    every = {one.name: one for one in installed_parts()}
    base = {one.name: one for one in installed_parts(())}

    assert {"numpy", "typer", "rich", "papscope"} <= set(base)
    assert {"torch", "timm"} <= set(every)
    assert not {"torch", "timm"} & set(base)
    assert not {"pytest", "mypy", "schemathesis"} & set(every)
    assert every["typer"].licence == "MIT"
    assert "numpy" in every["papscope"].needs
    assert set().union(*(one.needs for one in every.values())) <= set(every)


def test_each_part_is_named_with_the_licence_it_states() -> None:
    unknown = [one.name for one in installed_parts() if not one.licence]

    assert len(unknown) < len(installed_parts()) / 10


def test_an_uninstalled_papscope_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closure, "ROOT", "papscope-that-is-not-there")

    with pytest.raises(MissingExtra, match="was not installed"):
        installed_parts()
