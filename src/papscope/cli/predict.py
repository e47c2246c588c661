"""The command `papscope predict`: a model's answers for files, folders, patterns or a list.

Takes   the words of a command line: a bundle, or none, and pictures
Gives   one line a picture on standard output or in a file; failures on standard error
Never   computes, or leaves out a good picture because of a bad one
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from papscope.cli.answering import Device, Orientations, Threads
from papscope.cli.terminal import progress, tell_model, told_on_terminal
from papscope.errors import ImageError

if TYPE_CHECKING:
    from papscope.description import Description
    from papscope.predict.predictor import Failure, Outcome, Prediction, Predictor
    from papscope.shift.glance import Glance

NOTICE = "research use only; not a medical device; labels of cells, not a diagnosis"

PIPE_CLOSED = 141
"""The exit status of a program that a closed pipe ends, as shells give it."""


def predict(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[BUNDLE] PATHS",
            help="Pictures, folders, patterns, a manifest (.csv), or - for a list on standard "
            "input, one path a line. Before them, a bundle's folder or the name of a model that "
            "comes with papscope; without one, papscope's own model answers.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="A bundle's folder, or the name of a model that comes with papscope: then all "
            "words are pictures.",
            show_default="the first word, or papscope's own model",
        ),
    ] = None,
    form: Annotated[
        Literal["table", "csv", "jsonl"],
        typer.Option("--format", help="How answers are written; csv and jsonl do not round."),
    ] = "table",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write to this file, whole or not at all."),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Images a batch; the answers do not depend on it.")
    ] = 32,
    device: Device = "auto",
    threads: Threads = 0,
    orientations: Orientations = None,
) -> None:
    """Let a model answer for pictures: the class, its probability, and those of all classes.

    Pictures that cannot be used are listed at the end with the reason, and the exit status is
    then 3; all others are answered.
    """
    with told_on_terminal():
        from papscope.predict.predictor import load
        from papscope.predict.sources import STDIN, named_by
        from papscope.predict.table import Layout, lines
        from papscope.predict.words import model_and_pictures
        from papscope.taxonomy import graded_places

        found, paths = model_and_pictures(words, model)
        ready = load(found.folder, device=device, threads=threads, orientations=orientations)
        sources = named_by(paths, _listed() if STDIN in paths else ())
        ready, glance = _watched(ready, len(sources))
        tell_model(found)
        typer.echo(NOTICE, err=True)
        failures: list[Failure] = []
        classes = tuple(one.name for one in ready.about.classes)
        layout = Layout(
            classes,
            width=shutil.get_terminal_size().columns,
            longest=max(len(source.called) for source in sources),
            graded=graded_places(ready.about.classes) is not None,
            sets=ready.rules.sets is not None,
            refers=ready.rules.any,
            gated=ready.gate is not None,
        )
        # Answers that run over the same terminal are progress enough, and a bar would break them.
        busy = output is None and sys.stdout.isatty()
        with nullcontext(None) if busy else progress() as tell:
            heard = {} if tell is None else {"tell": tell}
            outcomes = ready.stream(sources, batch_size=batch_size, **heard)
            without = _Count()
            _write(lines(without.heard(_good(outcomes, failures)), form, layout), output)
        without.tell()
        _tell_look(glance, len(classes))
        if form == "table":
            _tell_meanings(ready.about, without.labels)
        _tell_failures(failures, len(sources))


def _listed() -> list[str]:
    return [os.fsdecode(line).rstrip("\r\n") for line in typer.get_binary_stream("stdin")]


def _good(outcomes: Iterable[Outcome], failures: list[Failure]) -> Iterator[Prediction]:
    """Give the predictions and put the failures aside."""
    from papscope.predict.predictor import Prediction

    for one in outcomes:
        if isinstance(one, Prediction):
            yield one
        else:
            failures.append(one)


@dataclass(slots=True)
class _Count:
    """How many pictures were answered for without the cell's shape, where a model asks for it."""

    without: int = 0
    all: int = 0
    labels: set[str] = field(default_factory=set)
    """The classes that were answered, but for pictures that are unlike anything seen."""

    def heard(self, predictions: Iterable[Prediction]) -> Iterator[Prediction]:
        """Count while predictions go by."""
        from papscope.rules import UNLIKE

        for one in predictions:
            self.all += 1
            self.without += one.measured is False
            if UNLIKE not in (one.answer.refer or ()):
                self.labels.add(one.answer.label)
            yield one

    def tell(self) -> None:
        """Say it, if there is anything to say."""
        if self.without:
            typer.echo(
                f"{self.without} of {self.all} pictures had no mask to measure the cell by: the "
                "head without cell shape answered for these",
                err=True,
            )


def _write(lines: Iterable[str], output: Path | None) -> None:
    """Write to standard output as lines come, or to a file when all have come."""
    # A file's name may hold bytes that are no text: they are escaped, as JSON would.
    encoded = (line.encode("utf-8", "backslashreplace") for line in lines)
    if output is not None:
        from papscope.files import write_bytes

        write_bytes(output, b"".join(encoded))
        typer.echo(f"predictions: {output}", err=True)
        return
    stream = typer.get_binary_stream("stdout")
    try:
        for line in encoded:
            stream.write(line)
            stream.flush()
    except BrokenPipeError:
        # Whoever read has enough. What is left in the buffer must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(PIPE_CLOSED) from None


def _tell_meanings(about: Description, labels: set[str]) -> None:
    """Say what the classes that were answered may be taken to mean, where that is known."""
    from papscope.readings import NOT_SAID, reading_of

    dataset = about.provenance.get("dataset")
    readings = [reading_of(one, dataset) for one in about.classes if one.name in labels]
    for one in readings:
        if one.category != NOT_SAID:
            typer.echo(f"{one.name} means: {one.whole}", err=True)


def _watched(ready: Predictor, pictures: int) -> tuple[Predictor, Glance | None]:
    """Let somebody watch what pictures look like, where the bundle knows what is usual."""
    from papscope.shift.glance import LEAST, Glance

    if ready.gate is None or pictures < LEAST:
        return ready, None
    glance = Glance.among(pictures, ready.gate.reference)
    return replace(ready, watch=glance), glance


def _tell_look(glance: Glance | None, classes: int) -> None:
    """Say whether the pictures look like those that the model learned from."""
    line = None if glance is None else glance.line(classes)
    if line is not None:
        typer.echo(line, err=True)


def _tell_failures(failures: list[Failure], total: int) -> None:
    if not failures:
        return
    typer.echo(f"{len(failures)} of {total} pictures could not be used:", err=True)
    for one in failures:
        about = str(one.error)
        place = "" if one.source in about else f"{one.source}: "
        typer.echo(f"  {one.error.reason}: {place}{about}; try: {one.error.hint}", err=True)
    raise typer.Exit(ImageError.exit_status)
