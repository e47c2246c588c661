"""Which pictures pass a gate: genuine cells of new groups, and everything that is no such cell.

For each fold of a cross-validation a gate is fitted as `papscope gate --threshold-from` does it: on
cells that the fold's model learned from, with a threshold set by the *other* folds' held-out cells.
Then: the share of the fold's own held-out cells that pass; and, for the first fold's model, what
passes of noise, blank and plain pictures, photographs and histology (both of scikit-image), lbc11's
cells, ISBI 2014's grey fields, the other data set's cells, and the same cells blurred, darker or
lighter, coarsely saved, or stained weaker or stronger. Beside the gate, each with a threshold set
the same way: the highest probability (D. Hendrycks and K. Gimpel, ICLR 2017), the energy, and the
Mahalanobis distance to the nearest class. Intervals are over groups, or over photographs, fields.

    python benchmarks/gate.py runs/cric runs/cric.csv runs/herlev.csv --cells 1000 --cache runs/gate

The first is the folder of `papscope crossval`, the second its manifest, the third another data
set's. Models are exported to ONNX into --cache, and what a network said of a picture is kept there.
None of these outliers was looked at when the gate's detectors were chosen. Wants lbc11/ and
isbi2014/ below what the variable PAPSCOPE_DATA points to (or ../shared/data), and scikit-image.
"""

from __future__ import annotations

import argparse
import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image, ImageFilter
from sklearn.metrics import roc_auc_score

from papscope import quality
from papscope.appearance import appearance
from papscope.bundle import Bundle, read_bundle
from papscope.errors import ImageError
from papscope.evaluate.conformal import group_quantile
from papscope.evaluate.gating import HEARD, Cells, HeldOut, dealt, fit_measure, fit_reference
from papscope.export.onnx import export_onnx
from papscope.gate.detectors import DETECTORS, strange
from papscope.gate.judging import combined
from papscope.image import Pixels, decode
from papscope.labelled import sources_of, targets
from papscope.manifest import Manifest, Row, read_manifest
from papscope.predict.engines import engine_for
from papscope.preprocess import Preprocess, prepare, to_square
from papscope.seeds import stream
from papscope.studies.gate_cells import folds_of, groups_of

DATA = Path(os.environ.get("PAPSCOPE_DATA", Path(__file__).parents[2] / "shared" / "data"))
PHOTOGRAPHS = (
    "astronaut.png",
    "brick.png",
    "camera.png",
    "chelsea.png",
    "clock_motion.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "moon.png",
    "motorcycle_left.png",
    "page.png",
    "retina.jpg",
    "rocket.jpg",
    "text.png",
)
RIVALS = ("gate", "probability", "energy", "Mahalanobis")
EACH = 8
"""Crops of each photograph or field."""
ACCEPT, DRAWS = 0.95, 300
_KEPT_EVERY = 200


class Remembered:
    """An engine that keeps what it said of each picture."""

    at_once = 1

    def __init__(self, bundle: Bundle, cache: Path) -> None:
        name = f"{bundle.digest[:12]}-{8 if bundle.description.orientations else 1}"
        place = cache / "onnx" / name
        if bundle.onnx is None and not place.exists():
            export_onnx(bundle, place)
        self.bundle = bundle if bundle.onnx is not None else read_bundle(place)
        self.engine = engine_for(self.bundle, device="cpu", threads=1)
        assert self.bundle.onnx is not None
        self.file = cache / f"{sha256(self.bundle.onnx).hexdigest()[:12]}.npz"
        self.known: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        if self.file.exists():
            kept = np.load(self.file)
            self.known = dict(
                zip(kept["k"].tolist(), zip(kept["p"], kept["f"], strict=True), strict=True)
            )

    def featured(self, squares: np.ndarray, measures: object = None) -> tuple:
        """Answer as the engine does, at once for what it was asked before."""
        del measures
        keys = [sha256(one.tobytes()).hexdigest()[:24] for one in squares]
        new = [place for place, key in enumerate(keys) if key not in self.known]
        for start in range(0, len(new), _KEPT_EVERY):
            some = new[start : start + _KEPT_EVERY]
            chances, features = self.engine.featured(squares[some])
            for place, chance, row in zip(some, chances, features, strict=True):
                self.known[keys[place]] = (chance, row)
            self._keep()
        both = [self.known[key] for key in keys]
        return np.stack([one for one, _ in both]), np.stack([one for _, one in both])

    def _keep(self) -> None:
        draft = self.file.with_suffix(".part.npz")
        chances, features = zip(*self.known.values(), strict=True)
        np.savez(draft, k=list(self.known), p=np.stack(chances), f=np.stack(features))
        draft.replace(self.file)


