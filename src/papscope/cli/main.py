"""The `papscope` command: gathers the commands and starts the one that was asked for.

Takes   the words of a command line
Gives   an exit status
Never   imports torch, pandas or matplotlib: commands do, when they run
"""

from __future__ import annotations

from typing import Annotated

import typer

from papscope import __version__
from papscope.cli.account import account
from papscope.cli.audit import audit
from papscope.cli.audit_split import audit_split
from papscope.cli.augment import augment
from papscope.cli.backup import backup, restore
from papscope.cli.calibrate import calibrate
from papscope.cli.chain import chain
from papscope.cli.check import check
from papscope.cli.classes import classes
from papscope.cli.compare import compare
from papscope.cli.crossval import crossval
from papscope.cli.doubts import doubts
from papscope.cli.ensemble import ensemble
from papscope.cli.evaluate import evaluate
from papscope.cli.evidence import evidence
from papscope.cli.explain import explain
from papscope.cli.export import export
from papscope.cli.fetch import fetch
from papscope.cli.fuse import fuse
from papscope.cli.gate import gate
from papscope.cli.import_ import import_
from papscope.cli.models import models
from papscope.cli.predict import predict
from papscope.cli.report import report
from papscope.cli.retention import retention
from papscope.cli.serve import serve
from papscope.cli.shift import shift
from papscope.cli.split import split
from papscope.cli.train import find_lr, train

app = typer.Typer(
    name="papscope",
    help="Reads Pap-smear images. Research software, not a medical device.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"papscope {__version__}")
        raise typer.Exit


@app.callback()
def _every_command(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Reads Pap-smear images. Research software, not a medical device."""


app.command("fetch")(fetch)
app.command("import")(import_)
app.command("check")(check)
app.command("split")(split)
app.command("audit-split")(audit_split)
app.command("augment")(augment)
app.command("find-lr")(find_lr)
app.command("train")(train)
app.command("chain")(chain)
app.command("fuse")(fuse)
app.command("crossval")(crossval)
app.command("ensemble")(ensemble)
app.command("evaluate")(evaluate)
app.command("compare")(compare)
app.command("calibrate")(calibrate)
app.command("gate")(gate)
app.command("doubts")(doubts)
app.command("report")(report)
app.command("evidence")(evidence)
app.command("models")(models)
app.command("classes")(classes)
app.command("predict")(predict)
app.command("explain")(explain)
app.command("shift")(shift)
app.command("export")(export)
app.command("serve")(serve)
app.add_typer(account, name="account")
app.add_typer(audit, name="audit")
app.command("backup")(backup)
app.command("restore")(restore)
app.command("retention")(retention)


def main() -> None:
    """Run the command line."""
    app()
