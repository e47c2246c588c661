"""Values of a run's files in words, for the gaps of sentences.

Takes   values as JSON has them
Gives   short texts; empty where a value says nothing to the point
Never   says more than the value does
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from papscope.evidence import numbers
from papscope.preprocess import Preprocess
from papscope.report.about import read_about
from papscope.report.card import calibration_section
from papscope.report.words import limits, title_of
from papscope.split import Protocol
from papscope.taxonomy import CellClass

_FITS = {
    "squash": "its shape is changed to a square",
    "pad": "made square by mirrored borders",
    "crop": "the middle square is taken",
}
_KEEPS = {
    "last": "The last epoch was kept: the number of epochs was fixed beforehand.",
    "best": "The epoch that did best on the validation part was kept.",
}
_SIZES_NAMED = 6
_TRAINED_BY = (
    "optimiser", "lr", "schedule", "weight_decay", "epochs", "patience", "batch_size", "freeze",
    "head_epochs", "layer_decay", "drop_rate", "label_smoothing", "mixup", "cutmix", "ema", "clip",
    "seed",
)  # fmt: skip


def said(value: Any) -> str:
    """Write a plain value; six digits of a number.

    >>> said([0.5, 2]), said({"a": True, "b": None}), said(0.1234567)
    ('0.5, 2', 'a yes', '0.123457')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {said(one)}" for key, one in value.items() if said(one))
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, map(said, value)))
    return str(value)


def _names(value: Any) -> str:
    names = [one["name"] if isinstance(one, Mapping) else str(one) for one in value]
    return ", ".join(names)


def _several(value: Any) -> str:
    """Name candidates where there were several to choose from."""
    return _names(value) if len(value) > 1 else ""


def _data_set(name: str) -> str:
    return " + ".join(title_of(one.strip()) for one in name.split("+"))


def _listed(value: Any) -> str:
    """Join sentences, each with its stop."""
    return " ".join(f"{one[0].upper()}{one[1:].rstrip('.')}." for one in value if one)


def _flat(text: str) -> str:
    """Give a Markdown list as running text."""
    lines = [line.strip().removeprefix("- ") for line in text.splitlines()]
    return " ".join(line for line in lines if line)