@dataclass
class Looked:
    """Pictures as a fold's model and gate see them; (n,) or (n, 5)."""

    blank: np.ndarray
    strange: np.ndarray
    chances: np.ndarray
    units: np.ndarray

    def score(self, rival: str, scale: tuple) -> np.ndarray:
        """Give a rival's strangeness; what quality refuses passes no gate."""
        if rival == "gate":
            return np.where(self.blank, 1e9, combined(self.strange, *scale))
        if rival == "probability":
            return 1 - self.chances.max(axis=1)
        column = "energy" if rival == "energy" else "class"
        return self.strange[:, DETECTORS.index(column)]


@dataclass
class Fold:
    """A model, what it learned from, and genuine cells that it did not learn from."""

    engine: Remembered
    reference: object
    held: Looked
    squares: np.ndarray
    truth: np.ndarray

    @property
    def preprocess(self) -> Preprocess:
        """Of the model."""
        return self.engine.bundle.description.preprocess

    def look(self, squares: np.ndarray, units: Sequence[object], blank: Sequence[bool]) -> Looked:
        """Let the model and the gate look at squares."""
        chances, features = self.engine.featured(squares)
        names = np.array([str(one) for one in units])
        found = strange(self.reference, squares, features.astype(np.float32))
        return Looked(np.array(blank), found, chances, names)


def is_blank(pixels: Pixels) -> bool:
    """Tell whether prediction refuses a picture before any gate."""
    try:
        quality.refuse(pixels, "it")
    except ImageError:
        return True
    return False


def squares_of(manifest: Manifest, rows: Sequence[Row], how: Preprocess) -> np.ndarray:
    """Prepare the cells of a manifest."""
    return np.stack(list(prepare(sources_of(manifest, rows), how)))


def fold_of(place: Path, manifest: Manifest, train: Sequence, held: Sequence, asked) -> Fold:
    """Fit a fold's reference and look at its held-out cells."""
    engine = Remembered(read_bundle(place).with_orientations(asked.orientations), asked.cache)
    how = engine.bundle.description.preprocess
    own = dealt(targets(manifest, train).tolist(), groups_of(train), asked.cells)
    learned = [train[one] for one in own]
    squares = squares_of(manifest, learned, how)
    cells = Cells(
        looks=np.stack([appearance(one) for one in squares]),
        features=engine.featured(squares)[1].astype(np.float32),
        labels=targets(manifest, learned),
        groups=groups_of(learned),
        ids=tuple(row.id for row in learned),
    )
    reference = fit_reference(cells, len(manifest.class_names))
    if asked.held_out:
        few = dealt([0] * len(held), groups_of(held), asked.held_out)
        held = [held[one] for one in few]
    squares = squares_of(manifest, held, how)
    fold = Fold(engine, reference, None, squares, targets(manifest, held))
    fold.held = fold.look(squares, groups_of(held), [False] * len(held))
    print(f"looked at fold {place.parent.name}", flush=True)
    return fold


@dataclass
class Judge:
    """What passes for one fold, by what the other folds say of genuine cells."""

    scale: tuple
    limits: dict

    @classmethod
    def of(cls, others: Sequence[Fold]) -> Judge:
        """Set every rival's threshold the same way, and the gate's as it is shipped."""
        parts = [HeldOut(one.held.strange, tuple(one.held.units)) for one in others]
        measure = fit_measure(parts, ACCEPT, HEARD)
        scale = measure.middle, measure.width
        groups = np.concatenate([one.held.units for one in others])
        limits = {"gate": measure.threshold}
        for rival in RIVALS[1:]:
            every = np.concatenate([one.held.score(rival, scale) for one in others])
            limits[rival] = group_quantile(every, groups, ACCEPT)
        return cls(scale, limits)

    def refused(self, looked: Looked, rival: str = "gate") -> np.ndarray:
        """Say which pictures do not pass."""
        return looked.score(rival, self.scale) > self.limits[rival]


