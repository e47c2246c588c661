"""The command `papscope check`: everything to look at before training, at once.

Takes   a manifest, and a split where there is one
Gives   a table on standard output, JSON and a page if asked, and an exit status
Never   changes an image or a manifest
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from papscope.cli.terminal import progress, told_on_terminal

if TYPE_CHECKING:
    from papscope.checks.findings import Report

_EXAMPLES = 3


def check(
    manifest: Annotated[Path, typer.Argument(help="The manifest to check.")],
    split: Annotated[
        Path | None,
        typer.Option(help="Also look for copies and groups on both sides of this split."),
    ] = None,
    json: Annotated[
        str | None, typer.Option(help="Write all findings here; `-` for standard output.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with small pictures here.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; by default one a processor, at most 8.")
    ] = None,
) -> None:
    """List all that is wrong with a data set: files, copies, focus, masks, groups, classes.

    Exit status: 0 where nothing was found, 20 for warnings alone, 5 where something must be mended
    before training. Where the check could not be made, `error:` stands on standard error.
    """
    from papscope.checks.run import check as look
    from papscope.files import canonical_json, write_text
    from papscope.manifest import read_manifest
    from papscope.split import read_split

    with told_on_terminal():
        images = read_manifest(manifest)
        made = None if split is None else read_split(split)
        with progress() as tell:
            report = look(images, split=made, workers=workers or processors(), tell=tell)
            if html is not None:
                from papscope.report.check_page import write_check_page

                write_check_page(html, report, images, tell=tell)
        if json is not None and json != "-":
            write_text(Path(json), canonical_json(report.to_json()))
        if json == "-":
            typer.echo(canonical_json(report.to_json()), nl=False)
        else:
            _show(report)
            if json is not None:
                typer.echo(f"findings: {json}")
        if html is not None:
            typer.echo(f"page: {html}", err=json == "-")
        if report.exit_status:
            raise typer.Exit(report.exit_status)


def processors() -> int:
    """Say how many processes look at images where nobody says it."""
    import os

    return min(8, os.cpu_count() or 1)


def _show(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from papscope.checks.codes import CODES

    console = Console()
    classes = Table(title=f"{report.dataset}: {report.images} images in {report.files} files")
    classes.add_column("class", overflow="fold")
    classes.add_column("images", justify="right")
    classes.add_column("groups", justify="right")
    for name, count in report.counts.items():
        classes.add_row(Text(name), str(count), str(report.groups[name]))
    console.print(classes)
    if not report.findings:
        console.print("nothing found")
        return
    table = Table(title=f"{len(report.findings)} findings")
    for column in ("severity", "code", "findings", "where, and what"):
        table.add_column(column, overflow="fold")
    for code, some in report.by_code().items():
        lines = [f"{one.where}: {one.what}" for one in some[:_EXAMPLES]]
        if len(some) > _EXAMPLES:
            lines.append(f"and {len(some) - _EXAMPLES} more")
        lines.append(f"{CODES[code].advice}")
        severity = Text(some[0].severity, style="bold red" if some[0].severity == "stop" else "")
        table.add_row(severity, code, str(len(some)), Text("\n".join(lines)))
    console.print(table)
