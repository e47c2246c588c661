"""Explain a model's answers for some pictures, and check every map before it is told.

Takes   a bundle, pictures, and perhaps the manifest and split that the model was trained with
Gives   an `Account`: answers, the maps that passed their checks, why others did not, neighbours
Never   tells a map that failed a check, or stops for a picture that cannot be used
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from papscope import quality
from papscope.bundle import Bundle
from papscope.decision import Answer, answers, calibrated
from papscope.errors import ImageError, MissingExtra, SettingError
from papscope.explain.judging import Judged, Sanity, fault_of_all, fault_of_map, fault_of_method
from papscope.explain.making import maker_for, method_named
from papscope.explain.maps import Map, MapMaker, Method
from papscope.explain.neighbours import Library, Neighbour
from papscope.explain.removing import areas, random_areas
from papscope.explain.sanity import Asked, sanity_of
from papscope.explain.told import Account, Explained, Explanation
from papscope.files import write_json
from papscope.gate.judging import gate_of
from papscope.image import Pixels
from papscope.predict.engine import Engine, featured
from papscope.preprocess import Source, prepare
from papscope.progress import Tell, silent
from papscope.rules import Rules

_VERSION = 1
"""Counted up whenever the check of the same model and method comes to other numbers."""

_WITHOUT_SHAPE = (
    "This model also takes the cell's shape where a mask shows it; what is explained here is its "
    "answer for the picture alone."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainSettings:
    """What is explained, and how."""

    method: str = "all"
    """One of `maps.METHODS`, or `all`."""
    about: str | None = None
    """The class that is explained; None for each picture's answer."""
    device: str = "auto"
    cache: Path | None = None
    """Folder for the check of each model and method; None checks anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """A model and the pictures that it can answer for."""

    bundle: Bundle
    engine: Engine
    sources: tuple[str, ...]
    squares: tuple[Pixels, ...]
    answers: tuple[Answer, ...]
    failures: tuple[tuple[str, str], ...]


def ready(bundle: Bundle, engine: Engine, sources: Sequence[Source]) -> Ready:
    """Prepare pictures and answer for them, as prediction does.

    Raises:
        ImageError: none of the pictures can be used.
    """
    about = bundle.description
    prepared = list(prepare(sources, about.preprocess, refuse=quality.refuse))
    pairs = list(zip(sources, prepared, strict=True))
    good = [(one.called, square) for one, square in pairs if not isinstance(square, ImageError)]
    bad = tuple((one.called, str(why)) for one, why in pairs if isinstance(why, ImageError))
    if not good:
        first = next(why for _, why in pairs if isinstance(why, ImageError))
        raise ImageError(
            f"none of {len(pairs)} pictures can be used: {first}",
            hint=first.hint,
            reason=first.reason,
        )
    names, squares = zip(*good, strict=True)
    given, features = featured(engine, np.stack(squares))
    chances = calibrated(given, about.calibration)
    rules = Rules.from_json(about.rules, len(about.classes))
    faults = [quality.faults(quality.measure(square)) for square in squares]
    gate = gate_of(bundle)
    strange = None
    if gate is not None and features is not None:
        strange = gate.strangeness(np.stack(squares), features).tolist()
    told = answers(chances, about.classes, rules, faults, strange)
    return Ready(bundle, engine, names, squares, told, bad)


def explain(
    given: Ready,
    settings: ExplainSettings | None = None,
    *,
    library: Library | None = None,
    tell: Tell = silent,
) -> Account:
    """Explain the answers for pictures.

    Args:
        given: by `ready`.
        settings: what is explained, and how.
        library: the training cells; None looks for no neighbours.
        tell: hears how far it is.

    Raises:
        SettingError: there is no such method or class, or the one method that is asked for does
            not go with this model.
        MissingExtra: the one method that is asked for needs what is not installed.
    """
    wanted = settings or ExplainSettings()
    asked = _asked(given, wanted.about)
    methods = method_named(wanted.method)
    sanity: dict[Method, Sanity] = {}
    refused: dict[Method, str] = {}
    found: dict[Method, list[Explanation]] = {}
    for method in methods:
        try:
            sanity[method] = _checked(given, method, asked, wanted, tell)
            found[method] = _explanations(given, method, asked, (sanity[method], wanted), tell)
        except (SettingError, MissingExtra) as problem:
            if len(methods) == 1:
                raise
            refused[method] = str(problem)
    near = None if library is None else library.nearest(given.engine, np.stack(given.squares))
    return _account(given, (sanity, refused), _pictures(given, asked, found, near))


def _asked(given: Ready, about: str | None) -> Asked:
    names = [one.name for one in given.bundle.description.classes]
    if about is not None and about not in names:
        raise SettingError(f"the model has no class {about!r}", hint=f"take {', '.join(names)}")
    return [
        (square, names.index(about or answer.label))
        for square, answer in zip(given.squares, given.answers, strict=True)
    ]


def _checked(
    given: Ready, method: Method, asked: Asked, settings: ExplainSettings, tell: Tell
) -> Sanity:
    """Check a method for a model, or read what an earlier run found."""
    digest = given.bundle.digest
    turned = "-turned" if given.bundle.description.orientations else ""
    name = f"check-{digest[:16]}{turned}-{method}-{_VERSION}.json"
    path = None if settings.cache is None else settings.cache / name
    if path is not None and path.exists():
        try:
            return Sanity.from_json(json.loads(path.read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            path.unlink()  # a damaged file is made again

    def maker(bundle: Bundle) -> MapMaker:
        known = given.engine if bundle is given.bundle else None
        return maker_for(bundle, method, device=settings.device, engine=known)

    def heard(what: str, done: int, total: int | None) -> None:
        tell(f"{method}: {what}", done, total)

    sanity = sanity_of(given.bundle, maker, asked, tell=heard)
    if path is not None and sanity.passed is not None:
        write_json(path, sanity.to_json())
    return sanity


def _explanations(
    given: Ready, method: Method, asked: Asked, how: tuple[Sanity, ExplainSettings], tell: Tell
) -> list[Explanation]:
    """Make a method's maps and judge them; those that fail are left out."""
    sanity, settings = how
    maker = maker_for(given.bundle, method, device=settings.device, engine=given.engine)
    made: list[tuple[Map, Judged]] = []
    for done, (square, place) in enumerate(asked, start=1):
        one = maker(square, place)
        chance = random_areas(given.engine, square, place, one)
        made.append((one, Judged(areas(given.engine, square, place, one), chance)))
        tell(f"{method}: maps", done, len(asked))
    whole = fault_of_method(sanity) or fault_of_all([judged for _, judged in made])
    explanations = []
    for one, judged in made:
        fault = whole or fault_of_map(judged)
        explanations.append(Explanation(method, None if fault else one, judged, fault))
    return explanations


def _pictures(
    given: Ready,
    asked: Asked,
    found: Mapping[Method, Sequence[Explanation]],
    near: Sequence[tuple[Neighbour, ...]] | None,
) -> tuple[Explained, ...]:
    names = [one.name for one in given.bundle.description.classes]
    return tuple(
        Explained(
            given.sources[place],
            square,
            given.answers[place],
            names[about],
            tuple(every[place] for every in found.values()),
            None if near is None else near[place],
        )
        for place, (square, about) in enumerate(asked)
    )


def _account(
    given: Ready,
    methods: tuple[Mapping[Method, Sanity], Mapping[Method, str]],
    pictures: tuple[Explained, ...],
) -> Account:
    about = given.bundle.description
    return Account(
        model=given.bundle.digest,
        called=about.backbone,
        dataset=str(about.provenance.get("dataset", "unknown data")),
        orientations=about.orientations,
        sanity=methods[0],
        refused=methods[1],
        pictures=pictures,
        failures=given.failures,
        notes=(_WITHOUT_SHAPE,) if "shape" in about.network else (),
    )
