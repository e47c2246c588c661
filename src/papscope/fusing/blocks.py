"""The networks whose features are joined, opened and checked before any work.

Takes   words such as `run/bundle:blocks.4:max` or `timm:resnet50`
Gives   `Block`s: trunks with their weights, for one kind of square
Never   joins networks of different classes or preprocessing, or one that has seen the test images
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from papscope.bundle import Bundle, read_bundle, refuse_exported
from papscope.errors import SettingError, SplitError, TrainingError
from papscope.fusing.late import linear_arrays
from papscope.fusing.machines import Arrays
from papscope.fusing.settings import FuseSettings
from papscope.manifest import Manifest
from papscope.network.backbones import build, check_name, head_names, preprocess_for
from papscope.network.trunks import POOLS, Trunk, build_trunk
from papscope.network.weights import PACKAGED, fill
from papscope.preprocess import Preprocess
from papscope.seeds import key
from papscope.seen import Seen, overlap
from papscope.split import Split

_TIMM = "timm:"
_DEFAULT_SIZE = 224


@dataclass(frozen=True, slots=True)
class Asked:
    """A block as its word names it."""

    word: str
    source: str
    """A bundle's folder, or timm's name of a network."""
    timm: bool
    layer: str | None
    pool: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A block ready to give features."""

    asked: Asked
    backbone: str
    network: Mapping[str, Any]
    """How the bundle describes its network; empty for timm's."""
    trunk: Trunk
    origin: str
    """The bundle's digest, or where the weights come from: told in the card."""
    seen: Seen
    known: Mapping[str, Any]
    """The bundle's provenance; empty for timm's."""
    own: Arrays | None = None
    """The head that its network was trained with; None where it has none for these features."""

    def to_json(self) -> dict[str, Any]:
        """Give what a fused bundle says of how to build it."""
        return {
            "backbone": self.backbone,
            "network": dict(self.network),
            "layer": self.asked.layer,
            "pool": self.asked.pool,
        }


def parsed(word: str) -> Asked:
    """Read a block's word.

    Raises:
        SettingError: it names nothing, or pools in no known way.

    >>> one = parsed("timm:resnet50:layer3.2:max")
    >>> one.source, one.timm, one.layer, one.pool
    ('resnet50', True, 'layer3.2', 'max')
    >>> parsed("run/bundle").layer is None
    True
    """
    timm = word.startswith(_TIMM)
    rest = word.removeprefix(_TIMM)
    drive = rest[:2] if not timm and rest[1:2] == ":" and rest[2:3] in ("\\", "/") else ""
    source, *more = rest[len(drive) :].split(":")
    if not source or len(more) > 2:
        raise SettingError(
            f"the block {word!r} means nothing", hint="write BUNDLE[:LAYER[:POOL]] or timm:NAME"
        )
    layer = more[0] if more and more[0] else None
    pool = more[1] if len(more) == 2 else None if layer is None else "avg"
    if pool is not None and (pool not in POOLS or layer is None):
        why = "names no layer to pool" if layer is None else f"pools by {pool!r}"
        raise SettingError(
            f"the block {word!r} {why}", hint=f"write BUNDLE:LAYER:POOL, POOL {', '.join(POOLS)}"
        )
    return Asked(word, drive + source, timm, layer, pool)


def open_blocks(
    settings: FuseSettings, manifest: Manifest, split: Split
) -> tuple[tuple[Block, ...], Preprocess]:
    """Open all blocks, and refuse those that do not go together.

    Raises:
        SettingError: a word means nothing, a layer is unknown, or preprocessing differs.
        TrainingError: a bundle's classes are not the manifest's.
        SplitError: a bundle has learned from test images of this split.
        BundleError, WeightsError, MissingExtra: a bundle or weights cannot be had.
    """
    asked = [parsed(word) for word in settings.blocks]
    bundles = {one: read_bundle(Path(one.source)) for one in asked if not one.timm}
    for one, bundle in bundles.items():
        refuse_exported(bundle)
        _check(one, bundle, manifest, split)
    for one in asked:
        if one.timm:
            check_name(one.source)
    common = _agreed(asked, bundles, settings)
    weights = _weights([one for one in asked if one.timm], settings)
    blocks = tuple(
        _of_timm(one, weights[one], common, settings.seed)
        if one.timm
        else _of_bundle(one, bundles[one])
        for one in asked
    )
    return blocks, common


