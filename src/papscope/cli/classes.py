"""The command `papscope classes`: what each data set's classes may be taken to mean.

Takes   the name of a data set, or nothing
Gives   tables with the sentences of reports and their sources, or JSON, on standard output
Never   reads an image or a model
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from papscope.cli.terminal import told_on_terminal

if TYPE_CHECKING:
    from rich.table import Table

NOTICE = "What single cells look like: never a diagnosis of a slide or of a person."


def classes(
    dataset: Annotated[
        str | None,
        typer.Argument(help="One data set; all of them by default.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Show what each data set's classes may be taken to mean, and by which sources.

    The sentences are those of reports. A class without a Bethesda category has none because no
    single one fits.
    """
    with told_on_terminal():
        chosen = _chosen(dataset)
        if as_json:
            typer.echo(json.dumps(_json(chosen), indent=2, ensure_ascii=False))
        else:
            _show(chosen)


def _chosen(dataset: str | None) -> tuple[str, ...]:
    from papscope.errors import SettingError
    from papscope.taxonomy import KNOWN

    if dataset is None:
        return tuple(KNOWN)
    if dataset not in KNOWN:
        raise SettingError(
            f"papscope knows no classes of {dataset!r}",
            hint=f"name one of {', '.join(KNOWN)}; of your own classes it knows what you said at "
            "the import",
        )
    return (dataset,)


def _json(chosen: tuple[str, ...]) -> list[dict[str, Any]]:
    from papscope.readings import reading_of, to_json
    from papscope.taxonomy import KNOWN

    return [
        {"dataset": name, "classes": [to_json(one, reading_of(one, name)) for one in KNOWN[name]]}
        for name in chosen
    ]


def _show(chosen: tuple[str, ...]) -> None:
    from rich.console import Console

    from papscope.literature import SOURCES
    from papscope.readings import readings

    console = Console(highlight=False, markup=False)
    for name in chosen:
        console.print(_table(name))
    console.print(NOTICE)
    named = {key for name in chosen for one in readings(name) for key in one.sources}
    console.print("\nsources")
    for key, text in SOURCES.items():
        if key in named:
            console.print(f"  {key}: {text}")


def _table(dataset: str) -> Table:
    from rich.table import Table
    from rich.text import Text

    from papscope.readings import readings
    from papscope.taxonomy import KNOWN

    table = Table(title=dataset, title_justify="left", show_lines=True)
    for heading in ("class", "counts as", "category", "in reports", "because", "sources"):
        table.add_column(heading)
    for one, reading in zip(KNOWN[dataset], readings(dataset), strict=True):
        cells = (one.name, one.side or "-", reading.category, reading.whole, reading.why,
                 ", ".join(reading.sources))  # fmt: skip
        table.add_row(*map(Text, cells))
    return table
