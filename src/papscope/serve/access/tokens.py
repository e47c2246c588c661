"""Tokens: words by which programs ask in somebody's name.

Takes   a person who wants one, or the word that a request brings
Gives   a new word, once, or the person
Never   keeps a word, or gives a program more than its person may
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from papscope.errors import Conflict, NotFound, SettingError, StoreError
from papscope.serve.access.accounts import person_behind
from papscope.serve.access.words import TOKEN_BEGINS, kept, new_token, same
from papscope.serve.audit import Event, record
from papscope.serve.clock import Clock
from papscope.serve.people import Person
from papscope.serve.store.database import Database
from papscope.serve.store.tables import Account, Token

MOST = 50
"""Valid tokens of one account."""

_NOTED = timedelta(minutes=1)
"""Uses closer together than this are noted as one: each note is a write."""

_log = logging.getLogger("papscope.serve")


@dataclass(frozen=True, slots=True)
class Made:
    """A token that has just been made."""

    id: int
    name: str
    word: str
    """Nobody can have it again."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a service."""

    database: Database
    clock: Clock

    def person(self, word: str) -> Person | None:
        """Give in whose name a token asks; None where it is revoked or never was."""
        if not word.startswith(TOKEN_BEGINS):
            return None
        wanted = (
            select(Account, Token)
            .join(Token, Token.account_id == Account.id)
            .where(Token.token_hash == kept(word), Token.revoked_at.is_(None))
        )
        with self.database.reading() as session:
            found = session.execute(wanted).first()
        if found is None:
            return None
        account, token = found
        if not account.active or not same(token.token_hash, kept(word)):
            return None
        self._note_use(token)
        return person_behind(account)

    def make(self, person: Person, name: str) -> Made:
        """Make a token for a person.

        Args:
            person: in whose name it will ask.
            name: for telling it from others, 1 to 64 characters.

        Raises:
            SettingError: the name is empty or too long.
            Conflict: the person has `MOST` of them.
        """
        name = name.strip()
        if not 1 <= len(name) <= 64 or not name.isprintable():
            raise SettingError(
                "a token's name has 1 to 64 characters", hint="name the program that will use it"
            )
        word, at = new_token(), self.clock()
        count = select(func.count()).select_from(Token)
        with self.database.transaction() as session:
            mine = count.where(Token.account_id == person.id, Token.revoked_at.is_(None))
            if (session.scalar(mine) or 0) >= MOST:
                raise Conflict(f"there are {MOST} tokens", hint="revoke those that nobody uses")
            made = Token(account_id=person.id, name=name, token_hash=kept(word), created_at=at)
            session.add(made)
            session.flush()
            told = {"token": made.id}
            record(session, at, Event(what="token-made", who=person.name, details=told))
            return Made(made.id, name, word)

    def each(self, person: Person) -> list[Token]:
        """Give a person's valid tokens, the newest first, without their words."""
        wanted = select(Token).where(Token.account_id == person.id, Token.revoked_at.is_(None))
        with self.database.reading() as session:
            return list(session.scalars(wanted.order_by(Token.id.desc())))

    def revoke(self, person: Person, token_id: int, *, by: str) -> None:
        """Let a token be valid no more.

        Raises:
            NotFound: the person has no such token.
        """
        with self.database.transaction() as session:
            found = session.scalar(
                select(Token)
                .where(Token.id == token_id, Token.account_id == person.id)
                .with_for_update()
            )
            if found is None or found.revoked_at is not None:
                raise NotFound("there is no such token", hint="it may be revoked already")
            found.revoked_at = self.clock()
            told = {"account": person.name, "token": token_id}
            record(session, self.clock(), Event(what="token-revoked", who=by, details=told))

    def _note_use(self, token: Token) -> None:
        """Note when a token was used last; a disk that is full does not stop whoever reads."""
        at = self.clock()
        if token.used_at is not None and abs(at - token.used_at) < _NOTED:
            return
        try:
            with self.database.transaction() as session:
                held = session.get(Token, token.id)
                if held is not None:
                    held.used_at = at
        except StoreError as problem:
            _log.warning("the use of token %s could not be noted: %s", token.id, problem)


def since(at: datetime | None) -> str:
    """Word when something was: for tables.

    >>> since(None)
    'never'
    """
    return "never" if at is None else at.strftime("%Y-%m-%d %H:%M UTC")
