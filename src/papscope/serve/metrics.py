"""What the service counts, for Prometheus.

Takes   requests as they end, pictures as they are answered, and gauges to read when asked
Gives   the text that Prometheus reads
Never   counts by case, picture, person or file name
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from time import perf_counter
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from papscope.predict.predictor import Outcome, Prediction
from papscope.serve.models import Models

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

STATES = ("waiting", "running", "done", "cancelled", "failed")


class Metrics:
    """All counters of one service, apart from those of any other in the process."""

    def __init__(self) -> None:
        """Begin at zero."""
        held = self.registry = CollectorRegistry()
        self._requests = Counter(
            "papscope_requests", "Requests answered.", ("method", "route", "status"), registry=held
        )
        self._seconds = Histogram(
            "papscope_request_seconds",
            "Seconds from a request's head to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=held,
        )
        self._pictures = Counter(
            "papscope_pictures_answered", "Pictures answered for.", ("lane",), registry=held
        )
        failed = "Pictures that no model could answer for."
        self._failures = Counter(
            "papscope_pictures_failed", failed, ("lane", "reason"), registry=held
        )
        waiting = "Pictures that wait for the model."
        self._queue = Gauge("papscope_pictures_waiting", waiting, ("lane",), registry=held)
        state = "Jobs by what has become of them."
        self._jobs = Gauge("papscope_jobs", state, ("state",), registry=held)
        told = "Models that answer here; always 1."
        self._model = Gauge("papscope_model_info", told, ("name", "digest"), registry=held)

    def know(self, models: Models) -> None:
        """Tell which models answer."""
        for one in models:
            self._model.labels(one.name, one.digest).set(1)

    def watch_queue(self, waiting: Callable[[Any], int]) -> None:
        """Read the lanes' lengths whenever somebody asks."""
        for lane in ("request", "job"):
            self._queue.labels(lane).set_function(lambda lane=lane: waiting(lane))  # type: ignore[misc]

    def answered(self, lane: str, outcome: Outcome) -> None:
        """Count a picture."""
        if isinstance(outcome, Prediction):
            self._pictures.labels(lane).inc()
        else:
            self.refused(lane, outcome.error.reason)

    def refused(self, lane: str, reason: str) -> None:
        """Count a picture that no model could answer for."""
        self._failures.labels(lane, reason).inc()

    def requested(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self, jobs: Mapping[str, int]) -> bytes:
        """Give what Prometheus reads.

        Args:
            jobs: how many there are in each state; a state that is left out has none.
        """
        for state in STATES:
            self._jobs.labels(state).set(jobs.get(state, 0))
        return generate_latest(self.registry)


_Scope = MutableMapping[str, Any]
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Counted:
    """ASGI middleware that counts requests by the route that answered, never by the path."""

    def __init__(self, app: Callable[[_Scope, _Receive, _Send], Awaitable[None]]) -> None:
        """Stand before an application whose state holds the services."""
        self.app = app

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Answer, and count."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = perf_counter(), 500

        async def heard(message: _Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, heard)
        finally:
            metrics: Metrics = scope["app"].state.services.metrics
            route = getattr(scope.get("route"), "path", None) or "none"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            metrics.requested(method, route, status, perf_counter() - begun)
