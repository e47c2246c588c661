"""The batcher: requests first, jobs never last for ever, and nobody waits for nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from served import until

from papscope.decision import Answer
from papscope.errors import Busy, ImageError
from papscope.predict.predictor import Failure, Outcome, Prediction
from papscope.preprocess import Source
from papscope.serve.batching import Batcher
from papscope.serve.metrics import Metrics
from papscope.serve.models import Model
from papscope.serve.settings import Limits

PIXELS = np.zeros((16, 16, 3), np.uint8)


@dataclass
class Slow:
    """Stands for a predictor; works on nothing before it is let go."""

    go: Event = field(default_factory=Event)
    batches: list[list[str]] = field(default_factory=list)
    engine: Any = field(default_factory=lambda: SimpleNamespace(at_once=2))

    def stream(self, sources: Iterable[Source], *, batch_size: int) -> Iterator[Outcome]:
        assert batch_size >= 1
        names = [one.name for one in sources]
        self.batches.append(names)
        assert self.go.wait(60)
        for name in names:
            if name == "poison":
                raise RuntimeError("the network fell over")
            if name == "blank":
                yield Failure(name, ImageError("blank", hint="another", reason="blank"))
            else:
                yield Prediction(name, Answer(name, 1.0, None, {name: 1.0}))


def made(waiting: int = 64) -> tuple[Slow, Model, Batcher]:
    slow = Slow()
    model = Model("slow", cast("Any", slow))
    return slow, model, Batcher(Limits(waiting=waiting), Metrics())


def source(name: str) -> Source:
    return Source(PIXELS, name=name)


def label(answer: Future[Outcome]) -> str:
    outcome = answer.result(60)
    assert isinstance(outcome, Prediction)
    return outcome.answer.label


def test_what_waits_across_requests_is_answered_together() -> None:
    slow, model, batcher = made()
    with batcher.place(1) as one, batcher.place(2) as two:
        first = one.ask(model, source("a"))
        until(lambda: slow.batches)
        others = [two.ask(model, source(name)) for name in "bc"]
        slow.go.set()

        assert [label(answer) for answer in (first, *others)] == ["a", "b", "c"]
    assert slow.batches == [["a"], ["b", "c"]]
    batcher.close()


def test_requests_go_before_jobs_and_jobs_do_not_starve() -> None:
    slow, model, batcher = made()
    names = [f"r{number}" for number in range(40)]
    with batcher.place(1) as gate:
        gate.ask(model, source("gate"))
        until(lambda: slow.batches)
        jobs = batcher.ask_for_job(model, [source("j0"), source("j1")])
        with batcher.place(len(names)) as place:
            answers = [place.ask(model, source(name)) for name in names]
            slow.go.set()
            for answer in (*answers, *jobs):
                label(answer)
    assert slow.batches == [["gate"], names[:32], names[32:], ["j0", "j1"]]
    batcher.close()


def test_a_job_has_its_turn_however_many_requests_wait() -> None:
    slow, model, batcher = made(waiting=1000)
    with batcher.place(1) as gate, batcher.place(320) as place:
        gate.ask(model, source("gate"))
        until(lambda: slow.batches)
        jobs = batcher.ask_for_job(model, [source("j")] * 6)
        answers = [place.ask(model, source("r")) for _ in range(320)]
        slow.go.set()
        for answer in (*answers, *jobs):
            label(answer)
    kinds = [batch[0] for batch in slow.batches]
    assert kinds == ["gate", *"rrr", "j", *"rrrr", "j", *"rrr"]
    batcher.close()


def test_more_than_agreed_is_told_to_come_back_and_when() -> None:
    slow, model, batcher = made(waiting=3)
    with batcher.place(2) as place:
        place.ask(model, source("a"))
        with pytest.raises(Busy, match="2 pictures wait for the model, and 3 may") as told:
            batcher.place(2).__enter__()
        assert 1 <= told.value.retry_after <= 60
        assert batcher.waiting("request") == 2
        slow.go.set()
    with batcher.place(50):  # alone, even a large request is let in
        assert batcher.waiting("request") == 50
    batcher.close()


def test_the_pictures_of_who_has_gone_are_dropped() -> None:
    slow, model, batcher = made()
    with batcher.place(1) as gate, batcher.place(1) as stays:
        gate.ask(model, source("gate"))
        until(lambda: slow.batches)
        with batcher.place(2) as gone:
            dropped = [gone.ask(model, source("gone")) for _ in range(2)]
        kept = stays.ask(model, source("stays"))
        slow.go.set()
        assert label(kept) == "stays"
    assert all(answer.cancelled() for answer in dropped)
    assert slow.batches == [["gate"], ["stays"]]
    batcher.close()


def test_a_picture_at_which_the_model_fails_does_not_spoil_the_others() -> None:
    slow, model, batcher = made()
    slow.go.set()
    names = ("good", "poison", "blank", "fine")
    good, poison, blank, fine = batcher.ask_for_job(model, [source(name) for name in names])

    assert (label(good), label(fine)) == ("good", "fine")
    assert isinstance(blank.result(60), Failure)
    with pytest.raises(RuntimeError, match="the network fell over"):
        poison.result(60)
    assert batcher.alive
    batcher.close()


def test_two_models_answer_each_for_its_own() -> None:
    slow, model, batcher = made()
    other_slow = Slow()
    other = Model("other", cast("Any", other_slow))
    with batcher.place(4) as place:
        gate = place.ask(model, source("gate"))
        until(lambda: slow.batches)
        answers = [place.ask(each, source(name)) for each, name in
                   ((model, "a"), (other, "b"), (model, "c"))]  # fmt: skip
        slow.go.set()
        other_slow.go.set()
        assert [label(answer) for answer in (gate, *answers)] == ["gate", "a", "b", "c"]
    assert (slow.batches, other_slow.batches) == ([["gate"], ["a", "c"]], [["b"]])
    batcher.close()


def test_a_closed_batcher_tells_those_who_wait_and_takes_nothing_more() -> None:
    slow, model, batcher = made()
    at_work, *_ = batcher.ask_for_job(model, [source("a")])
    until(lambda: slow.batches)
    waits, *_ = batcher.ask_for_job(model, [source("b")])
    closing = Thread(target=batcher.close)
    closing.start()
    with pytest.raises(Busy, match="is being stopped"):
        waits.result(60)
    slow.go.set()
    closing.join()

    assert label(at_work) == "a"
    with pytest.raises(Busy, match="is being stopped"):
        batcher.ask_for_job(model, [source("c")])
