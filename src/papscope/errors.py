"""Everything that can go wrong and that a user can mend, as one family.

Takes   what happened, where, and what to try next
Gives   exceptions that the command line and a web service translate, each once
Never   wraps a programming mistake: bugs stay plain exceptions with a traceback
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar


class PapscopeError(Exception):
    """Base of every failure that a user can act on.

    Args:
        what: what is wrong and where, in one sentence without a full stop.
        hint: what to try next, in one sentence without a full stop.
    """

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1
    http_status: ClassVar[int] = 400

    def __init__(self, what: str, *, hint: str) -> None:
        super().__init__(what)
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Let an error cross to another process with its hint and what else it says."""
        return (_rebuild, (type(self), str(self), vars(self)))


def _rebuild(kind: type[PapscopeError], what: str, beside: dict[str, object]) -> PapscopeError:
    error = kind.__new__(kind, what)
    vars(error).update(beside)
    return error


class ImageError(PapscopeError):
    """One picture cannot be used; `reason` is the finding that `papscope check` would list.

    Reasons are `not-an-image`, `truncated`, `animated`, `sixteen-bit`, `cmyk`, `too-large`,
    `too-small`, `too-slow`, `crashed`, `missing`, `unreadable` and those of `quality`.
    """

    code = "bad-image"
    exit_status = 3
    http_status = 415

    def __init__(self, what: str, *, hint: str, reason: str = "unreadable") -> None:
        super().__init__(what, hint=hint)
        self.reason = reason


class SourceError(PapscopeError):
    """A data set's folder is not what its importer expects, or its counts differ."""

    code = "bad-source"
    exit_status = 4
    http_status = 422


class TableError(PapscopeError):
    """A manifest, split or scores file is missing, damaged, or of another kind."""

    code = "bad-table"
    exit_status = 4
    http_status = 422


class FindingsStop(PapscopeError):
    """`papscope check` found something that must be mended before training."""

    code = "findings-stop"
    exit_status = 5
    http_status = 422


class SplitError(PapscopeError):
    """The images cannot be split honestly as asked."""

    code = "split-refused"
    exit_status = 6
    http_status = 422


class SettingError(PapscopeError):
    """A setting is unknown, of the wrong type, or out of range."""

    code = "bad-setting"
    exit_status = 2
    http_status = 422


class WeightsError(PapscopeError):
    """A weights file cannot be read safely, or nothing in it fits the network."""

    code = "bad-weights"
    exit_status = 7
    http_status = 422


class BundleError(PapscopeError):
    """A bundle is truncated, tampered with, of a newer format, or not a bundle."""

    code = "bad-bundle"
    exit_status = 7
    http_status = 422


class TrainingError(PapscopeError):
    """Training cannot start or go on: a class missing, a loss that is not a number, no memory."""

    code = "training-failed"
    exit_status = 8
    http_status = 500


class MeasureError(PapscopeError):
    """A measure does not exist for these scores."""

    code = "undefined-measure"
    exit_status = 9
    http_status = 422


class DownloadError(PapscopeError):
    """A file could not be fetched whole, or is not what was published."""

    code = "download-failed"
    exit_status = 10
    http_status = 502


class DiskError(PapscopeError):
    """The disk is full, or a file or folder cannot be written."""

    code = "cannot-write"
    exit_status = 11
    http_status = 507


class MissingExtra(PapscopeError):
    """A command needs parts that the base installation leaves out."""

    code = "missing-extra"
    exit_status = 12
    http_status = 501


@contextmanager
def needs_extra(extra: str, *, for_what: str) -> Iterator[None]:
    """Name the extra to install, where a package is missing that comes with it.

    Args:
        extra: of `pip install "papscope[extra]"`.
        for_what: what needs it, to begin a sentence with.

    Raises:
        MissingExtra: a package is missing; a part of papscope itself is a bug, and stays one.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package == "papscope":
            raise
        raise MissingExtra(
            f"{for_what} needs {package}, which is not installed",
            hint=f'pip install "papscope[{extra}]"',
        ) from None


class ExportError(PapscopeError):
    """A model has no form that another program runs, or answers differently there."""

    code = "export-failed"
    exit_status = 13
    http_status = 422


class StoreError(PapscopeError):
    """The service's database cannot be reached, is full, damaged, or of another release."""

    code = "store-failed"
    exit_status = 14
    http_status = 503


class SignInNeeded(PapscopeError):
    """Nobody has signed in, or the sign-in, token or password is not valid (any more)."""

    code = "sign-in-needed"
    exit_status = 15
    http_status = 401


class NotAllowed(PapscopeError):
    """Whoever asks is known, and may not do this."""

    code = "not-allowed"
    exit_status = 15
    http_status = 403


class Forged(NotAllowed):
    """Another site made a browser ask for this, or a page is older than the service's start."""

    code = "forged"


class WrongHost(PapscopeError):
    """A request names a host or port by which the service does not go."""

    code = "wrong-host"
    exit_status = 15
    http_status = 421


class NotFound(PapscopeError):
    """There is no case, image, job, account or model of that name or number."""

    code = "not-found"
    exit_status = 16
    http_status = 404


class Conflict(PapscopeError):
    """What is asked does not go with how things stand now: it exists already, or has ended."""

    code = "conflict"
    exit_status = 16
    http_status = 409


class UploadError(PapscopeError):
    """What was sent cannot be taken in: an archive that is damaged, hostile, or holds nothing."""

    code = "bad-upload"
    exit_status = 3
    http_status = 422


class UploadTooLarge(UploadError):
    """More bytes, files or pixels were sent than the service takes."""

    code = "upload-too-large"
    http_status = 413


class UploadTooSlow(UploadError):
    """The bytes of a request came too slowly, or stopped coming."""

    code = "upload-too-slow"
    http_status = 408


class Busy(PapscopeError):
    """There is more to do than the service takes on; ask again in `retry_after` seconds."""

    code = "too-busy"
    exit_status = 17
    http_status = 429

    def __init__(self, what: str, *, hint: str, retry_after: int = 1) -> None:
        super().__init__(what, hint=hint)
        self.retry_after = retry_after


class BackupError(PapscopeError):
    """A backup is damaged, cut short, was changed, or is of another service or release."""

    code = "bad-backup"
    exit_status = 18
    http_status = 422


class AuditError(PapscopeError):
    """The audit log was changed, shortened or reordered."""

    code = "audit-broken"
    exit_status = 19
    http_status = 500
