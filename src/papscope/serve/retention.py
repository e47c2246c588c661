"""Letting go of cases: pictures, answers and verdicts go, the log keeps that they were.

Takes   a case's id, and who asks
Gives   a database and a disk without it
Never   removes a picture that another case has, or an entry of the log
"""

from __future__ import annotations

from sqlalchemy import select

from papscope.serve.arrivals import is_kept_by
from papscope.serve.audit import Event, record
from papscope.serve.services import Services
from papscope.serve.store.tables import Case, CaseImage
from papscope.serve.verdicts import no_case


def delete_case(services: Services, case_id: str, who: str) -> None:
    """Delete a case, with all that belongs to it.

    The rows go first: a picture that a crash leaves behind belongs to nobody, and the next start
    of the service sweeps it.

    Args:
        services: of the running service.
        case_id: names the case.
        who: the name of the account, or `service`.

    Raises:
        NotFound: there is no such case.
        DiskError: a picture's file cannot be removed; the case is gone all the same.
    """
    with services.database.transaction() as session:
        case = session.get(Case, case_id, with_for_update=True)
        if case is None:
            raise no_case()
        digests = set(session.scalars(select(CaseImage.digest).where(CaseImage.case_id == case_id)))
        session.delete(case)
        session.flush()
        event = Event(
            what="case-deleted", who=who, case_id=case_id, details={"pictures": len(digests)}
        )
        record(session, services.clock(), event)
    is_kept = is_kept_by(services.database)
    for digest in sorted(digests):
        services.images.let_go(digest, is_kept)
