"""The options that every command has by which a model answers.

Takes   nothing
Gives   types for the arguments of commands
Never   decides for the bundle, which says how its model answers unless told otherwise
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

Orientations: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--orientations/--no-orientations",
        help="Average over the eight orientations of each picture, eight times the work, or not.",
        show_default="as the bundle says",
    ),
]

Device: TypeAlias = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]

Threads: TypeAlias = Annotated[
    int, typer.Option(min=0, help="Processor threads; 0 decides by the machine.")
]
