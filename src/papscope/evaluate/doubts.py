"""Labels that a model doubts, found by confident learning.

Takes   `Scores` of images that the answering models had not learned from
Gives   the labels in doubt, worst first, and how many labels may be wrong, with intervals
Never   changes a label: a doubt is a question to a cytologist, and the model may be what is wrong

As many labels are in doubt as images count confidently as another class (`noise` says how they are
counted): of the labels that the model would not give, those it finds least likely. What the model
itself confuses, such as neighbouring grades, is among them.

Source: C. Northcutt, L. Jiang and I. Chuang, J. Artif. Intell. Res. 70 (2021), 1373-1411, as in
cleanlab (`num_label_issues` and the label quality score `self_confidence`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from papscope.errors import MeasureError, TableError, needs_extra
from papscope.evaluate.calibrating import pooled, refuse_learned
from papscope.evaluate.intervals import FEW_GROUPS, Groups, Values
from papscope.evaluate.noise import Noise, Places, estimate_noise, marks
from papscope.manifest import Manifest
from papscope.progress import Tell, silent
from papscope.relabelling.suspects import Suspect
from papscope.scores import Scores

MOST_GROUPS = 8
"""Groups that are named for the number of their labels in doubt."""

FEW_IMAGES = 20
"""With fewer images than this a class's threshold is rough."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Doubts:
    """The labels that a model doubts, and how many may be wrong."""

    scores: Scores
    """In the order of their ids."""
    suspects: tuple[int, ...]
    """Rows of the scores, the worst label first."""
    quality: Values
    """(n,), of each label, 0..1: the probability that the model gives to it."""
    noise: Noise
    """How many labels may be wrong."""
    warnings: tuple[str, ...]
    resamples: int
    seed: int

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """(c, c), labels in doubt by given (rows) and suggested class (columns)."""
        c, rows = len(self.scores.classes), np.array(self.suspects, dtype=np.int64)
        cells = self.scores.truth[rows] * c + self.scores.called[rows]
        return np.bincount(cells, minlength=c * c).reshape(c, c).astype(np.int64)

    @property
    def counts_apart(self) -> dict[str, int]:
        """Labels in doubt by how far the suggested class is, by the keys of `noise.apart`."""
        counts = self.counts
        return {key: int(counts[mark].sum()) for key, mark in marks(self.scores.classes).items()}

    def groups(self) -> list[tuple[str, int, int]]:
        """Give the groups with most labels in doubt, two or more: name, labels, and in doubt.

        Many in one group point to the group: a slide out of focus, or a stain of its own.
        """
        every = Counter(self.scores.groups)
        found = Counter(self.scores.groups[one] for one in self.suspects)
        most = sorted((-many, name) for name, many in found.items() if name and many > 1)
        return [(name, every[name], -many) for many, name in most[:MOST_GROUPS]]

    def rows(self) -> tuple[Suspect, ...]:
        """Give the labels in doubt as a list for a cytologist, the worst first."""
        return tuple(self._row(place) for place in self.suspects)

    def _row(self, place: int) -> Suspect:
        one, called = self.scores, int(self.scores.called[place])
        return Suspect(
            id=one.ids[place],
            path=one.paths[place],
            box=one.boxes[place],
            group=one.groups[place],
            given=one.class_names[int(one.truth[place])],
            suggested=one.class_names[called],
            probability=float(one.probabilities[place, called]),
            quality=float(self.quality[place]),
        )

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form, without the single labels."""
        counts, apart = self.counts, self.counts_apart
        images = np.bincount(self.scores.truth, minlength=len(counts))
        return {
            "images": len(self.scores),
            "groups": Groups.of(self.scores.groups).number,
            "suspects": len(self.suspects),
            "estimated_share": self.noise.share.to_json(),
            "classes": {
                name: {
                    "images": int(images[place]),
                    "suspects": int(counts[place].sum()),
                    "estimated_share": self.noise.of_class[name].to_json(),
                    "suggested": dict(
                        zip(self.scores.class_names, counts[place].tolist(), strict=True)
                    ),
                }
                for place, name in enumerate(self.scores.class_names)
            },
            "apart": {
                key: {"suspects": apart[key], "estimated_share": one.to_json()}
                for key, one in self.noise.apart.items()
            },
            "most_in_groups": [
                {"group": name, "images": many, "suspects": suspects}
                for name, many, suspects in self.groups()
            ],
            "joint": [[round(float(one), 12) for one in row] for row in self.noise.joint],
            "warnings": list(self.warnings),
            "resamples": self.resamples,
            "seed": self.seed,
        }


def find_doubts(
    parts: Sequence[Scores], *, resamples: int = 2000, seed: int = 0, tell: Tell = silent
) -> Doubts:
    """Find labels that a model doubts, and estimate how many are wrong.

    Args:
        parts: answers for images that were not learned from: of a cross-validation, or of its
            folds, each image once.
        resamples: how many times the groups are drawn for the intervals.
        seed: of the draws; nothing else here is random.
        tell: told as the groups are drawn.

    Raises:
        MeasureError: there are no scores, or of training images, of other classes, of one class
            alone, or of one image twice.
        MissingExtra: cleanlab is not installed.
    """
    every = _ordered(parts)
    quality, suspects = doubted(every.truth, every.probabilities)
    return Doubts(
        scores=every,
        suspects=tuple(suspects.tolist()),
        quality=quality,
        noise=estimate_noise(every, resamples=resamples, seed=seed, tell=tell),
        warnings=tuple(_warnings(every, Groups.of(every.groups))),
        resamples=resamples,
        seed=seed,
    )


def doubted(truth: Places, chances: Values) -> tuple[Values, Places]:
    """Give the quality of each label, and the rows of those in doubt, the worst first.

    Args:
        truth: (n,), the given label's place.
        chances: (n, c), out-of-fold probabilities.

    Returns:
        (n,), the probability of the given label; and (k,), rows whose likeliest class is another.

    Raises:
        MissingExtra: cleanlab is not installed.
    """
    with needs_extra("train", for_what="finding labels in doubt"):
        from cleanlab.count import num_label_issues
        from cleanlab.rank import get_label_quality_scores
    quality = get_label_quality_scores(truth, chances, method="self_confidence")
    order = np.argsort(quality, kind="stable")
    otherwise = order[chances[order].argmax(axis=1) != truth[order]]
    worst = otherwise[: int(num_label_issues(truth, chances))]
    return np.asarray(quality, dtype=np.float64), worst.astype(np.int64)


def refuse_other_labels(scores: Scores, manifest: Manifest) -> None:
    """Refuse scores whose labels are not the manifest's: what is found could not be put back.

    Raises:
        TableError: an image is not in the manifest, or has another label there.
    """
    label_of = {row.id: row.label for row in manifest.rows}
    for name, place in zip(scores.ids, scores.truth, strict=True):
        given = scores.class_names[int(place)]
        if label_of.get(name) != given:
            raise TableError(
                f"{name} is {given} in the scores and {label_of.get(name, 'not')} in the manifest",
                hint="give the manifest that was scored, or score again",
            )


def _ordered(parts: Sequence[Scores]) -> Scores:
    """Put the scores together, in the order of ids, so that the order of files does not matter."""
    if not parts:
        raise MeasureError("there are no scores", hint="give one or more files of scores")
    for one in parts:
        refuse_learned(one)
    every = pooled(parts)
    name, times = Counter(every.ids).most_common(1)[0] if every.ids else ("", 0)
    if times > 1:
        raise MeasureError(
            f"{name} stands in the scores {times} times",
            hint="give the folds of one repeat, or the scores of all folds together",
        )
    if np.unique(every.truth).size < 2:
        raise MeasureError(
            "labels of one class alone cannot be told from others",
            hint="give scores of images of two classes or more",
        )
    order = sorted(range(len(every)), key=every.ids.__getitem__)
    return replace(
        every,
        ids=tuple(every.ids[one] for one in order),
        groups=tuple(every.groups[one] for one in order),
        truth=every.truth[order],
        probabilities=every.probabilities[order],
        paths=tuple(every.paths[one] for one in order),
        boxes=tuple(every.boxes[one] for one in order),
    )


def _warnings(scores: Scores, groups: Groups) -> Iterator[str]:
    if scores.about.get("part") == "val":
        yield "the epoch was chosen on these images: they are doubted somewhat too little"
    if "part" in scores.about and scores.about["part"] is None and "model" in scores.about:
        yield "no split was given: labels that the model learned by heart are not doubted"
    if groups.alone == len(scores):
        yield "no group is known: each image counts as its own, and the intervals may be too narrow"
    elif groups.number < FEW_GROUPS:
        yield f"there are only {groups.number} groups: the intervals are rough, often too narrow"
    for place, name in enumerate(scores.class_names):
        many = int((scores.truth == place).sum())
        if many < FEW_IMAGES:
            yield f"{name} has {many} labels: too few to say what is usual of it"
