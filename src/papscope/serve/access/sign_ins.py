"""Sign-ins: browsers in which somebody has proved who she is, for some hours.

Takes   a name and a password, or the word that a browser's cookie brings
Gives   a new word, or the person
Never   says whether it was the name or the password that was wrong, or takes a word from outside
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from papscope.errors import SignInNeeded
from papscope.serve.access.accounts import person_behind, spelt
from papscope.serve.access.passwords import Hasher
from papscope.serve.access.slowing import Slowing
from papscope.serve.access.words import kept, new_word
from papscope.serve.audit import Event, record
from papscope.serve.clock import Clock
from papscope.serve.people import LOCAL, SERVICE, Person
from papscope.serve.store.database import Database
from papscope.serve.store.tables import Account, SignIn

_SLACK = timedelta(hours=1)
"""By which a clock may be put back without signing anybody out."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A sign-in that has just begun."""

    person: Person
    word: str
    """For the cookie; nobody can have it again."""


@dataclass(frozen=True, slots=True)
class SignIns:
    """The sign-ins of a service."""

    database: Database
    clock: Clock
    hours: float

    def person(self, word: str) -> Person | None:
        """Give who signed in with a word; None where that has ended or never was."""
        wanted = (
            select(Account, SignIn)
            .join(SignIn, SignIn.account_id == Account.id)
            .where(SignIn.token_hash == kept(word))
        )
        with self.database.reading() as session:
            found = session.execute(wanted).first()
        if found is None:
            return None
        account, sign_in = found
        left = sign_in.expires_at - self.clock()
        # One that has more left than any is given was begun while the clock was ahead: it would
        # last until the clock gets there again.
        if not account.active or not timedelta(0) < left <= timedelta(hours=self.hours) + _SLACK:
            return None
        return person_behind(account)

    def open(self, account: Account, before: str | None, *, session: Session) -> Opened:
        """Begin a sign-in with a new word; the browser's old one ends.

        Args:
            account: whose password was right.
            before: the word that the browser brought, if any.
            session: of the transaction in which the account was looked at.
        """
        at, word = self.clock(), new_word()
        session.execute(delete(SignIn).where(SignIn.expires_at <= at))
        if before is not None:
            session.execute(delete(SignIn).where(SignIn.token_hash == kept(before)))
        until = at + timedelta(hours=self.hours)
        made = SignIn(token_hash=kept(word), account_id=account.id, created_at=at, expires_at=until)
        session.add(made)
        session.flush()
        record(session, at, Event(what="signed-in", who=account.name))
        return Opened(person_behind(account), word)

    def close(self, word: str, person: Person) -> None:
        """End one sign-in."""
        with self.database.transaction() as session:
            session.execute(delete(SignIn).where(SignIn.token_hash == kept(word)))
            record(session, self.clock(), Event(what="signed-out", who=person.name))

    def close_all(self, person: Person) -> None:
        """End all sign-ins of a person, in whatever browser."""
        with self.database.transaction() as session:
            session.execute(delete(SignIn).where(SignIn.account_id == person.id))
            told = {"everywhere": True}
            record(session, self.clock(), Event(what="signed-out", who=person.name, details=told))


@dataclass(frozen=True, slots=True)
class Gate:
    """Where people sign in: slow for who guesses, and alike for names that do not exist."""

    sign_ins: SignIns
    hasher: Hasher
    slowing: Slowing

    def sign_in(self, name: str, password: str, *, address: str, before: str | None) -> Opened:
        """Let somebody in who knows her password.

        Args:
            name: of the account, as it was typed.
            password: as it was typed.
            address: from where, for counting failures.
            before: the word that the browser brought, if any; it ends.

        Raises:
            SignInNeeded: the name or the password is wrong, or the account deactivated.
            Busy: too many tries have failed.
        """
        name = spelt(name)
        self.slowing.attempt(name, address)
        found = self._account(name)
        if not self.hasher.fits(password, found.password_hash if found else ""):
            self._refuse(found)
        opened = self._open(found, password, before)
        self.slowing.succeeded(name, address)
        return opened

    def proves(self, person: Person, password: str, *, address: str) -> None:
        """Ask for a password once more, before something that a borrowed browser must not do.

        Raises:
            SignInNeeded: it is wrong.
            Busy: too many tries have failed.
        """
        self.slowing.attempt(person.name, address)
        found = self._account(person.name)
        if not self.hasher.fits(password, found.password_hash if found else ""):
            self._refuse(found)
        self.slowing.succeeded(person.name, address)

    def _account(self, name: str) -> Account | None:
        wanted = select(Account).where(
            Account.name == name, Account.active.is_(True), Account.name != LOCAL
        )
        with self.sign_ins.database.reading() as session:
            return session.scalar(wanted)

    def _refuse(self, found: Account | None) -> NoReturn:
        """Note the failure down, with the name only if it is an account's: people mistype."""
        who = found.name if found else SERVICE
        with self.sign_ins.database.transaction() as session:
            record(session, self.sign_ins.clock(), Event(what="sign-in-failed", who=who))
        raise SignInNeeded(
            "the name or the password is wrong",
            hint="try again; an administrator can set a new password",
        )

    def _open(self, found: Account | None, password: str, before: str | None) -> Opened:
        assert found is not None  # or no password would have fitted
        with self.sign_ins.database.transaction() as session:
            account = session.get_one(Account, found.id, with_for_update=True)
            if not account.active or account.password_hash != found.password_hash:
                raise SignInNeeded("the account was just changed", hint="sign in again")
            if self.hasher.is_outdated(account.password_hash):
                account.password_hash = self.hasher.hash(password)
            return self.sign_ins.open(account, before, session=session)
