"""Readers with accounts, and programs that ask in their names."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import select

from papscope.serve.access.tokens import Tokens
from papscope.serve.people import Person, Role
from papscope.serve.services import Services
from papscope.serve.store.tables import Account, CaseImage


def reader(services: Services, name: str, role: Role = "reviewer") -> Person:
    """Make an account that nobody can sign in to, and give its person."""
    made = Account(name=name, role=role, password_hash="", created_at=services.clock())
    with services.database.transaction() as session:
        session.add(made)
        session.flush()
        return Person(made.id, made.name, role)


def pictures(services: Services, case_id: str) -> list[str]:
    """Give the ids of a case's pictures, in the order of coming."""
    wanted = select(CaseImage.id).where(CaseImage.case_id == case_id).order_by(CaseImage.place)
    with services.database.reading() as session:
        return list(session.scalars(wanted))


class Asking:
    """A program that asks in somebody's name."""

    def __init__(self, client: TestClient, services: Services, person: Person) -> None:
        word = Tokens(services.database, services.clock).make(person, "test").word
        self.client, self.headers = client, {"Authorization": f"Bearer {word}"}

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(path, headers=self.headers, **more)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        return self.client.request(method, path, json=body, headers=self.headers)

    def says(self, image_id: str, kind: str, label: str | None = None, note: str = "") -> Any:
        body = {"kind": kind, "label": label, "note": note}
        answer = self.send("PUT", f"/v1/images/{image_id}/verdict", body)
        assert answer.status_code == 200, answer.text
        return answer.json()
