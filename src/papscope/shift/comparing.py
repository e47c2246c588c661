"""Two sets of pictures compared: what differs, by how much, and what it may cost the model.

Takes   what was found of training and of new pictures, and scores of the model where there are any
Gives   a `Compared`: a frozen `Shift`, and what it rests on
Never   opens a picture, or tells a difference that groups alone explain
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from papscope.bundle import Bundle
from papscope.evaluate.intervals import Groups
from papscope.scores import Scores
from papscope.shift.expected import Answered, Expected, expected
from papscope.shift.found import Counted, Difference, Family, Picks, Shift
from papscope.shift.measures import FAMILIES, FEATURES, MEMBERS, NAMES, WORDS
from papscope.shift.measuring import Looked, Looks
from papscope.shift.testing import Draws, Grouped, Tested, energy_test, holm, standardised
from papscope.taxonomy import CellClass, sides

SHOWN = 12
"""Pictures of each kind that a page shows."""

_AXES = 16
"""Principal axes of the network's features that are compared."""

_FEW_GROUPS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """What a comparison came to, and what it rests on."""

    shift: Shift
    train: Looked
    new: Looked


def compare(
    train: Looked,
    new: Looked,
    *,
    held_out: Scores | None = None,
    draws: Draws | None = None,
    model: Bundle | None = None,
) -> Compared:
    """Compare new pictures with those that a model learned from.

    Args:
        train: measured with the same eyes as `new`.
        new: the new pictures.
        held_out: the model's answers for labelled pictures that it had not learned from, calibrated
            as its answers in `new` are; None leaves the expected drop out.
        draws: of permutations and resamples.
        model: that answered.
    """
    draws = draws or Draws()
    families = _families(train, new, draws)
    classes = model.description.classes if model is not None else ()
    cost, said = _cost(new, held_out, classes, draws)
    shift = Shift(
        train=_counted(train),
        new=_counted(new),
        families=families,
        expected=cost,
        model=model.digest[:12] if model is not None else None,
        warnings=(*_warnings(train, new), *said),
        picks=_picks(train, new),
        permutations=draws.permutations,
        resamples=draws.resamples,
        seed=draws.seed,
    )
    return Compared(shift, train, new)


def _grouped(looked: Looked, values: Looks) -> Grouped:
    groups = Groups.of(looked.given.groups)
    return Grouped(values, groups.place, groups.number)


def _families(train: Looked, new: Looked, draws: Draws) -> tuple[Family, ...]:
    """Test every family that both sets have measures for."""
    both = _grouped(train, train.looks), _grouped(new, new.looks)
    tested: dict[str, tuple[Tested, tuple[Difference, ...], tuple[int, int]]] = {}
    for name, members in MEMBERS.items():
        columns = [NAMES.index(one) for one in members]
        known = [one.known(columns) for one in both]
        if min(one.number for one in known):
            tested[name] = (
                energy_test(known[0], known[1], draws),
                _differences(known, members, draws),
                (len(known[0].values), len(known[1].values)),
            )
    if train.features is not None and new.features is not None:
        sets = _principal(train.features, new.features)
        known = [_grouped(one, values) for one, values in zip((train, new), sets, strict=True)]
        tested[FEATURES] = energy_test(known[0], known[1], draws), (), (len(train), len(new))
    adjusted = holm({name: one[0].p for name, one in tested.items()})
    return tuple(
        Family(name, tested[name][1], tested[name][0], adjusted[name], len(tested), tested[name][2])
        for name in FAMILIES
        if name in tested
    )


def _differences(
    known: Sequence[Grouped], members: Sequence[str], draws: Draws
) -> tuple[Difference, ...]:
    train, new = known
    means = [one.of_groups(one.values).mean(axis=0) for one in (train, new)]
    found = []
    for column, name in enumerate(members):
        size = standardised(train, new, column, draws)
        middle = float(means[0][column]), float(means[1][column])
        found.append(Difference(name, middle, size, WORDS[name][size.value > 0]))
    return tuple(sorted(found, key=lambda one: -abs(one.size.value)))


