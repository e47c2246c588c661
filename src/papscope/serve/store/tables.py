"""The tables of the service's database.

Takes   nothing
Gives   one class for each table
Never   changes without a step in `migrations/versions`, which a test holds it to

What a person may delete (cases, pictures, answers, verdicts) hangs together by foreign keys and
goes together. The audit log refers to it by number and digest alone, so that it stays.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from papscope.serve.store.columns import Codes, UtcTime

Counter = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite counts up by itself in a column of this very name alone."""

_NEVER_AGAIN = {"sqlite_autoincrement": True}
"""Without this, SQLite would give the number of a deleted last row once more."""


class Base(DeclarativeBase):
    """What all tables share."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcTime, dict[str, Any]: JSON}


class Account(Base):
    """Somebody who uses the service."""

    __tablename__ = "accounts"
    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    """`reader`, `reviewer` or `admin`: see `people`."""
    password_hash: Mapped[str] = mapped_column(String(200))
    """Argon2's; empty for the account that nobody can sign in to."""
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class SignIn(Base):
    """A browser in which somebody has signed in."""

    __tablename__ = "sign_ins"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class Token(Base):
    """A word by which a program proves in whose name it asks."""

    __tablename__ = "tokens"
    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(64))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Case(Base):
    """Pictures that belong together, such as those of one slide."""

    __tablename__ = "cases"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    um_per_px: Mapped[float | None] = mapped_column(Float)
    """Micrometres along one pixel's edge; None where nobody has said."""
    created_at: Mapped[datetime]
    created_by: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    closed_at: Mapped[datetime | None]
    """Since then its verdicts are frozen, and all may see them; None while it is open."""
    was_closed: Mapped[bool] = mapped_column(default=False)
    """Whether it ever was, so that nobody who reads on can be taken to be blind: see `verdicts`."""