def _settings(value: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {said(one)}" for key, one in value.items() if said(one))


def _counts(value: Mapping[str, Mapping[str, int]]) -> str:
    return "; ".join(f"{part}: {said(by)}" for part, by in value.items() if by)


def _class_cells(value: Mapping[str, Any]) -> str:
    """Write cells of each class, and their groups where they are told."""

    def one(name: str, told: Any) -> str:
        if isinstance(told, Mapping):
            return f"{name} {told['cells']} in {told['groups']} groups"
        return f"{name} {told}"

    return ", ".join(one(name, told) for name, told in value.items())


def _meanings(value: Any) -> str:
    classes = [CellClass.from_json(one) for one in value]
    told = (", ".join(filter(None, (one.side, one.note))) for one in classes)
    return "; ".join(
        f"{one.name} ({words})" if words else one.name
        for one, words in zip(classes, told, strict=True)
    )


def _divided(told: Protocol) -> bool:
    """Whether there is more than one part."""
    return bool(told.folds) or told.by == "given" or len(told.shares) > 1


def _split(value: Mapping[str, Any]) -> str:
    told = Protocol.from_json(value).sentence()
    return f"{told[0].upper()}{told[1:]}."


def _level(value: Mapping[str, Any]) -> str:
    told = Protocol.from_json(value)
    if not _divided(told):
        return ""
    if told.leaks:
        return f"{told.leaks[0].upper()}{told.leaks[1:]}."
    coarser = ", by the coarser groups of the data set" if told.by == "strict" else ""
    return f"No {told.group_is} is on two sides{coarser}."


def _stain(value: Mapping[str, Any]) -> str:
    stain = Preprocess.from_json(value).stain
    return (
        "colours are left as they are"
        if stain is None
        else f"colours are first brought to the stain of the training images ({stain.method})"
    )


def _input(network: Mapping[str, Any]) -> str:
    """Say what a network takes in."""
    if network.get("shape"):
        return (
            f"The model takes the pixels of one picture, and {len(network['shape'])} measures of "
            f"the cell's outline: {', '.join(network['shape'])}."
        )
    return "The model takes the pixels of one picture and nothing else."


def _no_judged_input(network: Mapping[str, Any]) -> str:
    """As `_input`, and nothing where outlines, which people may draw, are taken in."""
    return "" if network.get("shape") else _input(network)


def _network(network: Mapping[str, Any]) -> str:
    dropped = f" Drop rate {said(network['drop_rate'])}." if "drop_rate" in network else ""
    return f"{_composition(network)}{dropped}"


def _composition(network: Mapping[str, Any]) -> str:
    kinds = {
        "single": "One network answers alone.",
        "ensemble": f"{len(network.get('members', ()))} networks answer with the mean of their "
        "probabilities.",
        "fusion": f"Features of {len(network.get('blocks', ()))} networks are joined under one "
        "head.",
    }
    turned = " Each answer is the mean over eight orientations of the picture."
    kind = str(network.get("kind", "single"))
    return kinds[kind] + (turned if network.get("orientations") else "")


def _members(value: Sequence[Mapping[str, Any]]) -> str:
    told = ", ".join(f"{one['backbone']} {one['bundle_sha256'][:12]}" for one in value)
    return f"Members: {told}."


def _training(value: Mapping[str, Any]) -> str:
    return said({key: value[key] for key in _TRAINED_BY if key in value})


def _augment(value: Mapping[str, Any]) -> str:
    """Name what is done to pictures; what is set to nothing is left out."""
    return said({key: one for key, one in value.items() if one}) or "nothing is varied"


def _imbalance(value: Mapping[str, Any]) -> str:
    how, power = value["balance"], value.get("balance_power")
    if how == "none":
        return "No: each picture counts the same."
    return f"Rare classes count for more by `balance = {how}`, with power {said(power)}."


def _digests(value: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {digest}" for name, digest in value.items())


def _calibration(bundle: Mapping[str, Any]) -> str:
    """Give the card's words for a bundle's calibration, without the title."""
    text = calibration_section(bundle.get("calibration", {}), bundle.get("rules", {}))
    return text.partition("\n\n")[2]


def _referral(rules: Mapping[str, Any]) -> str:
    return calibration_section({}, rules).partition("gives them.")[2].strip()


def _limits(bundle: Mapping[str, Any]) -> str:
    classes = [CellClass.from_json(one) for one in bundle["classes"]]
    about = read_about({"dataset": bundle["provenance"]["dataset"]})
    return _listed(limits(about, classes, grouped=True))


def _sections(card: Mapping[str, str]) -> str:
    return ", ".join(name for name in card if name)


def _measured_part(part: str) -> str:
    """Say on what a model was measured; empty where it was on nothing."""
    return "" if part.startswith("none") else part


def _sizes(value: Mapping[str, int]) -> str:
    """Name a few sizes with their images, or how many there are and between which bounds."""
    if len(value) <= _SIZES_NAMED:
        return ", ".join(f"{name} ({number} images)" for name, number in value.items())
    pairs = [name.split(" x ") for name in value]
    wide, high = (sorted(int(one[place]) for one in pairs) for place in (0, 1))
    return f"{len(value)} sizes, {wide[0]} to {wide[-1]} wide and {high[0]} to {high[-1]} high"


WORDS: Mapping[str, Callable[[Any], str]] = {
    "augment": _augment,
    "calibration": _calibration,
    "capital": lambda value: f"{value[0].upper()}{value[1:]}",
    "class-cells": _class_cells,
    "composition": _composition,
    "count": lambda value: str(len(value)),
    "counts": _counts,
    "data-set": _data_set,
    "digests": _digests,
    "fit": lambda value: _FITS[value],
    "flat": _flat,
    "imbalance": _imbalance,
    "input": _input,
    "keep": lambda value: _KEEPS[value],
    "keys": ", ".join,
    "level": _level,
    "limits": _limits,
    "listed": _listed,
    "meanings": _meanings,
    "measured-part": _measured_part,
    "members": _members,
    "names": _names,
    "network": _network,
    "no-judged-input": _no_judged_input,
    "pairs": said,
    "percent": lambda value: f"{value:.0%}",
    "positive": lambda value: str(value) if value > 0 else "",
    "properties": ", ".join,
    "referral": _referral,
    "sections": _sections,
    "settings": _settings,
    "several": _several,
    "sizes": _sizes,
    "split": _split,
    "stain": _stain,
    "three": lambda value: f"{value:.3f}",
    "training": _training,
    **numbers.WORDS,
}
"""What a gap may name after the bar."""
