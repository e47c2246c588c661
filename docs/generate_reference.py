"""Write the pages of docs/reference that follow from the code, or say which are out of step.

Takes   the command line, the settings classes and the readings of classes, as they are now
Gives   docs/reference/commands.md, docs/reference/settings.md and docs/reference/classes.md
Never   leaves a page half written, or needs torch

    python docs/generate_reference.py            # write them; also `make docs`
    python docs/generate_reference.py --check    # exit status 1 where one is out of step
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from papscope.literature import SOURCES
from papscope.readings import readings
from papscope.taxonomy import KNOWN

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "papscope"
REFERENCE = ROOT / "docs" / "reference"
ENDINGS = ("Settings", "Options", "Preprocess")
MADE = "<!-- made by docs/generate_reference.py: change the code, then run `make docs` -->\n\n"


def commands() -> str:
    """Give the page of commands: what `--help` says of each, by typer's own writer."""
    words = [sys.executable, "-m", "typer", "papscope.cli.main", "utils", "docs"]
    told = subprocess.run(  # noqa: S603  # the words are fixed
        [*words, "--name", "papscope", "--title", "Commands"],
        capture_output=True,
        check=True,
        encoding="utf-8",
        cwd=ROOT,
    ).stdout
    plain = told.replace("&#x27;", "'").replace("&quot;", '"')
    # A usage is a pattern, not something to type as it stands.
    return MADE + plain.replace("```console\n$ ", "```text\n").strip() + "\n"


def settings() -> str:
    """Give the page of settings: each class with its fields, their defaults and meanings."""
    page = [MADE + "# Settings"]
    page.append(
        "What a recipe, a command or a call can set, class by class, with its default. Settings of "
        "`TrainSettings` stand in a recipe's table `[train]`, those of `OnlineSettings` in "
        "`[augment]`."
    )
    for file in sorted(SOURCE.rglob("*.py")):
        for one in settings_classes(file):
            where = ".".join(file.relative_to(SOURCE.parent).with_suffix("").parts)
            page.append(f"## {one.name}\n\n`{where}.{one.name}`: {first_line(one)}")
            page.append("\n".join(["| setting | default | |", "|---|---|---|", *lines(one)]))
    return "\n\n".join(page) + "\n"


def settings_classes(file: Path) -> Iterator[ast.ClassDef]:
    """Give the classes of a module that hold settings."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name.endswith(ENDINGS):
            yield node


def first_line(one: ast.ClassDef) -> str:
    """Give the first line of a class's docstring."""
    return (ast.get_docstring(one) or "").partition("\n")[0]


def lines(one: ast.ClassDef) -> Iterator[str]:
    """Give a table's line for each field; a text under a field tells what it means."""
    for place, node in enumerate(one.body):
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        default = f"`{ast.unparse(node.value)}`" if node.value else ""
        below = one.body[place + 1] if place + 1 < len(one.body) else None
        means = ""
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            means = " ".join(str(below.value.value).split())
        cells = (f"`{node.target.id}`: {ast.unparse(node.annotation)}", default, means)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def classes() -> str:
    """Give the page of classes: what each may be taken to mean, and by which sources."""
    page = [MADE + "# Classes, and what they may be taken to mean"]
    page.append(
        "What `papscope classes` prints, and the sentences of reports. A label is of a **single "
        "cell**: a category is what such a cell is *consistent with*, never a diagnosis of a slide "
        "or of a person. Where no single category fits, none is given. Your own classes have the "
        "category that you give with `papscope import --bethesda`, or none."
    )
    for dataset, known in KNOWN.items():
        page.append(f"## {dataset}")
        head = ["| class | counts as | category | in reports | because | sources |",
                "|---|---|---|---|---|---|"]  # fmt: skip
        rows = (
            f"| {one.name} | {one.side or '-'} | {read.category} | {read.whole} | {read.why} "
            f"| {', '.join(read.sources)} |"
            for one, read in zip(known, readings(dataset), strict=True)
        )
        page.append("\n".join([*head, *rows]))
    told = "\n".join(f"- **{key}**: {text}" for key, text in SOURCES.items())
    page.append(f"## Sources\n\n{told}")
    return "\n\n".join(page) + "\n"


def main() -> int:
    """Write the pages, or only compare them."""
    check = "--check" in sys.argv[1:]
    stale = []
    made = {"commands.md": commands(), "settings.md": settings(), "classes.md": classes()}
    for name, page in made.items():
        place = REFERENCE / name
        if place.exists() and place.read_text(encoding="utf-8") == page:
            continue
        stale.append(name)
        if not check:
            REFERENCE.mkdir(parents=True, exist_ok=True)
            place.write_text(page, encoding="utf-8", newline="\n")
    if stale and check:
        sys.stderr.write(f"out of step with the code: {', '.join(stale)}; run `make docs`\n")
    return int(bool(stale) and check)


if __name__ == "__main__":
    sys.exit(main())
