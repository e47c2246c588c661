"""A model's answers for pictures: from files, bytes or arrays, one or very many.

Takes   a bundle, and pictures
Gives   for each picture, in order, an answer or the reason why there is none
Never   loses a good picture because of a bad one, or holds more than a few at a time

Decoding and resizing go on in other threads while the network works.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from papscope import quality
from papscope.bundle import Description, read_bundle
from papscope.decision import Answer, answers, calibrated, scales_and_bias
from papscope.errors import BundleError, ImageError, SettingError
from papscope.gate.judging import Gate, gate_of
from papscope.image import Pixels
from papscope.predict.engine import Engine, Features, MeasuringEngine, featured
from papscope.predict.engines import engine_for
from papscope.predict.sources import below
from papscope.predict.voiding import voided
from papscope.preprocess import Source, prepare
from papscope.progress import Tell, silent
from papscope.rules import NO_RULES, Rules
from papscope.scores import Probabilities
from papscope.shape.measures import Measured
from papscope.shape.reading import measured_all
from papscope.shipped import find_bundle

Picture: TypeAlias = str | os.PathLike[str] | bytes | Image.Image | npt.NDArray[Any] | Source
"""A path, a file's bytes, a picture that Pillow opened, samples (h, w, 3) 0..255, or a part."""

Watch: TypeAlias = Callable[[Sequence[Pixels], Probabilities], None]
"""Called with squares (s, s, 3) as the network takes them, and what it said of them (n, c)."""

_MOST_DECODERS = 8


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one picture."""

    source: str
    """The path as it was given, the row's id, or `image 1` and so on for what has no name."""
    answer: Answer
    measured: bool | None = None
    """Whether the cell's shape was measured; None where the model does not ask for it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer for one picture."""

    source: str
    error: ImageError
    """Its `reason` is a code of `docs/reference/findings.md`."""


Outcome: TypeAlias = Prediction | Failure


