"""A model whose weights have been shuffled, from the top downwards.

Takes   a bundle of any kind
Gives   the same bundle with some or all of its weights in random order
Never   trains, or writes a bundle

After J. Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018, who draw weights anew.
Shuffling each tensor's own numbers destroys what was learnt just as well, keeps their scale in any
form, floating point or whole numbers, and is the same for torch and for exported graphs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from papscope.bundle import Bundle
from papscope.errors import MissingExtra
from papscope.seeds import stream

Rung = Literal["head", "half", "all"]

RUNGS: tuple[Rung, ...] = get_args(Rung)
"""The last layer of each network; the upper half of its layers; all of them."""

_PART = re.compile(r"(?:members\.\d+\.)+(?:blocks\.\d+\.network\.)?|blocks\.\d+\.network\.")
"""How the names begin of one network of an ensemble, or of one trunk of a fused model."""
_LARGE = 2
"""A tensor of fewer numbers cannot be shuffled."""


def shuffled(bundle: Bundle, rung: Rung, seed: int = 0) -> Bundle:
    """Shuffle a bundle's weights.

    Args:
        bundle: of torch's, or exported.
        rung: how far down from the top.
        seed: of the order.

    Raises:
        MissingExtra: it was exported, and the package that reads its graph is not installed.
        BundleError: the weights are not those of the network that the bundle names.
    """
    if bundle.onnx is not None:
        return replace(bundle, onnx=_graph_shuffled(bundle.onnx, rung, seed))
    names = _in_order(bundle)
    chosen = chosen_of({name: bundle.tensors[name].ndim for name in names}, rung)
    tensors = {
        name: _in_other_order(value, name, seed) if name in chosen else value
        for name, value in bundle.tensors.items()
    }
    return replace(bundle, tensors=tensors)


def _in_order(bundle: Bundle) -> list[str]:
    """Give the names of a torch bundle's tensors from the bottom to the top of the network."""
    from papscope.network.assembly import from_bundle

    lying = bundle.with_orientations(False)
    return [name for name in from_bundle(lying).state_dict() if name in bundle.tensors]


def chosen_of(dimensions: Mapping[str, int], rung: Rung) -> frozenset[str]:
    """Choose the tensors of a rung.

    Args:
        dimensions: of each tensor, named from the bottom to the top. Names of one layer share all
            before the last full stop; those of one network of several a beginning such as
            `members.0.`. Trunks (`blocks.0.network.`) have no head of their own.
        rung: how far down from the top.

    >>> layers = dict.fromkeys(("stem.weight", "body.weight", "neck.weight", "head.weight"), 2)
    >>> sorted(chosen_of({**layers, "head.bias": 1}, "head"))
    ['head.bias', 'head.weight']
    >>> sorted(chosen_of(layers, "half"))
    ['head.weight', 'neck.weight']
    """
    columns: dict[str, list[str]] = defaultdict(list)
    for name in dimensions:
        found = _PART.search(name)
        columns[found.group(0) if found else ""].append(name)
    return frozenset(
        name
        for start, names in columns.items()
        for name in _upper(names, dimensions, rung, trunk="blocks." in start)
    )


def _upper(
    names: Sequence[str], dimensions: Mapping[str, int], rung: Rung, *, trunk: bool
) -> Iterable[str]:
    layers = list(dict.fromkeys(_layer(name) for name in names if dimensions[name] > 1))
    if rung == "all" or not layers:
        return names if rung == "all" or not trunk else ()
    if rung == "head" and trunk:
        return ()
    first = layers[-1] if rung == "head" else layers[len(layers) // 2]
    start = next(place for place, name in enumerate(names) if _layer(name) == first)
    return names[start:]


def _layer(name: str) -> str:
    return name.rpartition(".")[0] or name


def _in_other_order(value: npt.NDArray[Any], name: str, seed: int) -> npt.NDArray[Any]:
    if value.size < _LARGE:
        return value
    order = stream(seed, f"shuffled {name}").permutation(value.size)
    return np.ascontiguousarray(value.ravel()[order].reshape(value.shape))


def _graph_shuffled(model: bytes, rung: Rung, seed: int) -> bytes:
    try:
        import onnx
        from onnx import numpy_helper
    except ModuleNotFoundError as missing:
        raise MissingExtra(
            f"shuffling an exported model's weights needs {missing.name}, which the base "
            "installation leaves out",
            hint='pip install "papscope[train]"',
        ) from None
    graph = onnx.load_from_string(model)
    held = {one.name: one for one in graph.graph.initializer}
    used = list(dict.fromkeys(name for node in graph.graph.node for name in node.input))
    arrays = {name: numpy_helper.to_array(held[name]) for name in used if name in held}
    weights = {name: one for name, one in arrays.items() if _is_weight(one)}
    for name in chosen_of({name: one.ndim for name, one in weights.items()}, rung):
        other = _in_other_order(weights[name], name, seed)
        held[name].CopyFrom(numpy_helper.from_array(other, name))
    return bytes(graph.SerializeToString(deterministic=True))


def _is_weight(value: npt.NDArray[Any]) -> bool:
    """Tell weights from shapes, axes and single numbers."""
    return value.size >= _LARGE and (value.dtype.kind == "f" or value.dtype.itemsize == 1)
