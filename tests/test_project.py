"""What pyproject.toml asks for and what constraints.txt pins are one set."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import papscope

ROOT = Path(__file__).parents[1]


def asked_for() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    texts = [*project["dependencies"], *extras["train"], *extras["openvino"], *extras["dev"]]
    return [Requirement(text) for text in texts]


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(version) for name, version in pairs}


def test_every_direct_need_is_pinned_within_its_bounds() -> None:
    pinned = pins()

    for need in asked_for():
        version = pinned.get(canonicalize_name(need.name))
        assert version is not None, f"constraints.txt does not pin {need.name}"
        assert version in need.specifier, f"{need.name} {version} is outside {need.specifier}"


def test_no_package_is_pinned_twice() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()

    names = [canonicalize_name(line.split("==")[0]) for line in lines if "==" in line[1:]]

    assert len(names) == len(set(names))


def test_the_changelog_tells_of_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert re.search(rf"^## \[{re.escape(papscope.__version__)}\]", changelog, re.MULTILINE)
