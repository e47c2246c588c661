"""Maps of what an answer rests on, over HTTP: checked, one at a time, and after predictions."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest
from fastapi.testclient import TestClient
from made_case import made_case, make_unlike
from made_people import add_people, hash_cheaply, program, token_for
from made_readers import pictures
from PIL import Image
from served import until
from sqlalchemy import select

from papscope.errors import Busy
from papscope.gate.judging import Gate, Neighbours
from papscope.preprocess import Squares
from papscope.scores import Probabilities
from papscope.serve import explaining
from papscope.serve.app import create_app
from papscope.serve.explainable import asked_of
from papscope.serve.explaining import Explainer
from papscope.serve.models import Model, Models
from papscope.serve.services import Services, opened
from papscope.serve.settings import ServeSettings
from papscope.serve.store.tables import Answered, Job

SIDE = 32


@dataclass
class Corner:
    """An engine that looks at nothing but a dark corner of the square."""

    classes: int
    asked: int = 0
    at_once: int = 4
    going: threading.Event = field(default_factory=threading.Event)

    def probabilities(self, squares: Squares) -> Probabilities:
        self.asked += len(squares)
        self.going.wait(20)
        side = squares.shape[1] // 4
        dark = 1 - squares[:, :side, :side].mean(axis=(1, 2, 3)) / 255
        rest = np.repeat(((1 - dark) / (self.classes - 1))[:, None], self.classes - 1, axis=1)
        return np.concatenate([dark[:, None], rest], axis=1)


@dataclass
class Nowhere(Corner):
    """One whose answer no part of the picture explains: it is the same for all that differ."""

    def probabilities(self, squares: Squares) -> Probabilities:
        self.asked += len(squares)
        found: npt.NDArray[np.float64] = np.full((len(squares), self.classes), 1 / self.classes)
        return found


def cornered(_: int = 0) -> bytes:
    """A picture whose only detail is in one corner."""
    pixels = np.full((SIDE, SIDE, 3), 215, dtype=np.uint8)
    pixels[: SIDE // 4, : SIDE // 4] = (60, 30, 90)
    pixels[::3, ::5] = 180
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "PNG")
    return held.getvalue()


@pytest.fixture
def database_url() -> None:
    """A database that lies in the home: what is asked of it here is the same on each kind."""


def with_engine(services: Services, engine: Corner) -> Services:
    """The service with another engine under its model's name."""
    model = services.models.named()
    engine.going.set()
    other = replace(model, predictor=replace(model.predictor, engine=engine))
    return replace(services, models=Models({model.name: other}))


@pytest.fixture
def case(services: Services) -> tuple[str, str]:
    """A case of two pictures that the model calls by its first class, and the first one's id."""
    case_id = made_case(services, 2, draw=cornered)
    label = services.models.named().classes[0]
    with services.database.transaction() as session:
        for one in session.scalars(select(Answered)):
            one.label = label
    return case_id, pictures(services, case_id)[0]


def asking(services: Services) -> TestClient:
    return TestClient(
        create_app(services), base_url="http://localhost", client=("127.0.0.1", 50000)
    )


def place_of(image_id: str) -> str:
    return f"/v1/images/{image_id}/explanation.png"


@pytest.fixture
def corner(services: Services) -> Iterator[Corner]:
    made = Corner(len(services.models.named().classes))
    yield made
    made.going.set()


def test_a_map_points_at_what_the_network_looks_at(
    services: Services, case: tuple[str, str], corner: Corner
) -> None:
    told = asking(with_engine(services, corner)).get(place_of(case[1]))

    assert (told.status_code, told.headers["Content-Type"]) == (200, "image/png")
    with Image.open(io.BytesIO(told.content)) as picture:
        pixels = np.asarray(picture.convert("RGB"), dtype=int)
    coloured = np.abs(pixels[..., 0] - pixels[..., 2])
    side = len(pixels) // 4
    assert coloured[:side, :side].mean() > 60
    assert coloured[2 * side :, 2 * side :].mean() < 10


def test_an_explanation_is_made_once_for_the_same_picture_and_model(
    services: Services, case: tuple[str, str], corner: Corner
) -> None:
    client = asking(with_engine(services, corner))
    first, twin = pictures(services, case[0])

    one, again = client.get(place_of(first)), client.get(place_of(first))
    times = corner.asked
    other = client.get(place_of(twin))
    tagged = client.get(place_of(first), headers={"If-None-Match": one.headers["ETag"]})

    assert one.content == again.content == other.content
    assert corner.asked == times > 100
    assert tagged.status_code == 304


def test_a_map_that_fails_its_check_is_not_shown(services: Services, case: tuple[str, str]) -> None:
    model = services.models.named()

    told = asking(with_engine(services, Nowhere(len(model.classes)))).get(place_of(case[1]))

    assert told.status_code == 422
    assert "fails its check" in told.json()["error"]["what"]


