"""The newest answer for each picture, and the classes that a verdict on it may name.

Takes   an open session, and the models that answer here
Gives   a condition that joins pictures to their newest answers, and classes
Never   opens a picture
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from papscope.serve.models import Models
from papscope.serve.store.tables import Answered, CaseImage, Job
from papscope.taxonomy import CellClass

Classes = tuple[CellClass, ...]


def is_newest() -> ColumnElement[bool]:
    """Give the condition that joins `CaseImage` to the newest row of `Answered` for it."""
    newest = (
        select(func.max(Answered.number))
        .where(Answered.image_id == CaseImage.id)
        .correlate(CaseImage)
        .scalar_subquery()
    )
    return Answered.number == newest


def newest_answer(session: Session, image_id: str) -> Answered | None:
    """Give the newest answer for a picture; None where none has come."""
    return session.scalar(
        select(Answered)
        .where(Answered.image_id == image_id)
        .order_by(Answered.number.desc())
        .limit(1)
    )


def newest_job(session: Session, case_id: str) -> Job | None:
    """Give a case's newest job; None where it has none."""
    return session.scalar(
        select(Job).where(Job.case_id == case_id).order_by(Job.number.desc()).limit(1)
    )


def classes_of_model(
    models: Models, digest: str | None, probabilities: Mapping[str, Any] | None = None
) -> Classes:
    """Give a model's classes, in its order.

    Args:
        models: those that answer here.
        digest: names the model; None for the default one.
        probabilities: of an answer of its; tell the classes' names where the model does not
            answer here any more.
    """
    if digest is None:
        return models.named().predictor.about.classes
    model = models.of_digest(digest)
    if model is not None:
        return model.predictor.about.classes
    if probabilities:
        return tuple(CellClass(name) for name in probabilities)
    return models.named().predictor.about.classes


def classes_of_case(session: Session, models: Models, case_id: str) -> Classes:
    """Give the classes of the model that answered last in a case; the default's where none did."""
    job = newest_job(session, case_id)
    if job is None:
        return classes_of_model(models, None)
    told = session.scalar(
        select(Answered.probabilities)
        .where(Answered.job_id == job.id, Answered.label.is_not(None))
        .limit(1)
    )
    return classes_of_model(models, job.model_digest, told)
