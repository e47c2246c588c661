"""What there is to explain of a picture.

Takes   an open session, the models that answer here, and a picture's id
Gives   its newest answer, as `explaining` takes it
Never   explains what means nothing: the class of a picture that is unlike anything seen
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from papscope.errors import Conflict
from papscope.rules import UNLIKE
from papscope.serve.explaining import Asked
from papscope.serve.models import Models
from papscope.serve.newest import newest_answer
from papscope.serve.referral import UNLIKE_SAID
from papscope.serve.store.tables import CaseImage, Job
from papscope.serve.verdicts import no_image


def asked_of(session: Session, models: Models, image_id: str) -> Asked:
    """Give what there is to explain of a picture: its newest answer.

    Raises:
        NotFound: there is no such picture.
        Conflict: it has no answer that can be explained here.
    """
    image = session.get(CaseImage, image_id)
    if image is None:
        raise no_image()
    answer = newest_answer(session, image_id)
    if answer is None or answer.label is None:
        raise Conflict("there is no answer to explain", hint="wait for the model, or look at why")
    if UNLIKE in (answer.refer or ()):
        raise Conflict(
            f"the picture is {UNLIKE_SAID}: its class means nothing, and so would a map",
            hint="let a person look at the picture itself",
        )
    job = session.execute(select(Job).where(Job.id == answer.job_id)).scalar_one()
    model = models.of_digest(job.model_digest)
    if model is None or answer.label not in model.classes:
        raise Conflict(
            f"the model {job.model}, which answered, does not answer here any more",
            hint="start the service with it again, or let another one answer",
        )
    return Asked(image.digest, model, answer.label)