@pytest.mark.parametrize("kind", ["unlike", "unanswered", "gone", "none"])
def test_what_cannot_be_explained_is_told(
    services: Services, case: tuple[str, str], kind: str
) -> None:
    case_id, image_id = case
    if kind == "unlike":
        make_unlike(services, case_id, 0)
    with services.database.transaction() as session:
        if kind == "unanswered":
            for one in session.scalars(select(Answered)):
                one.label, one.failure = None, "blank"
        if kind == "gone":
            session.scalars(select(Job)).one().model_digest = "0" * 64
    status, words = {
        "unlike": (409, "unlike anything seen"),
        "unanswered": (409, "no answer to explain"),
        "gone": (409, "does not answer here any more"),
        "none": (404, "no such"),
    }[kind]

    told = asking(services).get(place_of("f" * 32 if kind == "none" else image_id))

    assert told.status_code == status
    assert words in told.json()["error"]["what"]


def test_pictures_of_requests_go_before_explanations(
    services: Services, case: tuple[str, str], corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = with_engine(services, corner)
    with services.database.reading() as session:
        asked = asked_of(session, service.models, case[1])
    waiting = [3]
    monkeypatch.setattr(services.batcher, "waiting", lambda _: waiting[0])
    explainer = Explainer(services.images, services.batcher, 20)
    made: list[object] = []
    thread = threading.Thread(target=lambda: made.append(explainer.explained(asked)))

    thread.start()
    time.sleep(0.1)
    assert corner.asked == 0
    waiting[0] = 0
    thread.join(20)

    assert corner.asked > 100
    assert len(made) == 1


def test_an_explanation_that_takes_too_long_is_given_up(
    services: Services, case: tuple[str, str], corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = with_engine(services, corner)
    monkeypatch.setattr(services.batcher, "waiting", lambda _: 1)
    slow = replace(service, explainer=Explainer(services.images, services.batcher, 0.05))

    told = asking(slow).get(place_of(case[1]))

    assert (told.status_code, told.headers["Retry-After"]) == (429, "30")
    assert corner.asked == 0


def test_more_than_a_few_do_not_wait_for_explanations(services: Services) -> None:
    explainer = services.explainer
    held = [explainer.turn() for _ in range(explaining._WAITING + 1)]
    for one in held[:-1]:
        one.__enter__()

    with pytest.raises(Busy, match="4 explanations are waited for"), held[-1]:
        pass

    held[0].__exit__(None, None, None)
    with explainer.turn():
        pass


def test_predictions_are_answered_while_an_explanation_is_made(
    services: Services, case: tuple[str, str], corner: Corner
) -> None:
    plain: Model = services.models.named()
    service = with_engine(services, corner)
    both = Models({**service.models.each, "plain": replace(plain, name="plain")})
    service = replace(service, models=both)
    corner.going.clear()
    client, told = asking(service), []
    thread = threading.Thread(target=lambda: told.append(client.get(place_of(case[1]))))

    thread.start()
    until(lambda: corner.asked)
    answer = asking(service).post("/v1/predict?model=plain", files={"files": cornered()})

    assert answer.status_code == 200
    assert told == []
    corner.going.set()
    thread.join(60)
    assert told[0].status_code == 200


@dataclass
class Featured(Corner):
    """The same engine, which tells what its answer rests on."""

    def featured(
        self, squares: Squares, _: object = None
    ) -> tuple[Probabilities, npt.NDArray[np.float32]]:
        return self.probabilities(squares), np.array([[0, 1, 2]], dtype=np.float32)


class Likest:
    """A gate that finds the same training cells for every picture."""

    def neighbours(self, features: npt.NDArray[np.float32], count: int) -> list[Neighbours]:
        assert features.tolist() == [[0, 1, 2]]
        labels = ("LSIL", "HSIL", "LSIL", "NILM", "NILM", "SCC")[:count]
        distances = tuple(place / 8 for place in range(count))
        return [Neighbours(("x",) * count, labels, (0,) * count, distances)]


def test_the_training_cells_that_a_picture_looks_like_are_told(
    services: Services, case: tuple[str, str]
) -> None:
    service = with_engine(services, Featured(len(services.models.named().classes)))
    model = service.models.named()
    gated = replace(model, predictor=replace(model.predictor, gate=cast("Gate", Likest())))
    place = f"/v1/images/{case[1]}/nearest"

    told = asking(replace(service, models=Models({model.name: gated}))).get(place).json()
    without = asking(service).get(place).json()

    assert [one["label"] for one in told["nearest"]] == ["LSIL", "HSIL", "LSIL", "NILM", "NILM"]
    assert [one["distance"] for one in told["nearest"]] == [0, 0.125, 0.25, 0.375, 0.5]
    assert without == {"nearest": []}


def test_who_may_not_see_a_picture_may_not_see_its_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_cheaply(monkeypatch)
    settings = ServeSettings(home=tmp_path / "home", threads=1, accounts=True)
    with opened(settings) as services:
        add_people(services)
        (image_id,) = pictures(services, made_case(services, 1))
        stranger = program(create_app(services))

        refused = stranger.get(place_of(image_id))
        hidden = stranger.get(f"/v1/images/{image_id}/nearest")
        told = stranger.get(place_of("f" * 32), headers=token_for(services, "reader"))

    assert (refused.status_code, hidden.status_code, told.status_code) == (401, 401, 404)
