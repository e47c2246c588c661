"""How strongly pictures are changed while training.

Takes   names and values, from the command line or a recipe
Gives   a frozen `OnlineSettings`
Never   touches torch
"""

from __future__ import annotations

from dataclasses import dataclass

from papscope.errors import SettingError


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

    def __post_init__(self) -> None:
        for name in ("scale", "shift", "brightness", "contrast", "saturation", "tint", "noise"):
            if not 0 <= getattr(self, name) < 1:
                raise SettingError(
                    f"augment: {name} is {getattr(self, name)}; want 0 to below 1",
                    hint="0.1 is gentle",
                )
        if not 0 <= self.rotation <= 180:
            raise SettingError(
                f"augment: rotation is {self.rotation}; want 0 to 180 degrees", hint="try 15"
            )
