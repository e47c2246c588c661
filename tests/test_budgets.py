"""The budgets: short modules, short functions, few arguments, light imports, telling names.

Lines of a module are all its lines. Lines of a function are those of its body, without its
docstring and its signature. Complexity is ruff's C901; here only its setting is held.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "papscope"
MODULES = sorted(SOURCE.rglob("*.py"))
NAMES = [file.relative_to(SOURCE).as_posix() for file in MODULES]
STEPS = "serve/store/migrations/versions/"
"""Written by Alembic from the tables, one line a column, and never edited after a release."""

MODULE_LINES, MEDIAN_LINES, FUNCTION_LINES, COMPLEXITY, ARGUMENTS = 300, 120, 40, 8, 6
EMPTY_NAMES = {"utils", "util", "helpers", "common", "misc", "core"}
HEAVY = ("torch", "torchvision", "timm", "lightning", "pandas", "sklearn", "scipy", "matplotlib",
         "httpx", "jinja2", "numpy", "PIL", "safetensors", "py7zr")  # fmt: skip

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(file: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            yield node


def body_lines(function: Function) -> int:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return 0 if not body else (function.end_lineno or 0) - body[0].lineno + 1


def arguments(function: Function) -> int:
    given = function.args
    names = [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


@pytest.mark.parametrize("name", NAMES)
def test_a_module_keeps_its_budget(name: str) -> None:
    file = SOURCE / name
    length = len(file.read_text(encoding="utf-8").splitlines())
    counted = () if name.startswith(STEPS) else functions(file)
    long = [one.name for one in counted if body_lines(one) > FUNCTION_LINES]
    greedy = [one.name for one in functions(file) if arguments(one) > ARGUMENTS]

    assert length <= MODULE_LINES
    assert long == []
    assert name.startswith("cli/") or greedy == []
    assert file.stem not in EMPTY_NAMES
    assert file.parent.name not in EMPTY_NAMES


def test_half_of_the_modules_are_short() -> None:
    lengths = [len(file.read_text(encoding="utf-8").splitlines()) for file in MODULES]
    assert median(lengths) <= MEDIAN_LINES


@pytest.mark.parametrize("name", NAMES)
def test_a_module_says_what_it_takes_gives_and_never_does(name: str) -> None:
    tree = ast.parse((SOURCE / name).read_text(encoding="utf-8"))
    told = ast.get_docstring(tree) or ""
    assert told
    if len(tree.body) > 3:
        assert [word for word in ("Takes ", "Gives ", "Never ") if f"\n{word}" not in told] == []


def test_what_is_counted_is_the_body(tmp_path: Path) -> None:
    text = 'def f(\n    a, *, b\n):\n    """Say.\n\n    More.\n    """\n    x = 1\n\n    return x\n'
    (tmp_path / "m.py").write_text(text)
    (one,) = functions(tmp_path / "m.py")
    assert (body_lines(one), arguments(one)) == (3, 2)


def test_ruff_holds_the_complexity() -> None:
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]
    assert ruff["lint"]["mccabe"]["max-complexity"] == COMPLEXITY
    assert "C90" in ruff["lint"]["select"]
    assert "C901" not in str(ruff["lint"]["per-file-ignores"])


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['papscope', '--help']\n"
        "from papscope.cli.main import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        f"print('HEAVY', *sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert "Usage: papscope" in told
    assert told.splitlines()[-1] == "HEAVY"


@pytest.mark.parametrize(
    "module", ["bundle", "checks.run", "cutting", "evaluate.summary", "importing", "materialise",
               "report.page", "scores"],
)  # fmt: skip
def test_what_needs_no_network_imports_no_torch(module: str) -> None:
    code = f"import sys, papscope.{module}; print('torch' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert told == "False\n"
