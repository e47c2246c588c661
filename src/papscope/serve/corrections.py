"""What readers said of pictures, as a data set that a model can be trained on again.

Takes   cases, whose verdicts to take, and who asks
Gives   pictures, a manifest with one group for each case, and a list of what is left out
Never   takes a verdict that the asker may not see, settles a disagreement, or gives a sender's name
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from papscope import __version__
from papscope.errors import NotFound, SettingError
from papscope.manifest import Manifest, Row, write_manifest
from papscope.serve.audit import Event, record
from papscope.serve.blindness import may_see
from papscope.serve.cases import the_case
from papscope.serve.newest import Classes, classes_of_case
from papscope.serve.people import Person
from papscope.serve.services import Services
from papscope.serve.store.tables import Account, Case, CaseImage, Verdict
from papscope.serve.zipped import zipped

Reason = Literal["cannot-tell", "disagreement", "hidden", "other-classes", "twin", "twin-labels"]
"""Why a picture that somebody read is not among them.

Nobody could tell; readers differ, or one could not tell; the asker has not read it and the case is
open; the label is no class of the model that answered last; the same picture is there already; the
same picture was called otherwise elsewhere.
"""

_MOST_CASES = 1000

_NOTE = (
    "labels are what readers said in papscope's review, with a model's answer before their eyes: "
    "what they agree to is nearer to the model than labels given without it"
)

_README = """Corrections from papscope {version}. Research use only. Not a medical device.

manifest.csv   papscope's list of the pictures; one group is one case
images/        the pictures, in their original pixels
left-out.csv   pictures that somebody read and that are not among them, and why

papscope check manifest.csv
papscope split manifest.csv --output split.csv
papscope train manifest.csv --split split.csv --recipe laptop --output run

