"""Who is in training, validation and test: decided once, by group, and written down.

Takes   a manifest and a protocol
Gives   a frozen `Split`, or a file of it; the same bytes from the same seed on any system
Never   moves an image, or is used for another manifest than the one that was divided
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from papscope.errors import SettingError, SplitError, TableError
from papscope.files import read_table, write_table
from papscope.manifest import Manifest, Row

By = Literal["group", "strict", "image", "given"]

PARTS = ("train", "val", "test")
"""In the order in which tables show them."""

JUDGING = ("val", "test")
"""The parts by which a model is chosen or measured: they hold no image that papscope made."""

LEAKS = "leaks: cells of one slide on both sides"
"""Stamped on all that is made from a split by image; the first words of every such stamp."""

_COLUMNS = ("id", "part")


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How images were divided; every later output tells it."""

    by: By
    seed: int
    shares: Mapping[str, float]
    """Part to wanted share; `{}` for folds."""
    folds: int = 0
    """Number of folds; 0 for a single division."""
    fold: int | None = None
    """Which fold is the test set here; None for a single division, or before one is chosen."""
    leaks: str | None = None
    """What leaks, beginning with `LEAKS` where it is certain; None where no group is divided."""
    group_is: str = "group"
    left_out: int = 0
    """Images that no part holds, because nobody has labelled them."""

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form that splits, bundles and scores carry."""
        return {
            "by": self.by,
            "seed": self.seed,
            "shares": dict(self.shares),
            "folds": self.folds,
            "fold": self.fold,
            "leaks": self.leaks,
            "group_is": self.group_is,
            "left_out": self.left_out,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Protocol:
        """Read the JSON form.

        Raises:
            SettingError: the value is not the JSON form of a protocol.

        >>> told = Protocol(by="group", seed=3, shares={"train": 0.8, "test": 0.2})
        >>> Protocol.from_json(told.to_json()) == told
        True
        """
        try:
            if value["by"] not in get_args(By):
                raise ValueError(f"by is {value['by']!r}")
            fold, leaks = value["fold"], value["leaks"]
            return cls(
                by=value["by"],
                seed=int(value["seed"]),
                shares={str(part): float(share) for part, share in value["shares"].items()},
                folds=int(value["folds"]),
                fold=None if fold is None else int(fold),
                leaks=None if leaks is None else str(leaks),
                group_is=str(value["group_is"]),
                left_out=int(value["left_out"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as wrong:
            raise SettingError(
                f"a split's protocol is damaged: {wrong}", hint="make the split again"
            ) from None

    def sentence(self) -> str:
        """Tell in one sentence how the images were divided, for tables, reports and cards.

        >>> Protocol(by="group", seed=0, shares={"train": 0.6, "test": 0.4}).sentence()
        'train 60 %, test 40 %, cut by group, stratified by class, seed 0; no group is divided'
        """
        end = self.leaks or f"no {self.group_is} is divided"
        if self.by == "given":
            return f"as the source came divided; {end}"
        unit = {"strict": f"strict groups (coarser than {self.group_is})", "image": "image"}
        shares = ", ".join(f"{part} {100 * share:.4g} %" for part, share in self.shares.items())
        what = shares or f"{self.folds} folds"
        if self.fold is not None:
            what = f"fold {self.fold} of {self.folds} is the test set ({shares})"
        by = unit.get(self.by, self.group_is)
        return f"{what}, cut by {by}, stratified by class, seed {self.seed}; {end}"


@dataclass(frozen=True, slots=True)
class Split:
    """The part of each image."""

    protocol: Protocol
    part_of: Mapping[str, str]
    """Row id to `train`, `val` or `test`; to `0`, `1`, ... where there are folds."""
    manifest_sha256: str
    """Of the manifest that was divided."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that hold images, in the order in which tables show them."""
        found = set(self.part_of.values())
        named = tuple(part for part in PARTS if part in found)
        return named + tuple(sorted(found - set(PARTS), key=lambda part: (len(part), part)))


def write_split(path: Path, split: Split) -> str:
    """Write a split in one step, sorted by id, and give the SHA-256 of the file."""
    head = {"protocol": split.protocol.to_json(), "manifest_sha256": split.manifest_sha256}
    return write_table(path, "split", head, _COLUMNS, sorted(split.part_of.items()))


def read_split(path: Path) -> Split:
    """Read a split.

    Raises:
        TableError: the file is missing, damaged, of another kind, or names an image twice.
    """
    table = read_table(path, "split")
    try:
        if table.columns != _COLUMNS:
            raise ValueError(f"columns are {', '.join(table.columns)}")
        part_of: dict[str, str] = {}
        for name, part in table.rows:
            if not name or name in part_of:
                raise ValueError(f"image {name!r} stands there twice or has no name")
            part_of[name] = part
        protocol = Protocol.from_json(table.head["protocol"])
        strange = set(part_of.values()) - set(_possible(protocol))
        if strange:
            raise ValueError(f"{min(strange)!r} is no part")
        return Split(protocol, part_of, str(table.head["manifest_sha256"]))
    except (KeyError, ValueError, SettingError) as wrong:
        raise TableError(f"{path} is damaged: {wrong}", hint="make the split again") from None


def _possible(protocol: Protocol) -> tuple[str, ...]:
    if protocol.folds and protocol.fold is None:
        return tuple(str(fold) for fold in range(protocol.folds))
    return PARTS


def check_belongs(split: Split, manifest: Manifest) -> None:
    """Refuse a split that was made for another manifest, or has lost images.

    Raises:
        SplitError: the manifest is not the one that was divided, to the byte, or a labelled image
            of it has no part. Made images may have none.
    """
    strange = set(split.part_of) - {row.id for row in manifest.rows}
    if split.manifest_sha256 != manifest.digest or strange:
        told = f" ({len(strange)} of its images are not in it)" if strange else ""
        raise SplitError(
            f"the split was made for another manifest than this one of {manifest.dataset}{told}",
            hint="give the manifest that was divided, or run `papscope split` on this one",
        )
    lost = [row.id for row in manifest.labelled() if row.id not in split.part_of and not row.made]
    if lost:
        raise SplitError(
            f"{len(lost)} images of {manifest.dataset} have no part in the split, such as "
            f"{lost[0]}",
            hint="the split was cut short or edited: run `papscope split` again",
        )


def originals(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Leave out the images that `papscope augment` made."""
    return tuple(row for row in rows if not row.made)


def part_rows(split: Split, manifest: Manifest, part: str) -> tuple[Row, ...]:
    """Give the rows of one part, in the manifest's order.

    Images that `papscope augment` made are never given for validation or test.

    Raises:
        SplitError: the split was made for another manifest, or has no such part.
    """
    check_belongs(split, manifest)
    if part not in split.parts:
        folds = split.protocol.folds and split.protocol.fold is None
        raise SplitError(
            f"the split has no part {part!r}; it has {', '.join(split.parts)}",
            hint="choose a fold as the test set first" if folds else "name one of these parts",
        )
    rows = tuple(row for row in manifest.rows if split.part_of.get(row.id) == part)
    return originals(rows) if part in JUDGING else rows
