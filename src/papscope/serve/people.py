"""Who asks, and what each role may do.

Takes   nothing
Gives   frozen persons and the order of roles
Never   knows a password, a token or a request
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["reader", "reviewer", "admin"]
"""A reader uploads and looks; a reviewer gives verdicts too; an admin also deletes and manages."""

ROLES: tuple[Role, ...] = get_args(Role)

LOCAL = "local"
"""The account of whoever sits at this machine, where nobody has to sign in."""

SERVICE = "service"
"""Who is noted down for what the service does by itself."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is known to the service."""

    id: int
    """Of the account."""
    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Tell whether this person may do what a role may.

        >>> Person(1, "ada", "reviewer").may("reader")
        True
        """
        return ROLES.index(self.role) >= ROLES.index(role)