A case is one group, which no split divides: a single case can only be divided with
`papscope split --by image`, whose numbers are too good, and say so. Export several cases together.
"""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A picture that somebody read, and why it is not taken."""

    case_id: str
    image_id: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Corrections:
    """A data set made from verdicts."""

    manifest: bytes
    rows: tuple[Row, ...]
    left_out: tuple[LeftOut, ...]
    files: tuple[tuple[str, Path], ...]
    """Names in the archive, and where the pictures lie."""

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest."""
        return sha256(self.manifest).hexdigest()

    def archive(self) -> Iterator[bytes]:
        """Give all of it as a ZIP file, in pieces."""
        told = _README.format(version=__version__).encode()
        head: list[tuple[str, bytes | Path]] = [
            ("README.txt", told),
            ("manifest.csv", self.manifest),
            ("left-out.csv", _table(self.left_out)),
        ]
        yield from zipped([*head, *self.files])


def export(
    services: Services, case_ids: Sequence[str], person: Person, readers: Sequence[str] = ()
) -> Corrections:
    """Gather what readers said in cases, and note down who took it.

    Args:
        services: of the running service.
        case_ids: of the cases, each once.
        person: who asks; only verdicts that this person may see are taken.
        readers: whose verdicts settle it; empty for all readers'.

    Raises:
        NotFound: there is no such case, or no reader of a name.
        SettingError: no case is named, or too many are, or nothing can be taken.
    """
    wanted = tuple(dict.fromkeys(case_ids))
    if not 1 <= len(wanted) <= _MOST_CASES:
        raise SettingError("no case is named, or too many are", hint=f"name 1 to {_MOST_CASES}")
    with services.database.transaction() as session:
        found = _gathered(session, services, wanted, person, tuple(sorted(set(readers))))
        details = {
            "pictures": len(found.rows),
            "left_out": len(found.left_out),
            "manifest": found.digest,
            "readers": sorted(set(readers)),
        }
        events = (
            Event(what="corrections-exported", who=person.name, case_id=one, details=details)
            for one in wanted
        )
        record(session, services.clock(), *events)
    return found


@dataclass(frozen=True, slots=True)
class _Read:
    """A picture that somebody has read, and what is to become of it."""

    case: Case
    image: CaseImage
    label: str | None
    reason: Reason | None


def _gathered(
    session: Session,
    services: Services,
    case_ids: tuple[str, ...],
    person: Person,
    readers: tuple[str, ...],
) -> Corrections:
    names = set(session.scalars(select(Account.name)))
    strange = [name for name in readers if name not in names]
    if strange:
        raise NotFound(f"no reader is called {strange[0][:80]!r}", hint="see the case's readers")
    classes = classes_of_case(session, services.models, case_ids[0])
    read: list[_Read] = []
    for case_id in case_ids:
        case = the_case(session, case_id)
        read += _read(session, case, person, readers, {one.name for one in classes})
    settled = _without_twins(read)
    rows = tuple(_row(one) for one in settled if one.reason is None)
    left_out = tuple(
        LeftOut(one.case.id, one.image.id, one.reason) for one in settled if one.reason is not None
    )
    if not rows:
        raise SettingError(
            "there is no picture with a class that its readers agree on, and that you may see",
            hint="read some first, or have the case closed",
        )
    files = tuple(
        (f"images/{one.image.id}.png", services.images.path(one.image.digest))
        for one in settled
        if one.reason is None
    )
    told = {"cases": list(case_ids), "readers": list(readers)}
    return Corrections(_written(rows, classes, left_out, told), rows, left_out, files)


def _read(
    session: Session, case: Case, person: Person, readers: tuple[str, ...], classes: set[str]
) -> Iterator[_Read]:
    rows = session.execute(
        select(CaseImage, Verdict, Account.name)
        .join(Verdict, Verdict.image_id == CaseImage.id)
        .join(Account, Account.id == Verdict.account_id)
        .where(CaseImage.case_id == case.id, Verdict.withdrawn_at.is_(None))
        .order_by(CaseImage.place, Verdict.id)
    )
    by_image: dict[str, tuple[CaseImage, list[tuple[Verdict, str]]]] = {}
    for image, verdict, reader in rows:
        by_image.setdefault(image.id, (image, []))[1].append((verdict, reader))
    for image, said in by_image.values():
        own = any(verdict.account_id == person.id for verdict, _ in said)
        if not may_see(case, own_stands=own):
            yield _Read(case, image, None, "hidden")
            continue
        labels = [one.label for one, reader in said if not readers or reader in readers]
        if labels:
            yield _Read(case, image, *_settled(labels, classes))


def _settled(labels: Sequence[str | None], classes: set[str]) -> tuple[str | None, Reason | None]:
    label = labels[0]
    if len(set(labels)) > 1:
        return None, "disagreement"
    if label is None:
        return None, "cannot-tell"
    return (label, None) if label in classes else (None, "other-classes")


def _without_twins(read: Sequence[_Read]) -> list[_Read]:
    """Take a picture that is there more than once only once, and not at all if labels differ."""
    labels: dict[str, set[str]] = {}
    for one in read:
        if one.label is not None:
            labels.setdefault(one.image.digest, set()).add(one.label)
    seen: set[str] = set()
    found = []
    for one in read:
        reason = one.reason
        if reason is None and len(labels[one.image.digest]) > 1:
            reason = "twin-labels"
        elif reason is None and one.image.digest in seen:
            reason = "twin"
        if reason is None:
            seen.add(one.image.digest)
        found.append(_Read(one.case, one.image, one.label, reason))
    return found


def _row(one: _Read) -> Row:
    return Row(
        id=one.image.id,
        path=PurePosixPath(f"images/{one.image.id}.png"),
        label=one.label,
        dataset="corrections",
        width=one.image.width,
        height=one.image.height,
        sha256=one.image.digest,
        group=one.case.id,
    )


def _written(
    rows: tuple[Row, ...], classes: Classes, left_out: Sequence[LeftOut], told: dict[str, Any]
) -> bytes:
    counted = Counter(one.reason for one in left_out)
    with tempfile.TemporaryDirectory(prefix="papscope-") as name:
        place = Path(name) / "manifest.csv"
        manifest = Manifest(
            root=Path(name),
            rows=rows,
            dataset="corrections",
            classes=classes,
            licence="as of the pictures that were read",
            citation="",
            notes=(_NOTE,),
            group_is="case",
            settings={**told, "left_out": dict(sorted(counted.items())), "papscope": __version__},
        )
        write_manifest(place, manifest)
        return place.read_bytes()


def _table(left_out: Sequence[LeftOut]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("case", "image", "reason"))
    writer.writerows((one.case_id, one.image_id, one.reason) for one in left_out)
    return text.getvalue().encode()
