"""What is measured of each picture, which of it belongs together, and the words for more and less.

Takes   nothing
Gives   the names of the measures in order, the families that are tested, and words
Never   measures: that is for `measuring`
"""

from __future__ import annotations

from collections.abc import Mapping

from papscope.appearance import MEASURES as LOOKS
from papscope.appearance import NAMES as LOOKS_NAMES

MEASURES: Mapping[str, str] = {
    **LOOKS,
    "side": "mean side of the picture as it came, pixels, logarithm to the base 2",
    "nucleus-pixels": "estimated diameter of the nucleus in the middle, pixels of the picture as "
    "it came, logarithm to the base 2",
    "nucleus-share": "estimated diameter of the nucleus over the picture's side, logarithm to the "
    "base 2",
}
"""What each number is, with its unit; those of `appearance` are of the square a network sees."""

NAMES: tuple[str, ...] = (*LOOKS_NAMES, "side", "nucleus-pixels", "nucleus-share")

LOGARITHMS = frozenset({"side", "nucleus-pixels", "nucleus-share"})
"""Measures to be raised to a power of 2 before anybody reads them."""

COLOUR, SHARPNESS, SCALE, NUCLEUS, FEATURES = FAMILIES = (
    "colour",
    "sharpness",
    "scale",
    "nucleus size",
    "features",
)
"""What is tested, each with one p-value; `features` are the network's."""

MEMBERS: Mapping[str, tuple[str, ...]] = {
    COLOUR: (
        "lightness",
        "green-red",
        "blue-yellow",
        "lightness-spread",
        "green-red-spread",
        "blue-yellow-spread",
    ),
    SHARPNESS: ("sharpness", "fine-detail", "spectral-slope", "noise"),
    SCALE: ("side", "nucleus-pixels"),
    NUCLEUS: ("nucleus-share",),
}
"""The measures of each family but the network's features."""

WORDS: Mapping[str, tuple[str, str]] = {
    "lightness": ("darker", "lighter"),
    "green-red": ("greener", "redder"),
    "blue-yellow": ("bluer", "yellower"),
    "lightness-spread": ("flatter", "richer in contrast"),
    "green-red-spread": ("less varied from red to green", "more varied from red to green"),
    "blue-yellow-spread": ("less varied from blue to yellow", "more varied from blue to yellow"),
    "sharpness": ("blurred", "sharper"),
    "fine-detail": ("poorer in fine detail", "richer in fine detail"),
    "spectral-slope": ("softer", "crisper"),
    "noise": ("smoother", "noisier"),
    "side": ("of fewer pixels", "of more pixels"),
    "nucleus-pixels": ("nuclei of fewer pixels", "nuclei of more pixels"),
    "nucleus-share": ("smaller nuclei", "larger nuclei"),
}
"""For less and for more of a measure."""