def drawn(units: np.ndarray, purpose: str) -> Iterator[np.ndarray]:
    """Draw whole units again and again: the places of the pictures."""
    names, place = np.unique(units, return_inverse=True)
    where = [np.flatnonzero(place == one) for one in range(len(names))]
    random = stream(0, purpose)
    for _ in range(DRAWS):
        yield np.concatenate([where[one] for one in random.integers(0, len(names), len(names))])


def share(flags: np.ndarray, units: np.ndarray) -> str:
    """Word a share with its interval over units."""
    low, high = np.quantile([flags[one].mean() for one in drawn(units, "share")], (0.025, 0.975))
    return f"{100 * flags.mean():.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def auroc(genuine: Looked, odd: Looked, rival: str, scale: tuple) -> str:
    """Word how well a rival tells a set from genuine cells, with an interval over units."""
    first, second = genuine.score(rival, scale), odd.score(rival, scale)

    def area(one: np.ndarray, other: np.ndarray) -> float:
        truth = np.r_[np.zeros(len(one)), np.ones(len(other))]
        return float(roc_auc_score(truth, np.r_[one, other]))

    both = zip(drawn(genuine.units, "genuine"), drawn(odd.units, "odd"), strict=True)
    low, high = np.quantile([area(first[a], second[b]) for a, b in both], (0.025, 0.975))
    return f"{area(first, second):.3f} [{low:.3f}, {high:.3f}]"


