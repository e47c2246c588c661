"""What a sender wants of an upload, beside the files.

Takes   the form's fields, and the key by which a sender may ask again
Gives   a frozen record of what makes sense together
Never   reads the database: whether a case or a model is there is seen later
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from papscope.errors import SettingError
from papscope.serve import typed
from papscope.serve.people import Person

_LONGEST_KEY = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a sender asks for, beside the files."""

    case_id: str | None = None
    """None for a new case."""
    title: str | None = None
    """Of a new case; None for one that tells the day."""
    um_per_px: float | None = None
    """Of a new case; None where it is not known."""
    model: str | None = None
    """Its name; None for the default one."""
    key: str | None = None
    """By which a sender who asks again gets the same job; None for a new one each time."""

    def __post_init__(self) -> None:
        if self.case_id is not None and (self.title is not None or self.um_per_px is not None):
            raise SettingError(
                "an existing case has its title and scale already",
                hint="leave title and um_per_px out, or change the case",
            )
        if self.title is not None:
            typed.title(self.title)
        if self.um_per_px is not None and not 0 < self.um_per_px < 100:
            raise SettingError(
                f"um_per_px is {self.um_per_px}", hint="give micrometres a pixel, 0 to 100"
            )
        if self.key is not None and not 0 < len(self.key) <= _LONGEST_KEY:
            raise SettingError(
                f"the key has {len(self.key)} characters", hint=f"give 1 to {_LONGEST_KEY}"
            )

    def key_of(self, person: Person) -> str | None:
        """Give what is stored of the key: nobody gets another's job by it."""
        if self.key is None:
            return None
        return sha256(f"{person.id}\n{self.key}".encode("utf-8", "backslashreplace")).hexdigest()
