"""What pictures' colours are brought to, and the one place where it is done.

Takes   pictures to measure, or a picture and what was measured
Gives   a frozen `StainReference`, or the picture in the reference's colours
Never   fails on a picture: what shows too little to be measured is left as it is
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from papscope.errors import SettingError
from papscope.image import Pixels
from papscope.stain import macenko, reinhard

Method = Literal["reinhard", "macenko"]
Row: TypeAlias = npt.NDArray[np.float64]

_MEASURES: Mapping[str, Callable[[Pixels], Sequence[Row] | None]] = {
    "reinhard": reinhard.measure,
    "macenko": macenko.measure,
}
_BRINGS: Mapping[str, Callable[[Pixels, Sequence[Row]], Pixels]] = {
    "reinhard": reinhard.bring,
    "macenko": macenko.bring,
}
_LENGTHS = {"reinhard": [3, 3], "macenko": [3, 3, 2]}


@dataclass(frozen=True, slots=True)
class StainReference:
    """The colours that pictures are brought to; measured on training pictures alone."""

    method: Method
    numbers: tuple[tuple[float, ...], ...]
    """`reinhard`: mean and standard deviation of L*, a*, b*. `macenko`: the optical densities of
    two stains in red, green and blue, each of length 1, the bluer first, and how strong each is."""

    def __post_init__(self) -> None:
        _check_method(self.method)
        finite = all(np.isfinite(row).all() for row in self.numbers)
        if [len(row) for row in self.numbers] != _LENGTHS[self.method] or not finite:
            raise SettingError(f"stain numbers are {self.numbers}", hint="measure them again")
        if self.method == "macenko" and _alike(*map(np.array, self.numbers[:2])):
            raise SettingError(f"stains are alike: {self.numbers[:2]}", hint="measure them again")

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form that a bundle carries."""
        return {"method": self.method, "numbers": [list(row) for row in self.numbers]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> StainReference:
        """Read the JSON form.

        Raises:
            SettingError: something is missing, unknown, or no number.
        """
        try:
            numbers = tuple(tuple(float(x) for x in row) for row in value["numbers"])
            rest = {name: value[name] for name in value if name != "numbers"}
            return cls(numbers=numbers, **rest)
        except (KeyError, TypeError, ValueError) as wrong:
            raise SettingError(f"the stain is damaged: {wrong}", hint="get it again") from None


def fit(pictures: Iterable[Pixels], method: Method) -> StainReference:
    """Measure the stain of a set of pictures: the mean of what each has.

    Args:
        pictures: (h, w, 3) each, RGB, 0..255; of the training part alone.
        method: `reinhard` or `macenko`.

    Raises:
        SettingError: the method is unknown, or no picture shows enough to be measured.
    """
    _check_method(method)
    looks = [look for look in map(_MEASURES[method], pictures) if look is not None]
    if not looks:
        raise SettingError(
            "no picture shows enough stain to be measured", hint="set stain_norm to none"
        )
    means = [np.mean(rows, axis=0) for rows in zip(*looks, strict=True)]
    if method == "macenko":
        means[:2] = [stain / np.linalg.norm(stain) for stain in means[:2]]
    return StainReference(method, tuple(tuple(round(float(x), 6) for x in row) for row in means))


def apply(pixels: Pixels, reference: StainReference) -> Pixels:
    """Bring a picture's colours to the reference's.

    Args:
        pixels: (h, w, 3), RGB, 0..255.
        reference: from `fit`.

    Returns:
        (h, w, 3), RGB, 0..255; the very picture where it shows too little to be measured: one
        colour, or for `macenko` one stain or hardly any.

    >>> white = np.full((8, 8, 3), 255, np.uint8)
    >>> wanted = StainReference("reinhard", ((60.0, 10.0, -10.0), (12.0, 5.0, 5.0)))
    >>> bool((apply(white, wanted) == 255).all())
    True
    """
    return _BRINGS[reference.method](pixels, [np.array(row) for row in reference.numbers])


def _check_method(method: str) -> None:
    if method not in _LENGTHS:
        raise SettingError(f"stain method is {method!r}", hint=f"choose {', '.join(_LENGTHS)}")


def _alike(one: Row, other: Row) -> bool:
    """Say whether two stains cannot be told apart."""
    return bool(np.linalg.norm(np.cross(one, other)) < 1e-3)
