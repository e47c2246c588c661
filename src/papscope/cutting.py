"""Divide a manifest into training, validation and test, or into folds, without dividing a group.

Takes   a manifest, what may not be divided, the wanted shares or number of folds, and a seed
Gives   a `Split` with every class in every part, its shares as near as whole groups allow
Never   divides byte-identical images or an image and what was made from it, whatever is asked
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from types import MappingProxyType

from papscope.errors import SplitError
from papscope.manifest import Manifest
from papscope.parts.dealing import dealt, usable
from papscope.parts.given import given_split
from papscope.seeds import key
from papscope.split import LEAKS, PARTS, By, Protocol, Split, check_belongs, originals

SHARES: Mapping[str, float] = MappingProxyType({"train": 0.6, "val": 0.2, "test": 0.2})
"""The shares that are cut when nobody asks for others."""


def cut(
    manifest: Manifest, *, by: By = "group", shares: Mapping[str, float] = SHARES, seed: int = 0
) -> Split:
    """Divide the labelled images of a manifest into train, val and test.

    Args:
        manifest: what to divide; the order of its rows does not matter.
        by: what is not divided: `group`; `strict`, where neither a strict group nor a group is;
            `image`, which stamps the split as leaking; `given` takes the parts that the source
            came with, and stamps the split if a group lies on both sides.
        shares: of each class's images, by part, 0..1, with sum 1; a part of share 0 is left out.
            Training may have all, for a model that others will judge. Not used where the parts
            are given.
        seed: the same seed gives the same split.

    Raises:
        SplitError: the images cannot be divided so; says why and what would be possible.
    """
    if by == "given":
        return given_split(manifest)
    wanted = _checked(shares)
    rows = usable(manifest, by)
    part_of = dealt(manifest, rows, by, wanted, seed)
    return Split(_protocol(manifest, by, seed, shares=wanted), part_of, manifest.digest)


def cut_folds(manifest: Manifest, *, by: By = "group", folds: int = 5, seed: int = 0) -> Split:
    """Divide the labelled images of a manifest into folds of equal size, named `0`, `1`, ...

    Args:
        manifest: what to divide; the order of its rows does not matter.
        by: as for `cut`; `given` is refused.
        folds: how many, 2 or more.
        seed: the same seed gives the same folds.

    Raises:
        SplitError: the images cannot be divided so; says why and what would be possible.
    """
    if folds < 2:
        raise SplitError(f"{folds} folds are no cross-validation", hint="ask for 2 or more folds")
    if by == "given":
        raise SplitError(
            "a source that came divided has parts, not folds", hint="cut the folds by group"
        )
    rows = usable(manifest, by)
    part_of = dealt(manifest, rows, by, {str(fold): 1 / folds for fold in range(folds)}, seed)
    return Split(_protocol(manifest, by, seed, folds=folds), part_of, manifest.digest)


def fold_split(split: Split, manifest: Manifest, fold: int, val_share: float = 0.15) -> Split:
    """Make one fold the test set, and cut a validation set by group from the others.

    Args:
        split: folds, from `cut_folds`.
        manifest: the one that was divided.
        fold: which fold is the test set.
        val_share: of the images outside that fold, 0..1; 0 leaves them all to training.

    Raises:
        SplitError: these are no folds, there is no such fold, they were made for another manifest,
            or what is left cannot be divided.
    """
    told = split.protocol
    check_belongs(split, manifest)
    if not told.folds or told.fold is not None or str(fold) not in split.parts:
        raise SplitError(
            f"the split has no fold {fold}; its parts are {', '.join(split.parts)}",
            hint="cut folds with `papscope split --folds`, and name one of them",
        )
    wanted = _checked({"train": 1 - val_share, "val": val_share})
    rest = [row for row in manifest.rows if split.part_of.get(row.id, str(fold)) != str(fold)]
    part_of = dealt(manifest, rest, told.by, wanted, key(told.seed, f"validation of fold {fold}"))
    kept_out = originals(row for row in manifest.rows if split.part_of.get(row.id) == str(fold))
    test = {row.id: "test" for row in kept_out}
    others = 1 - 1 / told.folds
    shares = {part: round(others * share, 6) for part, share in wanted.items()}
    shares["test"] = round(1 / told.folds, 6)
    protocol = _protocol(manifest, told.by, told.seed, shares=shares, folds=told.folds, fold=fold)
    return Split(protocol, {**part_of, **test}, manifest.digest)


def _protocol(
    manifest: Manifest,
    by: By,
    seed: int,
    *,
    shares: Mapping[str, float] = MappingProxyType({}),
    folds: int = 0,
    fold: int | None = None,
) -> Protocol:
    return Protocol(
        by=by,
        seed=seed,
        shares=dict(shares),
        folds=folds,
        fold=fold,
        leaks=LEAKS if by == "image" else None,
        group_is=manifest.group_is,
        left_out=len(manifest.rows) - len(manifest.labelled()),
    )


def _checked(shares: Mapping[str, float]) -> dict[str, float]:
    """Refuse shares that are none, and give those above 0 in the parts' order."""
    hint = "give shares like train 0.6, val 0.2, test 0.2"
    strange = sorted(set(shares) - set(PARTS))
    if strange:
        raise SplitError(f"{strange[0]!r} is no part of a split", hint=hint)
    if any(not isfinite(share) or share < 0 for share in shares.values()):
        raise SplitError(f"a share of {dict(shares)} is negative or no number", hint=hint)
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise SplitError(f"the shares {dict(shares)} do not sum to 1", hint=hint)
    wanted = {part: float(shares[part]) for part in PARTS if shares.get(part, 0) > 0}
    if "train" not in wanted:
        raise SplitError(f"the shares {dict(shares)} leave nothing to learn from", hint=hint)
    return wanted
