"""What users import by name: there, documented as it is, and quick to import."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import papscope

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/reference/python.md").read_text(encoding="utf-8")
FUNCTIONS = [name for name in papscope.__all__ if inspect.isfunction(getattr(papscope, name))]


def without_space(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("name", papscope.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    assert getattr(papscope, name)
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_signature_in_the_manual_is_that_of_the_code(name: str) -> None:
    node = ast.parse(inspect.getsource(getattr(papscope, name))).body[0]
    assert isinstance(node, ast.FunctionDef)
    assert node.returns is not None
    signature = f"{name}({ast.unparse(node.args)}) -> {ast.unparse(node.returns)}"

    _, _, mine = PAGE.partition(f"### `{name}`\n")

    assert without_space(signature) in without_space(mine.partition("\n#")[0])


def test_no_name_is_documented_that_is_not_there() -> None:
    documented = re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE)
    assert sorted([*documented, "__version__"]) == sorted(papscope.__all__)


def test_type_checkers_are_told_of_the_same_names() -> None:
    tree = ast.parse((ROOT / "src/papscope/__init__.py").read_text(encoding="utf-8"))
    (guarded,) = (node for node in tree.body if isinstance(node, ast.If))
    told = {
        alias.name: node.module.removeprefix("papscope.")
        for node in guarded.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }

    assert told == papscope._HOME
    assert sorted([*told, "__version__"]) == sorted(papscope.__all__)


def test_importing_papscope_imports_nothing_heavy() -> None:
    program = "import sys, papscope; print(sorted({'numpy', 'torch', 'PIL'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_name_is_imported_when_first_used_and_kept() -> None:
    from papscope.cutting import cut

    assert papscope.cut is cut
    assert vars(papscope)["cut"] is cut
    assert set(papscope.__all__) <= set(dir(papscope))


def test_a_name_that_does_not_exist_is_told_as_usual() -> None:
    with pytest.raises(AttributeError, match="module 'papscope' has no attribute 'lod'"):
        papscope.lod  # noqa: B018
