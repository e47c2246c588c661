"""Labels in doubt as tables for a terminal of 80 columns.

Takes   what `doubts` found
Gives   rich tables, to be printed by whoever has a terminal
Never   prints, or rounds what is stored
"""

from __future__ import annotations

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from papscope.evaluate.doubts import Doubts
from papscope.evaluate.noise import APART
from papscope.evaluate.tables import said


def class_table(doubts: Doubts) -> Table:
    """Show how many labels of each class are in doubt, and what the model suggests most."""
    scores, counts = doubts.scores, doubts.counts
    images = np.bincount(scores.truth, minlength=len(counts))
    table = Table(title="Labels in doubt", box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("given label\nsuggested most", overflow="fold")
    for name in ("labels", "in doubt"):
        table.add_column(name, justify="right")
    table.add_column("estimated share", no_wrap=True)
    for place, name in enumerate(scores.class_names):
        most = int(counts[place].argmax())
        told = (
            f"\n  {scores.class_names[most]} {counts[place, most]}" if counts[place].any() else ""
        )
        many = str(images[place]), str(counts[place].sum())
        table.add_row(Text(f"{name}{told}"), *many, said(doubts.noise.of_class[name]))
    table.add_row("all", str(len(scores)), str(len(doubts.suspects)), said(doubts.noise.share))
    return table


def distance_table(doubts: Doubts) -> Table:
    """Show how far the suggested classes are from the given ones."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("suggested is")
    table.add_column("in doubt", justify="right")
    table.add_column("estimated share", no_wrap=True)
    for key, many in doubts.counts_apart.items():
        table.add_row(APART[key], str(many), said(doubts.noise.apart[key]))
    return table
