"""`papscope evidence`: what a run knows of its model, item by item, and what a person must write.

Takes   a run, what was measured of it, and what people wrote
Gives   a folder with a page, the same as JSON, a bill of materials, and a form of open points
Never   answers for a person, or writes over a form without asking
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from papscope.cli.terminal import progress, told_on_terminal

if TYPE_CHECKING:
    from papscope.evidence.pack import Pack


def evidence(
    run: Annotated[
        str,
        typer.Argument(
            help="The folder of a training run, a cross-validation or a bundle, or the name of a "
            "model that comes with papscope."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the files; older ones are replaced.")
    ],
    evaluation: Annotated[
        list[Path] | None,
        typer.Option(
            help="What `papscope evaluate` wrote for this model: the folder or its scores; may be "
            "given several times."
        ),
    ] = None,
    manifest: Annotated[
        list[Path] | None,
        typer.Option(
            help="The manifest of the images learned from or measured on; may be given several "
            "times."
        ),
    ] = None,
    split: Annotated[
        list[Path] | None,
        typer.Option(help="The split that was used; may be given several times."),
    ] = None,
    answers: Annotated[
        Path | None, typer.Option(help="A filled-in open.toml: what people answer.")
    ] = None,
    new_form: Annotated[
        bool, typer.Option("--new-form", help="Write open.toml anew where there is another one.")
    ] = False,
    resamples: Annotated[
        int, typer.Option(min=100, help="How many times groups are drawn for the intervals.")
    ] = 1000,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
) -> None:
    """Gather the evidence on a model: cards, checklists, subgroups, and all software in use.

    Each item of CLAIM 2024, TRIPOD+AI and GMLP is answered from the run's own files, with the file
    and the key, or is left open for a person. Nothing is made up.
    """
    from papscope.evidence.measuring import EvidenceInput
    from papscope.evidence.pack import FORM, PAGE
    from papscope.evidence.pack import evidence as gather

    with told_on_terminal(), progress() as tell:
        given = EvidenceInput(
            evaluations=tuple(evaluation or ()),
            manifests=tuple(manifest or ()),
            splits=tuple(split or ()),
            resamples=resamples,
            seed=seed,
        )
        pack = gather(run, output, given=given, answers=answers, new_form=new_form, tell=tell)
    _show(pack)
    form = output / FORM
    if pack.form_kept and _asked_anew(form, answers):
        with told_on_terminal():
            from papscope.evidence.pack import write_form

            write_form(pack, output)
    elif pack.form_kept:
        typer.echo(f"kept as it is: {form}; --new-form writes it anew", err=True)
    typer.echo(str(output / PAGE))


def _asked_anew(form: Path, answers: Path | None) -> bool:
    """Ask a person at a terminal whether to write over a form that may be filled in."""
    if not sys.stdin.isatty() or (answers is not None and form.resolve() == answers.resolve()):
        return False
    return typer.confirm(f"{form} is another form, perhaps filled in. Write it anew?", err=True)


def _show(pack: Pack) -> None:
    from rich.console import Console
    from rich.table import Table

    from papscope.evidence.checklists import STATUSES

    table = Table(title=f"{pack.subject.name} ({pack.subject.kind}): items by status")
    for head in ("list", *STATUSES):
        table.add_column(head, justify="left" if head == "list" else "right")
    for one in (*pack.checklists, *pack.data_cards):
        name = f"{one.checklist.title} {one.about}".strip()
        table.add_row(name, *(str(one.counts[status]) for status in STATUSES))
    console = Console(highlight=False, markup=False)
    console.print(table)
    console.print(f"{len(pack.waiting)} questions are left for a person")
