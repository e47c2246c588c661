"""A case with pictures and answers, put into the database as the service would."""

from __future__ import annotations

import io
from collections.abc import Callable
from uuid import uuid4

import numpy as np
from PIL import Image
from sqlalchemy import select

from papscope.decision import answers
from papscope.rules import UNLIKE
from papscope.seeds import stream
from papscope.serve.people import LOCAL
from papscope.serve.risk import certainty, risk
from papscope.serve.services import Services
from papscope.serve.store.tables import Account, Answered, Case, CaseImage, Job, JobItem


def png(seed: int, side: int = 48) -> bytes:
    """Draw a picture of its own for each seed: a dark nucleus in a pale cell."""
    rows, columns = np.mgrid[:side, :side] - side / 2
    radius = side * (0.1 + 0.02 * (seed % 10))
    pixels = np.full((side, side, 3), (220, 200, 215), dtype=np.float64)
    pixels[rows**2 + columns**2 < radius**2] = (90, 60, 130)
    noise = stream(seed, "test/picture").normal(0, 12, pixels.shape)
    held = io.BytesIO()
    Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8)).save(held, "PNG")
    return held.getvalue()


def made_case(
    services: Services,
    count: int,
    *,
    title: str = "Slide 7",
    um_per_px: float | None = None,
    draw: Callable[[int], bytes] = png,
) -> str:
    """Put a case of so many answered pictures in, and give its id; answers come from a seed.

    Cases have the same fifty pictures, and these again, unless `draw` draws others by number.
    """
    model = services.models.named()
    classes = model.predictor.about.classes
    drawn = stream(0, "test/answers").dirichlet(np.full(len(classes), 0.4), size=max(count, 1))
    case_id, job_id, now = uuid4().hex, uuid4().hex, services.clock()
    with services.database.transaction() as session:
        who = session.execute(select(Account.id).where(Account.name == LOCAL)).scalar_one()
        session.add(
            Case(id=case_id, title=title, um_per_px=um_per_px, created_at=now, created_by=who)
        )
        session.flush()
        session.add(
            Job(
                id=job_id, case_id=case_id, model=model.name, model_digest=model.digest,
                state="done", total=count, created_at=now, created_by=who, ended_at=now,
            )
        )  # fmt: skip
        session.flush()
        said = answers(drawn, classes, model.predictor.rules)[:count]
        for place, answer in enumerate(said):
            image_id = uuid4().hex
            digest = services.images.put(draw(place % 50))
            session.add(
                CaseImage(
                    id=image_id, case_id=case_id, place=place, name=f"cell-{place:04d}.png",
                    digest=digest, width=48, height=48,
                )
            )  # fmt: skip
            session.flush()
            session.add(JobItem(job_id=job_id, image_id=image_id, answered=True))
            session.add(
                Answered(
                    job_id=job_id, image_id=image_id, label=answer.label,
                    probability=answer.probability, abnormal=answer.abnormal,
                    risk=risk(answer, classes), certainty=certainty(answer),
                    probabilities=dict(answer.probabilities), answered_at=now, refer=answer.refer,
                    labels=None if answer.labels is None else list(answer.labels),
                )
            )  # fmt: skip
    return case_id


def make_unlike(services: Services, case_id: str, *places: int) -> None:
    """Let the newest answers at these places be of pictures unlike all that was learned from."""
    of_case = select(CaseImage.id).where(CaseImage.case_id == case_id, CaseImage.place.in_(places))
    with services.database.transaction() as session:
        for one in session.scalars(select(Answered).where(Answered.image_id.in_(of_case))):
            one.refer = (*(one.refer or ()), UNLIKE)
