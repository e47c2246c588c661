"""Accounts: who may use the service, and as what.

Takes   what an administrator decides, over HTTP or at the command line
Gives   accounts, and an entry in the audit log for each change
Never   leaves the service without an administrator, or tells a password's hash
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from papscope.errors import Conflict, NotFound, SettingError
from papscope.serve.access.passwords import Hasher, checked
from papscope.serve.audit import Event, record
from papscope.serve.clock import Clock
from papscope.serve.people import LOCAL, ROLES, SERVICE, Person, Role
from papscope.serve.store.database import Database
from papscope.serve.store.tables import Account, SignIn, Token

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of an account."""

    id: int
    name: str
    role: Role
    active: bool
    created_at: datetime
    tokens: int
    """That are valid."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of a service."""

    database: Database
    clock: Clock
    hasher: Hasher

    def each(self) -> list[Told]:
        """Give all accounts that somebody can sign in to, by name."""
        counted = func.count(Token.id)
        wanted = (
            select(Account, counted)
            .outerjoin(Token, (Token.account_id == Account.id) & Token.revoked_at.is_(None))
            .where(Account.name != LOCAL)
            .group_by(Account.id)
            .order_by(Account.name)
        )
        with self.database.reading() as session:
            return [_told(one, tokens) for one, tokens in session.execute(wanted)]

    def told(self, name: str) -> Told:
        """Tell of one account.

        Raises:
            NotFound: there is none of that name.
        """
        for one in self.each():
            if one.name == spelt(name):
                return one
        raise _unknown(name)

    def add(self, name: str, role: str, password: str, *, by: str) -> Person:
        """Make an account.

        Args:
            name: 1 to 64 of a-z, 0-9 and ``._@-``; capitals are made small.
            role: of `ROLES`.
            password: see `passwords.checked`.
            by: who makes it.

        Raises:
            SettingError: the name, the role or the password cannot be taken.
            Conflict: there is one of that name.
        """
        name, as_role = spelt(name), checked_role(role)
        if name in (LOCAL, SERVICE) or not _NAME.fullmatch(name):
            raise SettingError(
                f"{name[:80]!r} cannot be an account's name",
                hint="take 1 to 64 of a-z, 0-9, '.', '_', '@' and '-', as ada.lovelace",
            )
        kept = self.hasher.hash(checked(password, name))
        with self.database.transaction() as session:
            if session.scalar(select(Account.id).where(Account.name == name)) is not None:
                raise Conflict(
                    f"there is an account named {name}",
                    hint="take another name; one that was deactivated can be activated again",
                )
            at = self.clock()
            made = Account(name=name, role=as_role, password_hash=kept, created_at=at)
            session.add(made)
            session.flush()
            told = {"account": name, "role": as_role}
            record(session, at, Event(what="account-made", who=by, details=told))
            return Person(made.id, name, as_role)

    def set_role(self, name: str, role: str, *, by: str) -> None:
        """Give an account another role.

        Raises:
            SettingError, NotFound: there is no such role or account.
            Conflict: the last administrator would be none.
        """
        as_role = checked_role(role)
        with self.database.transaction() as session:
            found = _found(session, name)
            if found.role == as_role:
                return
            _keep_one_admin(session, found, stays=as_role == "admin")
            was, found.role = found.role, as_role
            told = {"account": found.name, "from": was, "to": as_role}
            record(session, self.clock(), Event(what="role-changed", who=by, details=told))

    def set_password(self, name: str, password: str, *, by: str) -> None:
        """Give an account another password; all its sign-ins end, its tokens stay.

        Raises:
            SettingError: the password cannot be taken.
            NotFound: there is no such account.
        """
        kept = self.hasher.hash(checked(password, spelt(name)))
        with self.database.transaction() as session:
            found = _found(session, name)
            found.password_hash = kept
            session.execute(delete(SignIn).where(SignIn.account_id == found.id))
            told = {"account": found.name}
            record(session, self.clock(), Event(what="password-changed", who=by, details=told))

    def set_active(self, name: str, active: bool, *, by: str) -> None:
        """Let nobody use an account any more, or again; its sign-ins and tokens end with it.

        Raises:
            NotFound: there is no such account.
            Conflict: it is the last administrator's.
        """
        with self.database.transaction() as session:
            found = _found(session, name)
            if found.active == active:
                return
            _keep_one_admin(session, found, stays=active)
            found.active = active
            at = self.clock()
            if not active:
                session.execute(delete(SignIn).where(SignIn.account_id == found.id))
                for token in session.scalars(select(Token).where(Token.account_id == found.id)):
                    token.revoked_at = token.revoked_at or at
            what = "activated" if active else "deactivated"
            record(session, at, Event(what=what, who=by, details={"account": found.name}))

    def named(self, name: str) -> Person:
        """Give whom an account stands for that is in use.

        Raises:
            NotFound: there is no such account, or it is deactivated.
        """
        with self.database.reading() as session:
            found = _found(session, name)
            if not found.active:
                raise NotFound(f"{found.name} is deactivated", hint="activate the account first")
            return person_behind(found)


def count_admins(database: Database) -> int:
    """Count the administrators who can sign in."""
    with database.reading() as session:
        return _admins(session)


def spelt(name: str) -> str:
    """Give a name as accounts have it.

    >>> spelt(" Ada ")
    'ada'
    """
    return name.strip().lower()


def checked_role(role: str) -> Role:
    """Give a role, if it is one.

    Raises:
        SettingError: it is none.
    """
    if role not in ROLES:
        raise SettingError(f"there is no role {role[:80]!r}", hint=f"one of {', '.join(ROLES)}")
    return role


def person_behind(account: Account) -> Person:
    """Give who an account stands for."""
    return Person(account.id, account.name, cast("Role", account.role))


def _told(one: Account, tokens: int) -> Told:
    return Told(one.id, one.name, cast("Role", one.role), one.active, one.created_at, tokens)


def _found(session: Session, name: str) -> Account:
    wanted = select(Account).where(Account.name == spelt(name), Account.name != LOCAL)
    found = session.scalar(wanted.with_for_update())
    if found is None:
        raise _unknown(name)
    return found


def _unknown(name: str) -> NotFound:
    return NotFound(
        f"there is no account named {name[:80]!r}", hint="`papscope account list` lists them"
    )


def _admins(session: Session) -> int:
    ids = select(Account.id).where(
        Account.role == "admin", Account.active.is_(True), Account.name != LOCAL
    )
    return len(session.scalars(ids.with_for_update()).all())


def _keep_one_admin(session: Session, found: Account, *, stays: bool) -> None:
    """Refuse to lose the last administrator; two at once cannot both go, for rows are held."""
    if found.role == "admin" and found.active and not stays and _admins(session) == 1:
        raise Conflict(
            f"{found.name} is the last administrator", hint="make another one administrator first"
        )
