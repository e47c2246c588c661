"""The models that answer in this service.

Takes   bundles' folders or names of shipped models
Gives   them, made ready once, by name
Never   reads a bundle that a request names
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from papscope.bundle import read_card
from papscope.errors import NotFound, SettingError
from papscope.predict.predictor import Predictor, load
from papscope.serve.settings import ServeSettings
from papscope.shipped import find_bundle


@dataclass(frozen=True, slots=True)
class Model:
    """A model made ready, under the name by which requests choose it."""

    name: str
    predictor: Predictor
    card: str = ""
    """Its card, in Markdown; empty where the bundle has none."""

    @property
    def digest(self) -> str:
        """SHA-256 that names the model."""
        return self.predictor.digest

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes' names, in the model's order."""
        return tuple(one.name for one in self.predictor.about.classes)


@dataclass(frozen=True, slots=True)
class Models:
    """All models of the service, the default one first."""

    each: Mapping[str, Model]

    def __iter__(self) -> Iterator[Model]:
        return iter(self.each.values())

    def named(self, name: str | None = None) -> Model:
        """Give the model of a name; the first one for None.

        Raises:
            NotFound: none has that name.
        """
        if name is None:
            return next(iter(self.each.values()))
        if name not in self.each:
            raise NotFound(
                f"no model named {name[:80]!r} answers here",
                hint=f"there are: {', '.join(self.each)}",
            )
        return self.each[name]

    def of_digest(self, digest: str) -> Model | None:
        """Give the model of a digest; None where it does not answer here (any more)."""
        return next((one for one in self if one.digest == digest), None)


def load_models(settings: ServeSettings) -> Models:
    """Make the models ready that the service is to answer by.

    Raises:
        BundleError, MissingExtra: a model cannot be used; see `predict.load`.
        SettingError: two models have the same name.
    """
    found: dict[str, Model] = {}
    for word in settings.models or (None,):
        bundle = find_bundle(word)
        name = bundle.shipped.name if bundle.shipped else bundle.folder.resolve().name
        if name == "bundle":  # as training names all of them: the run's name tells them apart
            name = bundle.folder.resolve().parent.name
        if name in found:
            raise SettingError(
                f"two models are called {name}", hint="rename the folder of one of them"
            )
        ready = load(bundle.folder, device=settings.device, threads=settings.threads)
        found[name] = Model(name, ready, read_card(bundle.folder))
    return Models(found)
