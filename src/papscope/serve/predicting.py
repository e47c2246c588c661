"""Pictures of one request, answered while somebody waits.

Takes   files as they were sent, and a model
Gives   for each, in order, what the model says or why it says nothing, and an entry in the log
Never   keeps a picture, gives an answer that the log does not have, or works for who has gone
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from papscope.decision import Answer
from papscope.errors import ImageError, PapscopeError, UploadTooLarge
from papscope.predict.predictor import Outcome, Prediction
from papscope.preprocess import Source
from papscope.serve.audit import Event, record
from papscope.serve.batching import Answers, Place
from papscope.serve.images import ImageStore
from papscope.serve.intake.decoders import Cleaned
from papscope.serve.intake.names import shown
from papscope.serve.models import Model
from papscope.serve.people import Person
from papscope.serve.referral import noted
from papscope.serve.services import Services
from papscope.serve.spooled import size_of


@dataclass(frozen=True, slots=True)
class Said:
    """What came of one picture."""

    name: str
    """As it is shown."""
    digest: str | None
    """SHA-256 of the picture as papscope writes it anew; None where it could not be read."""
    answer: Answer | None
    error: PapscopeError | None
    """Why there is no answer."""


@dataclass(frozen=True, slots=True)
class Open:
    """A picture that was read, and whose answer is to come."""

    name: str
    digest: str
    future: Answers

    def ended(self, outcome: Outcome) -> Said:
        """Give what came of it."""
        if isinstance(outcome, Prediction):
            return Said(self.name, self.digest, outcome.answer, None)
        return Said(self.name, self.digest, None, outcome.error)


def asked_of(
    services: Services, place: Place, model: Model, files: Sequence[tuple[str, BinaryIO]]
) -> list[Said | Open]:
    """Read pictures one after the other, and hand each in as soon as it is read.

    Args:
        services: decoders and limits.
        place: in the batcher; when it is left, the rest is not read.
        model: that is to answer.
        files: names as they were sent, and contents.

    Raises:
        Busy: the service is being stopped.
    """
    begun: list[Said | Open] = []
    for sent_name, file in files:
        if place.left:
            break
        name = shown(sent_name)
        try:
            cleaned = _cleaned(services, file, name)
        except (ImageError, UploadTooLarge) as problem:
            services.metrics.refused("request", reason_of(problem))
            begun.append(Said(name, None, None, problem))
            continue
        asked = place.ask(model, Source(cleaned.pixels, name=name))
        begun.append(Open(name, ImageStore.digest_of(cleaned.png), asked))
    return begun


def _cleaned(services: Services, file: BinaryIO, name: str) -> Cleaned:
    length = size_of(file)
    if length > services.settings.limits.file_bytes:  # told before it is in memory
        raise UploadTooLarge(
            f"{name} has {length} bytes", hint="send it smaller, or cut into fields of view"
        )
    return services.decoders.clean(file.read(), name)


def note(services: Services, person: Person, model: Model, said: Sequence[Said]) -> None:
    """Put an entry into the log for each picture that was answered, in one transaction.

    Raises:
        StoreError: the database cannot be used; then nothing was noted.
    """
    events = [
        Event(
            what="predicted",
            who=person.name,
            image_digest=one.digest,
            model_digest=model.digest,
            details=noted(one.answer),
        )
        for one in said
        if one.answer is not None
    ]
    if events:
        with services.database.transaction() as session:
            record(session, services.clock(), *events)


def reason_of(problem: PapscopeError) -> str:
    """Give the code by which an error is told: a finding's where it has one."""
    return str(getattr(problem, "reason", problem.code))
