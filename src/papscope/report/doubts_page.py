"""Labels in doubt as one HTML file: a gallery for a cytologist, and how many there may be.

Takes   what `evaluate.doubts` found, and the folder of the images
Gives   a page that needs nothing else: no network, no other file, no script
Never   calls a doubt an error, or shows a folder of this machine
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from papscope import __version__
from papscope.evaluate.doubts import Doubts
from papscope.evaluate.intervals import Groups
from papscope.evaluate.noise import APART
from papscope.files import digest_of, write_text
from papscope.progress import Tell, silent
from papscope.report.about import About, read_about
from papscope.report.gallery import tiles
from papscope.report.numbers import titled
from papscope.report.page import environment
from papscope.report.words import protocol, title_of

MOST = 200
"""Pictures on a page, unless told otherwise: about a megabyte."""


def write_doubts_page(
    path: Path,
    doubts: Doubts,
    *,
    root: Path | None,
    files: Sequence[Path] = (),
    most: int = MOST,
    tell: Tell = silent,
) -> Path:
    """Write the page in one step; the same scores, images and settings give the same bytes.

    Args:
        path: of the HTML file.
        doubts: what was found.
        root: the folder that the images' paths start from; None where it is not known.
        files: that the scores were read from; their names and digests are printed.
        most: pictures at most, of the worst labels.
        tell: told as the small pictures are made.

    Raises:
        DiskError: the place cannot be written.
    """
    about = read_about(doubts.scores.about)
    context = {
        **_measured(doubts),
        **_labels(doubts, root, most, tell),
        "title": title_of(about.dataset),
        "group_is": about.group_is,
        "manifest": about.manifest_name or "MANIFEST.csv",
        "protocol": protocol(about),
        "licence": _licence(about),
        "files": [(one.name, digest_of(one)) for one in files],
        "cleanlab": version("cleanlab"),
        "version": __version__,
    }
    write_text(path, environment().get_template("doubts.html.j2").render(context))
    return path


def _measured(doubts: Doubts) -> dict[str, Any]:
    scores, noise, counts = doubts.scores, doubts.noise, doubts.counts
    images = np.bincount(scores.truth, minlength=len(scores.classes))
    far = doubts.counts_apart
    return {
        "names": scores.class_names,
        "n": len(scores),
        "groups": Groups.of(scores.groups).number,
        "suspects": len(doubts.suspects),
        "share": titled("all", "All", "", noise.share),
        "classes": [
            {
                "name": name,
                "n": int(images[place]),
                "suspects": int(counts[place].sum()),
                "share": titled(name, name, "", noise.of_class[name]),
            }
            for place, name in enumerate(scores.class_names)
        ],
        "apart": [
            {"suspects": far[key], "share": titled(key, APART[key], "", one)}
            for key, one in noise.apart.items()
        ],
        "other_side": far.get("other_side"),
        "counts": counts.tolist(),
        "most_in_groups": doubts.groups(),
        "joint": np.rint(noise.joint * len(scores)).astype(int).tolist(),
        "warnings": doubts.warnings,
        "resamples": doubts.resamples,
        "seed": doubts.seed,
    }


def _labels(doubts: Doubts, root: Path | None, most: int, tell: Tell) -> dict[str, Any]:
    chosen = doubts.suspects[:most]
    made = tiles(doubts.scores, chosen, root, tell=tell)
    return {
        "tiles": [
            (one, made[place]) for one, place in zip(doubts.rows()[:most], chosen, strict=True)
        ],
        "missing": sum(one.picture is None for one in made.values()),
    }


def _licence(about: About) -> str:
    told = (about.licence and f"Images: {about.licence}", about.citation)
    return ". ".join(one.rstrip(".") for one in told if one)