def _principal(train: npt.NDArray[np.float32], new: npt.NDArray[np.float32]) -> tuple[Looks, Looks]:
    """Give both sets of features along the principal axes of both together.

    Which is which is not used, so that the test may deal out the groups.
    """
    both = np.concatenate([train, new]).astype(np.float64)
    both -= both.mean(axis=0)
    _, axes = np.linalg.eigh(both.T @ both)
    along = both @ axes[:, ::-1][:, :_AXES]
    return along[: len(train)], along[len(train) :]


def _counted(looked: Looked) -> Counted:
    groups = Groups.of(looked.given.groups)
    return Counted(
        name=looked.given.name,
        pictures=len(looked),
        of=looked.given.of or len(looked),
        groups=groups.number,
        alone=groups.alone,
        group_is=looked.given.group_is,
        failures=tuple(f"{error}" for _, error in looked.failures),
    )


def _warnings(train: Looked, new: Looked) -> tuple[str, ...]:
    found = []
    for what, looked in (("training", train), ("new", new)):
        told = _counted(looked)
        if told.alone:
            found.append(
                f"{told.alone} of {told.pictures} {what} pictures have no known group and count as "
                "one each: if they share slides, p-values are too small and intervals too narrow"
            )
        elif told.groups < _FEW_GROUPS:
            found.append(
                f"the {what} pictures come from {told.groups} "
                f"{told.group_is}{'s' if told.groups > 1 else ''}: another such handful of the "
                "same kind may look different too"
            )
        if told.failures:
            found.append(f"{len(told.failures)} {what} pictures could not be used")
    return tuple(found)


def _cost(
    new: Looked, held_out: Scores | None, classes: Sequence[CellClass], draws: Draws
) -> tuple[Expected | None, tuple[str, ...]]:
    """Estimate what the shift costs, if there are scores; and say why labels are not used."""
    if held_out is None or new.probabilities is None:
        return None, ()
    held = Answered(held_out.probabilities, held_out.groups, held_out.truth)
    own, theirs = tuple(classes), new.given.classes
    names = tuple(one.name for one in own)
    if not any(new.given.labels) or names == tuple(one.name for one in theirs):
        told = _answered(new, {name: place for place, name in enumerate(names)})
        return expected(held, told, draws), ()
    if sides(own) is None or sides(theirs) is None:
        told = _answered(new, {})
        return expected(held, told, draws), (
            "the new pictures are labelled with other classes: their labels are not used",
        )
    side = sides(theirs) or {}
    told = _answered(new, {name: int(one == "abnormal") for name, one in side.items()})
    of = held.merged(own), told.merged(own)
    normal = np.array([(sides(own) or {})[one.name] == "abnormal" for one in own], dtype=np.int64)
    first = Answered(of[0].probabilities, held.groups, normal[held_out.truth])
    return expected(first, of[1], draws, of="normal or abnormal"), (
        "the new pictures are of other classes: only normal against abnormal is compared",
    )


def _answered(new: Looked, place: dict[str, int]) -> Answered:
    assert new.probabilities is not None
    labels = new.given.labels or (None,) * len(new)
    truth = np.array([place.get(one or "", -1) for one in labels], dtype=np.int64)
    return Answered(new.probabilities, new.given.groups, truth if (truth >= 0).any() else None)


def _picks(train: Looked, new: Looked) -> Picks:
    """Choose what shows the difference, by looks: in training spreads from the training middle."""
    members = [NAMES.index(one) for some in MEMBERS.values() for one in some]
    columns = [one for one in members if np.isfinite(train.looks[:, one]).any()]
    middle = np.nanmedian(train.looks[:, columns], axis=0)
    spread = np.maximum(np.nanstd(train.looks[:, columns], axis=0), 1e-6)

    def away(looks: Looks, centre: Looks) -> Looks:
        far = np.clip((looks[:, columns] - centre) / spread, -10, 10)
        return np.asarray(np.linalg.norm(np.nan_to_num(far), axis=1))

    own = np.nanmedian(new.looks[:, columns], axis=0)
    nearest = [
        np.argsort(one, kind="stable")[:SHOWN]
        for one in (away(train.looks, middle), away(new.looks, own))
    ]
    unlike = np.argsort(-away(new.looks, middle), kind="stable")[:SHOWN]
    first, second, third = (tuple(int(one) for one in some) for some in (*nearest, unlike))
    return Picks(first if train.given.sources else (), second, third)