class CaseImage(Base):
    """A picture in a case; its pixels lie on the disk, under its digest."""

    __tablename__ = "images"
    __table_args__ = (UniqueConstraint("case_id", "place"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"))
    place: Mapped[int]
    """In the case, from 0 in the order of coming."""
    name: Mapped[str] = mapped_column(String(200))
    """What the sender called it, made harmless; for showing, never for a path."""
    digest: Mapped[str] = mapped_column(String(64), index=True)
    """SHA-256 of the stored PNG."""
    width: Mapped[int]
    height: Mapped[int]


class Refused(Base):
    """A file that was sent and not taken in, and why."""

    __tablename__ = "refused"
    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    """The job that it was sent for."""
    name: Mapped[str] = mapped_column(String(200))
    code: Mapped[str] = mapped_column(String(40))
    """A finding's, as `truncated`."""
    reason: Mapped[str] = mapped_column(Text)


class Job(Base):
    """A model's work through pictures of one case."""

    __tablename__ = "jobs"
    __table_args__ = _NEVER_AGAIN
    number: Mapped[int] = mapped_column(Counter, primary_key=True)
    """Grows with each job: the order in which they came, whatever the clock did."""
    id: Mapped[str] = mapped_column(String(32), unique=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    model: Mapped[str] = mapped_column(String(200))
    model_digest: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), index=True)
    """`waiting`, `running`, `done`, `cancelled` or `failed`."""
    total: Mapped[int]
    why: Mapped[str | None] = mapped_column(Text)
    """It failed, or waits for something that does not come by itself."""
    request_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    """By which a sender who asks again gets the same job, and not a second one."""
    created_at: Mapped[datetime]
    created_by: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    ended_at: Mapped[datetime | None]


class JobItem(Base):
    """A picture that a job is to answer for."""

    __tablename__ = "job_items"
    __table_args__ = (Index("job_items_waiting", "job_id", "answered"),)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    image_id: Mapped[str] = mapped_column(
        ForeignKey("images.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    answered: Mapped[bool] = mapped_column(default=False)


class Answered(Base):
    """What a model said of a picture in a job, or why it said nothing; one row, written once."""

    __tablename__ = "answers"
    __table_args__ = (UniqueConstraint("job_id", "image_id"), _NEVER_AGAIN)
    number: Mapped[int] = mapped_column(Counter, primary_key=True)
    """Grows with each answer: where a reader of results goes on."""
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    image_id: Mapped[str] = mapped_column(ForeignKey("images.id", ondelete="CASCADE"), index=True)
    label: Mapped[str | None] = mapped_column(String(100))
    """None where there is no answer."""
    probability: Mapped[float | None] = mapped_column(Float)
    abnormal: Mapped[float | None] = mapped_column(Float)
    risk: Mapped[float | None] = mapped_column(Float)
    """0..1, by which the gallery is ordered: see `risk`."""
    certainty: Mapped[float | None] = mapped_column(Float)
    """0..1: see `risk`."""
    probabilities: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    labels: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    """The prediction set; None where the model has no rule for sets."""
    strangeness: Mapped[float | None] = mapped_column(Float)
    """Above 1 it is unlike all that was learned from; None where the model has no gate."""
    refer: Mapped[tuple[str, ...] | None] = mapped_column(Codes)
    """Why a person must see it, as keys of `rules.REASONS`; None where the model has no rules."""
    failure: Mapped[str | None] = mapped_column(String(40))
    """A finding's code, as `blank`."""
    reason: Mapped[str | None] = mapped_column(Text)
    answered_at: Mapped[datetime]


class Verdict(Base):
    """What a person said of a picture; taken back, never changed."""

    __tablename__ = "verdicts"
    __table_args__ = (
        Index(
            "verdicts_standing",
            "image_id",
            "account_id",
            unique=True,
            sqlite_where=text("withdrawn_at IS NULL"),
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        _NEVER_AGAIN,
    )
    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    image_id: Mapped[str] = mapped_column(ForeignKey("images.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    kind: Mapped[str] = mapped_column(String(16))
    """`agree`, `correct` or `unsure`."""
    label: Mapped[str | None] = mapped_column(String(100))
    """The class that the person says it is; None for `unsure`."""
    note: Mapped[str] = mapped_column(Text, default="")
    answer_number: Mapped[int | None] = mapped_column(Counter)
    """The answer that the person saw."""
    informed: Mapped[bool] = mapped_column(default=False)
    """Whether the person could have seen another's verdict on the picture before."""
    before_id: Mapped[int | None] = mapped_column(Counter)
    """The person's verdict that undoing this one goes back to; None where that leaves none."""
    restores_id: Mapped[int | None] = mapped_column(Counter)
    """The verdict that undoing put back by this copy of it; None for one that was given."""
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class AuditEntry(Base):
    """One entry of the audit log, bound to the one before by its hash: see `audit`."""

    __tablename__ = "audit"
    number: Mapped[int] = mapped_column(Counter, primary_key=True, autoincrement=False)
    """1, 2, 3 and so on without a gap."""
    at: Mapped[str] = mapped_column(String(32))
    """ISO 8601 in UTC, as text, so that what was hashed is what is stored."""
    who: Mapped[str] = mapped_column(String(64))
    what: Mapped[str] = mapped_column(String(40))
    """As `predicted`, `verdict` or `case-deleted`."""
    case_id: Mapped[str | None] = mapped_column(String(32))
    image_digest: Mapped[str | None] = mapped_column(String(64))
    model_digest: Mapped[str | None] = mapped_column(String(64))
    details: Mapped[str] = mapped_column(Text)
    """Canonical JSON without anything that points to a patient: no names of files, no notes."""
    before: Mapped[str] = mapped_column(String(64))
    """The hash of the entry before; 64 zeros for the first."""
    hash: Mapped[str] = mapped_column(String(64))
    seal: Mapped[str] = mapped_column(String(64))
    """Made of the hash with a key that the database does not have: see `sealing`."""


class AuditHead(Base):
    """The last entry's number and hash, which whoever appends locks first; one row."""

    __tablename__ = "audit_head"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Counter)
    hash: Mapped[str] = mapped_column(String(64))
