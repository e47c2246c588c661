"""The command `papscope models`: which trained models come with papscope, and their cards.

Takes   nothing, or the name of a shipped model
Gives   a table, a card in Markdown, or JSON, on standard output
Never   reads weights, or needs torch
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from papscope.cli.terminal import told_on_terminal

if TYPE_CHECKING:
    from rich.table import Table

    from papscope.shipped import Shipped


def models(
    name: Annotated[
        str | None, typer.Argument(help="Print this model's card.", show_default=False)
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, for programs; numbers are not rounded.")
    ] = False,
) -> None:
    """List the trained models that come with papscope: classes, input, licence, what was measured.

    Each goes by its name wherever a bundle's folder may stand.
    """
    with told_on_terminal():
        from papscope.shipped import shipped_model, shipped_models

        if name is not None:
            _one(shipped_model(name), as_json=as_json)
            return
        every = shipped_models()
        if as_json:
            typer.echo(_text([one.to_json() for one in every]))
        elif every:
            _show(every)
        else:
            typer.echo("no model comes with this installation of papscope", err=True)


def _one(model: Shipped, *, as_json: bool) -> None:
    typer.echo(_text(model.to_json()) if as_json else model.card.rstrip())


def _text(content: object) -> str:
    return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)


def _show(every: tuple[Shipped, ...]) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    for one in every:
        console.print(_table(one))


def _table(model: Shipped) -> Table:
    """Show one model, a line for each thing that is known of it."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    told, preprocess = model.to_json(), model.about.preprocess
    mark = " (answers where no model is named)" if told["default"] else ""
    table = Table(
        title=f"{model.name}{mark}", box=box.SIMPLE, title_justify="left", show_header=False
    )
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    lines = {
        "for": model.purpose,
        "classes": ", ".join(model.classes),
        "input": f"{preprocess.size} x {preprocess.size} px. {model.expects}".strip(),
        "network": f"{model.about.backbone}, {model.megabytes:.1f} MB",
        "licence": model.licence,
        "digest": model.digest[:12],
        **_measured(model.about.metrics),
    }
    for title, text in lines.items():
        if text:
            table.add_row(title, Text(text))
    return table


def _measured(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Word the numbers, each with its interval, and by what they were measured."""
    from papscope.evaluate.intervals import measure_from_json
    from papscope.evaluate.summary import METRICS
    from papscope.evaluate.tables import said

    found = {"measured by": str(metrics.get("part", ""))}
    for title, measures in metrics.get("sets", {}).items():
        # JSON keeps no order of its own; tables have that of METRICS.
        told = [(METRICS[key].title, measures[key]) for key in METRICS if key in measures]
        found[title] = "\n".join(f"{name} {said(measure_from_json(one))}" for name, one in told)
    return found