def _check(asked: Asked, bundle: Bundle, manifest: Manifest, split: Split) -> None:
    about = bundle.description
    names = tuple(one.name for one in about.classes)
    if names != manifest.class_names:
        raise TrainingError(
            f"{asked.source} has the classes {', '.join(names)}; {manifest.dataset} has "
            f"{', '.join(manifest.class_names)}",
            hint="join bundles that were trained for these classes",
        )
    if about.kind != "single":
        raise SettingError(
            f"{asked.source} is itself made of several networks ({about.kind})",
            hint="name the bundles that it was made of, each as a block",
        )
    test = [row for row in manifest.rows if split.part_of.get(row.id) == "test"]
    same, near = overlap(Seen.from_json(about.provenance.get("seen", {})), test)
    if same or (near and not split.protocol.leaks):
        raise SplitError(
            f"{asked.source} has learned from {same} of the {len(test)} test images of this split, "
            f"and from others of the same {manifest.group_is} for {near} more: leaks",
            hint="train it on this very split (and fold), then join",
        )


def _agreed(
    asked: Sequence[Asked], bundles: Mapping[Asked, Bundle], settings: FuseSettings
) -> Preprocess:
    """Give the preprocessing that all blocks share, or say where they differ."""
    held = {one: bundle.description.preprocess for one, bundle in bundles.items()}
    first = next(iter(held.values()), None)
    if first is not None and settings.size not in (0, first.size):
        raise SettingError(
            f"size is {settings.size}, and the bundles were trained at {first.size}",
            hint="leave the size out",
        )
    for one in asked:
        if one.timm:
            held[one] = _expected(one.source, first, settings)
    (chief, wanted), *others = ((one, held[one]) for one in asked)
    for other, settled in others:
        mine, theirs = wanted.to_json(), settled.to_json()
        odd = sorted(
            name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)
        )
        if odd:
            told = "; ".join(f"{name} {mine.get(name)} and {theirs.get(name)}" for name in odd)
            raise SettingError(
                f"{chief.word} and {other.word} take differently prepared pictures: {told}",
                hint="join networks that were trained with the same preprocessing",
            )
    return wanted


def _expected(name: str, first: Preprocess | None, settings: FuseSettings) -> Preprocess:
    """Give what a network of timm's takes: its own colours, all else as the bundles do."""
    own = preprocess_for(name, size=settings.size or _DEFAULT_SIZE, fit=settings.fit)
    if first is None:
        return replace(own, filter="bilinear")
    return replace(first, mean=own.mean, std=own.std)


def _weights(asked: Sequence[Asked], settings: FuseSettings) -> dict[Asked, str]:
    given = settings.weights
    if len(given) not in (0, 1, len(asked)) or (given and not asked):
        raise SettingError(
            f"{len(given)} weights are given for {len(asked)} blocks of timm's",
            hint="give one for all of them, or one for each in order",
        )
    if not given:
        return {one: "packaged" if one.source in PACKAGED else "imagenet" for one in asked}
    return dict(zip(asked, given * (len(asked) if len(given) == 1 else 1), strict=True))


def _of_timm(asked: Asked, weights: str, common: Preprocess, seed: int) -> Block:
    torch.manual_seed(key(seed, f"first weights of {asked.word}"))
    network = build(asked.source, 2, size=common.size)
    taken = fill(network, asked.source, weights)
    trunk = build_trunk(
        asked.source, asked.layer, asked.pool, network.state_dict(), size=common.size
    )
    return Block(asked, asked.source, {}, trunk, taken.sentence(), Seen.from_json({}), {})


def _of_bundle(asked: Asked, bundle: Bundle) -> Block:
    about = bundle.description
    tensors = {name: torch.from_numpy(value.copy()) for name, value in bundle.tensors.items()}
    trunk = build_trunk(
        about.backbone, asked.layer, asked.pool, tensors, size=about.preprocess.size
    )
    known = about.provenance
    seen, origin = Seen.from_json(known.get("seen", {})), f"bundle {bundle.digest[:12]}"
    own = _own(bundle) if asked.layer is None else None
    return Block(asked, about.backbone, about.network, trunk, origin, seen, known, own)


def _own(bundle: Bundle) -> Arrays | None:
    """Give the head that a bundle's network was trained with, where it is a matrix."""
    about = bundle.description
    network = build(about.backbone, len(about.classes), size=about.preprocess.size)
    return linear_arrays(bundle.tensors, sorted(head_names(network)))