def crops(pixels: Pixels, name: str, side: int = 112) -> list[Pixels]:
    """Cut squares out of a picture, of the cells' size and of twice and half of it."""
    random, found = stream(0, f"crops of {name}"), []
    for number in range(EACH):
        wide = min(side * (1, 2, 4)[number % 3] // 2, *pixels.shape[:2])
        top, left = (int(random.integers(0, length - wide + 1)) for length in pixels.shape[:2])
        found.append(pixels[top : top + wide, left : left + wide])
    return found


def files(paths: Sequence[Path], *, whole: bool = False) -> list[tuple[str, Pixels]]:
    """Give pictures with the file that they are from."""
    found = []
    for path in paths:
        pixels = decode(path)
        found += [(path.name, one) for one in ([pixels] if whole else crops(pixels, path.name))]
    return found


def noises(number: int = 60) -> dict[str, list[tuple[str, Pixels]]]:
    """Draw what no camera gives."""
    random = stream(0, "outliers")

    def normal(middle: float, spread: float) -> Pixels:
        return np.clip(random.normal(middle, spread, (112, 112, 3)), 0, 255).astype(np.uint8)

    places = range(number)
    return {
        "uniform noise": [
            (str(one), random.integers(0, 256, (112, 112, 3), dtype=np.uint8)) for one in places
        ],
        "Gaussian noise": [(str(one), normal(128, random.uniform(10, 70))) for one in places],
        "blank": [
            (str(one), normal(random.uniform(190, 255), random.uniform(0, 6))) for one in places
        ],
        "plain colours": [
            (str(one), np.tile(random.integers(0, 256, 3).astype(np.uint8), (112, 112, 1)))
            for one in places
        ],
    }


def outliers(other: Manifest, how: Preprocess) -> Iterator[tuple[str, list[tuple[str, Pixels]]]]:
    """Give every set of pictures that are no cells of the model's kind."""
    yield from noises().items()
    home = Path(skimage.data.__file__).parent
    yield "photographs", files([home / one for one in PHOTOGRAPHS])
    histology = decode(home / "ihc.png")
    tiles = [(row, column) for row in range(0, 400, 128) for column in range(0, 400, 128)]
    yield (
        "histology",
        [(f"{r} {c}", histology[r : r + 112, c : c + 112]) for r, c in tiles],
    )
    kinds = sorted((DATA / "lbc11").iterdir())
    yield (
        "lbc11 cells",
        files([one for kind in kinds for one in sorted(kind.iterdir())[:12]], whole=True),
    )
    yield "ISBI grey fields", files(sorted((DATA / "isbi2014" / "edf").glob("*.png"))[:16])
    rows = other.labelled()
    few = [rows[one] for one in dealt(targets(other, rows).tolist(), groups_of(rows), 150)]
    cells = squares_of(other, few, how)
    yield f"{other.dataset} cells", list(zip(groups_of(few), cells, strict=True))


def blurred(pixels: Pixels, radius: float) -> Pixels:
    """Blur by a Gaussian, in pixels of the square."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def lit(pixels: Pixels, gain: float) -> Pixels:
    """Multiply the light."""
    return np.clip(pixels * gain, 0, 255).astype(np.uint8)


def saved(pixels: Pixels, kept: float) -> Pixels:
    """Save as JPEG of a quality."""
    store = io.BytesIO()
    Image.fromarray(pixels).save(store, "JPEG", quality=int(kept))
    return np.asarray(Image.open(store))


def stained(pixels: Pixels, gain: float) -> Pixels:
    """Multiply the optical density: a weaker or a stronger stain."""
    return np.clip(256 * ((pixels + 1.0) / 256) ** gain - 1, 0, 255).astype(np.uint8)


LADDERS: dict[str, tuple[Callable[[Pixels, float], Pixels], tuple[float, ...]]] = {
    "blur, px of 128": (blurred, (0.5, 1, 2, 4)),
    "brightness": (lit, (0.4, 0.7, 0.85, 1.15, 1.4)),
    "JPEG quality": (saved, (70, 40, 20, 10)),
    "stain strength": (stained, (0.4, 0.7, 1.4, 2)),
}


def tell_accepted(folds: Sequence[Fold], judges: Sequence[Judge]) -> None:
    """Print how many genuine cells of new groups pass, by rival."""
    units = np.concatenate([one.held.units for one in folds])
    print(f"\n## Genuine cells accepted: {len(units)} in {len(set(units))} groups\n")
    for rival in RIVALS:
        passed = [~judge.refused(one.held, rival) for one, judge in zip(folds, judges, strict=True)]
        each = ", ".join(f"{100 * one.mean():.1f}" for one in passed)
        print(f"{rival}: {share(np.concatenate(passed), units)}; by fold {each}")


def tell_outliers(fold: Fold, judge: Judge, other: Manifest) -> None:
    """Print what passes of each set, by rival."""
    print("\n## Refused, and AUROC, by set\n")
    print("| set | n | units | " + " | ".join(f"{one}: refused | AUROC" for one in RIVALS) + " |")
    for name, pictures in outliers(other, fold.preprocess):
        blank = [is_blank(one) for _, one in pictures]
        squares = np.stack([to_square(one, fold.preprocess) for _, one in pictures])
        looked = fold.look(squares, [unit for unit, _ in pictures], blank)
        cells = [
            f"{share(judge.refused(looked, one), looked.units)} | "
            f"{auroc(fold.held, looked, one, judge.scale)}"
            for one in RIVALS
        ]
        count = len(set(looked.units))
        print(f"| {name} | {len(pictures)} | {count} | " + " | ".join(cells) + " |", flush=True)


def tell_ladders(fold: Fold, judge: Judge, number: int = 100) -> None:
    """Print what passes of genuine cells that were changed more and more, and how right it is."""
    print("\n## Changed more and more: refused, and accuracy of what passes\n")
    places = dealt([0] * len(fold.squares), fold.held.units.tolist(), number)
    units, truth = fold.held.units[places], fold.truth[places]

    def tell(name: str, squares: np.ndarray) -> None:
        looked = fold.look(squares, units, [is_blank(one) for one in squares])
        refused = judge.refused(looked)
        right = looked.chances.argmax(axis=1) == truth
        kept = share(right[~refused], units[~refused]) if (~refused).any() else "-"
        print(f"| {name} | {share(refused, units)} | {kept} | {share(right, units)} |", flush=True)

    print("| change | refused | accuracy of the rest | accuracy of all |")
    tell("none", fold.squares[places])
    for name, (change, rungs) in LADDERS.items():
        for rung in rungs:
            tell(f"{name} {rung:g}", np.stack([change(one, rung) for one in fold.squares[places]]))


def main() -> None:
    """Measure one data set's models."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folds", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--held-out", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path("runs/gate"))
    parser.add_argument("--orientations", action="store_true", help="mean over all eight")
    asked = parser.parse_args()
    asked.cache.mkdir(parents=True, exist_ok=True)
    manifest, other = read_manifest(asked.manifest), read_manifest(asked.other)
    folds = [
        fold_of(*one[:1], manifest, *one[1:], asked) for one in folds_of(asked.folds, manifest)
    ]
    judges = [Judge.of([one for one in folds if one is not fold]) for fold in folds]
    tell_accepted(folds, judges)
    tell_outliers(folds[0], judges[0], other)
    tell_ladders(folds[0], judges[0])


if __name__ == "__main__":
    main()