@dataclass(frozen=True, slots=True)
class Predictions:
    """What came of each picture, in the order asked."""

    outcomes: tuple[Outcome, ...]

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self.outcomes)

    def __len__(self) -> int:
        return len(self.outcomes)

    def __getitem__(self, place: int) -> Outcome:
        return self.outcomes[place]

    @property
    def good(self) -> tuple[Prediction, ...]:
        """Those with an answer."""
        return tuple(one for one in self.outcomes if isinstance(one, Prediction))

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Those without."""
        return tuple(one for one in self.outcomes if isinstance(one, Failure))


@dataclass(frozen=True, slots=True)
class Predictor:
    """A model ready to answer; made by `load`."""

    engine: Engine
    about: Description
    """The classes in order, the preprocessing, where the model comes from."""
    digest: str
    """SHA-256 that names the model."""
    threads: int
    """How many pictures are decoded at once."""
    rules: Rules = NO_RULES
    """When a cell is referred to a person, and which classes its prediction set holds."""
    void: tuple[str, ...] = ()
    """Why these rules promise nothing, as keys of `rules.REASONS`: then every cell is referred."""
    gate: Gate | None = None
    """What tells pictures that are unlike all that was learned from; None where there is none."""
    watch: Watch | None = None
    """Hears of every batch that was answered; what it makes of it changes no answer."""

    @property
    def measures(self) -> bool:
        """Whether it answers by the cell's shape too, where a mask or outlines show it."""
        return "shape" in self.about.network and isinstance(self.engine, MeasuringEngine)

    def predict(
        self,
        images: Picture | Iterable[Picture],
        *,
        batch_size: int = 32,
        tell: Tell = silent,
    ) -> Predictions:
        """Answer for one picture or many, holding all the answers.

        Args:
            images: a picture or any number of them; see `Picture`. A folder stands for the
                pictures in it, an array (n, h, w, 3) for n pictures.
            batch_size: how many squares wait for the network at once, in multiples of what keeps
                it busy; the answers do not depend on it.
            tell: hears how far it is.

        Raises:
            SettingError: a folder has no picture in it.
            TypeError: something among the images is no picture of any kind.
        """
        found: Iterable[Source] = as_sources(images)
        if not isinstance(images, Iterator):
            found = tuple(found)
        return Predictions(tuple(self.stream(found, batch_size=batch_size, tell=tell)))

    def stream(
        self, sources: Iterable[Source], *, batch_size: int = 32, tell: Tell = silent
    ) -> Iterator[Outcome]:
        """Answer one after the other, holding only a few; the sources may be endless.

        Args:
            sources: the pictures, or parts of them.
            batch_size: as for `predict`.
            tell: hears how many are done, and of how many if the sources can be counted.

        Yields:
            For each source, in order, a `Prediction` or a `Failure`.
        """
        if batch_size < 1:
            raise SettingError(f"batch_size is {batch_size}", hint="give 1 or more")
        unit = self.engine.at_once
        chunk = max(1, batch_size // unit) * unit
        total = len(sources) if isinstance(sources, Sized) else None
        done = 0
        ready = self._prepared(sources, ahead=2 * chunk)
        while batch := list(islice(ready, chunk)):
            yield from self._answered(batch)
            done += len(batch)
            tell("answering", done, total)

    def _prepared(
        self, sources: Iterable[Source], ahead: int
    ) -> Iterator[tuple[Source, Pixels | ImageError]]:
        asked: deque[Source] = deque()

        def noted() -> Iterator[Source]:
            for source in sources:
                asked.append(source)
                yield source

        squares = prepare(
            noted(), self.about.preprocess, threads=self.threads, ahead=ahead, refuse=quality.refuse
        )
        for square in squares:
            yield asked.popleft(), square

    def _answered(self, batch: Sequence[tuple[Source, Pixels | ImageError]]) -> Iterator[Outcome]:
        good = [(one, square) for one, square in batch if not isinstance(square, ImageError)]
        found = iter(self._said(good) if good else ())
        for source, square in batch:
            if isinstance(square, ImageError):
                yield Failure(source.called, square)
            else:
                yield next(found)

    def _said(self, good: Sequence[tuple[Source, Pixels]]) -> Iterator[Prediction]:
        sources, squares = zip(*good, strict=True)
        measures: Measured | None = None
        known: list[bool | None] = [None] * len(sources)
        if self.measures:
            measures = measured_all(sources, threads=self.threads, strict=False)
            known = [not np.isnan(one).any() for one in measures]
        chances, features = featured(self.engine, np.stack(squares), measures)
        if self.watch is not None:
            self.watch(squares, chances)
        strange = self._strange(squares, features)
        faults = None
        if self.rules.any:  # otherwise nobody asks for them
            faults = [(*quality.faults(quality.measure(one)), *self.void) for one in squares]
        scaled = calibrated(chances, self.about.calibration)
        told = answers(scaled, self.about.classes, self.rules, faults, strange)
        for source, answer, measured in zip(sources, told, known, strict=True):
            yield Prediction(source.called, answer, measured)

    def _strange(
        self, squares: Sequence[Pixels], features: Features | None
    ) -> Sequence[float] | None:
        """Say how strange pictures are; None where the bundle has no gate."""
        if self.gate is None:
            return None
        if features is None:
            raise BundleError(
                "the bundle has a gate, and its network does not tell the features for it",
                hint="export the model again with `papscope export`",
            )
        found: list[float] = self.gate.strangeness(squares, features).tolist()
        return found


def load(
    bundle: str | os.PathLike[str] | None = None,
    *,
    device: str = "auto",
    threads: int = 0,
    orientations: bool | None = None,
) -> Predictor:
    """Make a model ready to answer.

    Args:
        bundle: the folder that training wrote, or the name of a model that comes with papscope;
            None for the one that answers where none is named.
        device: `auto` takes the fastest that is there; or `cpu`, `cuda`, `cuda:1`, `mps`.
        threads: of the processor, for the network and for decoding; 0 decides by the machine.
        orientations: whether each answer is the mean over the eight orientations of the picture;
            None does as the bundle says. Otherwise than it says voids what was fitted for it: that
            is warned of, and no rule sets a cell aside.

    Raises:
        MissingExtra: the model needs torch, which is not installed.
        BundleError: it is missing, damaged, of a newer format, or no bundle.
        SettingError: there is no such device here, or threads is below 0.
    """
    if threads < 0:
        raise SettingError(f"threads is {threads}", hint="give 1 or more, or 0")
    found = read_bundle(find_bundle(bundle).folder)
    read = found.with_orientations(orientations)
    void = voided(found.description, orientations)
    classes = len(read.description.classes)
    scales_and_bias(read.description.calibration, classes)
    rules = Rules.from_json(read.description.rules, classes)
    gate = gate_of(read)
    engine = engine_for(read, device=device, threads=threads)
    decoders = threads or min(_MOST_DECODERS, os.cpu_count() or 1)
    return Predictor(engine, read.description, read.digest, decoders, rules, void, gate)


def as_sources(images: Picture | Iterable[Picture]) -> Iterator[Source]:
    """Give pictures of any kind as sources, naming those that have no name.

    Raises:
        SettingError: a folder has no picture in it.
        TypeError: something is no picture of any kind.
    """
    one = isinstance(images, str | os.PathLike | bytes | Image.Image | Source)
    if one or (isinstance(images, np.ndarray) and images.ndim < 4):
        images = (cast("Picture", images),)
    for place, image in enumerate(cast("Iterable[Picture]", images), start=1):
        yield from _sources(image, f"image {place}")


def _sources(image: Picture, name: str) -> Iterator[Source]:
    if isinstance(image, Source):
        yield image
    elif isinstance(image, str | os.PathLike):
        path = Path(image)
        for file in below(path) if path.is_dir() else (path,):
            yield Source(file)
    elif isinstance(image, np.ndarray):
        yield Source(image.copy(), name=name)  # the caller may use the array again meanwhile
    elif isinstance(image, bytes | Image.Image):
        yield Source(image, name=name)
    else:
        raise TypeError(f"{name} is a {type(image).__name__}, which is no picture")
