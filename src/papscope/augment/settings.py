"""How strongly pictures are changed while training.

Takes   names and values, from the command line or a recipe
Gives   a frozen `OnlineSettings`
Never   touches torch
"""

from __future__ import annotations

from dataclasses import dataclass

from papscope.errors import SettingError

_COLOURS = ("brightness", "contrast", "saturation", "tint", "stain")
_SHARES = ("scale", "shift", "crop", *_COLOURS, "noise", "jpeg")

_LIMITS = {
    "rotation": (180, "degrees", "try 15"),
    "elastic": (0.12, "of the side", "try 0.03: more than 0.12 folds pictures over"),
    "blur": (10, "px", "try 1"),
}
"""Highest value, its unit, and what to try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineSettings:
    """How strongly pictures are changed; 0 or false leaves a change out."""

    orientations: bool = True
    """All eight turns and mirrorings: cells have no up."""
    rotation: float = 0.0
    """Largest further turn either way, in degrees."""
    scale: float = 0.0
    """Largest change of size: 0.2 means 1/1.2 to 1.2 times."""
    shift: float = 0.0
    """Largest move either way, as a share of the side."""
    brightness: float = 0.0
    """Largest change of brightness, as a share of the full range."""
    contrast: float = 0.0
    """Largest change of contrast, as a share."""
    saturation: float = 0.0
    """Largest change of saturation, as a share."""
    tint: float = 0.0
    """Largest change of each channel's gain, as a share: what another stain lot does."""
    noise: float = 0.0
    """Largest spread of added Gaussian noise, as a share of the full range."""
    crop: float = 0.0
    """Largest share of the side that is cut away; what is left is drawn to the full size."""
    elastic: float = 0.0
    """Largest displacement of a point by smooth bending, as a share of the side; 0.03 is gentle."""
    stain: float = 0.0
    """Largest change of each stain's strength, as a share, and of optical density; 0.05 is light,
    0.2 strong."""
    blur: float = 0.0
    """Largest standard deviation of a Gaussian blur, in pixels of the network's input."""
    jpeg: float = 0.0
    """Largest loss of JPEG quality, as a share: 0.4 means quality 100 to 60."""

    def __post_init__(self) -> None:
        for name in _SHARES:
            if not 0 <= getattr(self, name) < 1:
                raise SettingError(
                    f"augment: {name} is {getattr(self, name)}; want 0 to below 1",
                    hint="0.1 is gentle",
                )
        for name, (highest, unit, hint) in _LIMITS.items():
            if not 0 <= getattr(self, name) <= highest:
                raise SettingError(
                    f"augment: {name} is {getattr(self, name)}; want 0 to {highest} {unit}",
                    hint=hint,
                )
