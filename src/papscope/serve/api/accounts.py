"""Accounts over HTTP, for administrators.

Takes   requests of an administrator who has signed in
Gives   JSON
Never   takes a program's token for this: who steals one must not be able to make it last
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from papscope.serve.api.problems import problems
from papscope.serve.asked import AdminByHand, Held
from papscope.serve.people import Role

router = APIRouter(prefix="/v1/accounts", tags=["accounts"])

Name = Annotated[str, Path(min_length=1, max_length=64, description="The account's name.")]
Password = Annotated[str, Field(min_length=1, max_length=256)]


class AccountForm(BaseModel):
    """An account, as administrators see it."""

    model_config = ConfigDict(from_attributes=True)
    name: str = Field(examples=["ada"])
    role: Role
    active: bool
    created_at: datetime
    tokens: int = Field(description="Of programs, that are valid.")


class NewAccount(BaseModel):
    """An account to be made."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=64, examples=["ada"])
    role: Role
    password: Password = Field(examples=["seven small green frogs"])


class ChangedAccount(BaseModel):
    """What is to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")
    role: Role | None = None
    active: bool | None = None


class NewPassword(BaseModel):
    """A password for somebody else."""

    model_config = ConfigDict(extra="forbid")
    password: Password


@router.get("", responses=problems())
def list_accounts(held: Held, person: AdminByHand) -> list[AccountForm]:
    """List all accounts, by name."""
    del person
    return [AccountForm.model_validate(one) for one in held.accounts.each()]


@router.post("", status_code=201, responses=problems(409))
def add_account(held: Held, person: AdminByHand, asked: NewAccount) -> AccountForm:
    """Make an account."""
    made = held.accounts.add(asked.name, asked.role, asked.password, by=person.name)
    return AccountForm.model_validate(held.accounts.told(made.name))


@router.patch("/{name}", responses=problems(404, 409))
def change_account(
    held: Held, person: AdminByHand, name: Name, asked: ChangedAccount
) -> AccountForm:
    """Change a role, or let nobody use an account any more, or again."""
    if asked.role is not None:
        held.accounts.set_role(name, asked.role, by=person.name)
    if asked.active is not None:
        held.accounts.set_active(name, asked.active, by=person.name)
    return AccountForm.model_validate(held.accounts.told(name))


@router.put("/{name}/password", status_code=204, responses=problems(404))
def set_password(held: Held, person: AdminByHand, name: Name, asked: NewPassword) -> None:
    """Give somebody a new password; she is signed out everywhere."""
    held.accounts.set_password(name, asked.password, by=person.name)
