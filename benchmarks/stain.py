"""Whether normalising stain, or varying it in training, helps with pictures of another stain.

Trains the recipe `laptop` on one outer fold of CRIC four times: as it is, with stain normalisation
after Reinhard and after Macenko, and with stain augmentation. Each network then answers for the
fold's validation pictures as they are, and for the same pictures changed more and more, field by
field: in their stain (haematoxylin, eosin and a third stain multiplied and shifted, as stain
augmentation does it, which favours that) and in the camera (gain of each channel and gamma, which
none of the four was made for). Prints a table for each measure, with 95 % intervals over fields.
The epoch was chosen on the validation pictures as they are, so those numbers are too hopeful, for
all four alike; the fold's test pictures are never looked at.

    python benchmarks/stain.py                           # all four, about 40 minutes on two cores
    python benchmarks/stain.py --only macenko --threads 1
    python benchmarks/stain.py --table                   # of what is done so far
    python benchmarks/stain.py --epochs 1 --size 48 --limit 120    # only to see that it runs

Finished networks are kept in --folder and not trained again. Wants the images that the variable
PAPSCOPE_DATA points to (or ../shared/data): cric/.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from papscope.augment.staining import restained
from papscope.bundle import Bundle, read_bundle
from papscope.config import train_settings
from papscope.cutting import cut_folds, fold_split
from papscope.evaluate.intervals import Estimate
from papscope.evaluate.summary import METRICS, summarise
from papscope.image import Pixels
from papscope.importing import import_images
from papscope.inference import Runner
from papscope.labelled import sources_of
from papscope.manifest import Manifest, read_manifest, write_manifest
from papscope.network.backbones import from_bundle
from papscope.preprocess import originals, to_square
from papscope.scores import Scores, read_scores, write_scores
from papscope.scoring import score
from papscope.seeds import stream
from papscope.sources.kinds import ImportOptions
from papscope.split import Split
from papscope.train.fit import fit
from papscope.train.settings import TrainSettings
from papscope.train.trainer import Watch

FOLDS, SEED = 5, 0
COLUMNS = ("accuracy", "macro_f1", "abnormal_auroc")

METHODS = {
    "none": {},
    "reinhard": {"stain_norm": "reinhard"},
    "macenko": {"stain_norm": "macenko"},
    "augmentation": {"augment.stain": "0.1"},
}
"""What each changes in the recipe."""

STRENGTHS = (0.05, 0.1, 0.2, 0.3)
"""Of a change: its size is this, only its direction is drawn."""

Change = Callable[[Pixels, np.random.Generator, float], Pixels]


def main() -> None:
    """Train and answer where that is not done, and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=METHODS, action="append", help="leave the others out")
    parser.add_argument("--folder", type=Path, default=Path("runs/stain"))
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--size", type=int, default=128, help="side of the input, in pixels")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fold", type=int, default=0, help="0 to 4")
    parser.add_argument("--limit", type=int, help="pictures of training and validation together")
    parser.add_argument("--table", action="store_true", help="compute nothing")
    asked = parser.parse_args()
    place = asked.folder / f"fold-{asked.fold}-{asked.size}px-{asked.epochs}-{asked.limit or 'all'}"
    chosen = asked.only or list(METHODS)
    if not asked.table:
        manifest = manifest_of(asked.folder)
        folds = cut_folds(manifest, folds=FOLDS, seed=SEED)
        split = limited(fold_split(folds, manifest, asked.fold), manifest, asked.limit)
        for method in chosen:
            changes = {"epochs": asked.epochs, "size": asked.size, "threads": asked.threads}
            compute(manifest, split, settings_of(method, changes), place / method)
    print(f"CRIC, fold {asked.fold} of {FOLDS}, validation; {asked.size} px, {asked.epochs} epochs")
    for column in COLUMNS:
        show(column, chosen, place)


def manifest_of(folder: Path) -> Manifest:
    """Import the data set, once."""
    place = folder / "cric-6.csv"
    if not place.exists():
        data = Path(os.environ.get("PAPSCOPE_DATA", "../shared/data")) / "cric"
        options = ImportOptions(crop=112)
        made, outlines = import_images("cric", data, options=options, allow_partial=True)
        write_manifest(place, made, outlines)
    return read_manifest(place)


def limited(split: Split, manifest: Manifest, limit: int | None) -> Split:
    """Keep the first pictures of each class in training and validation; the others are unused."""
    if limit is None:
        return split
    each = max(2, limit // (2 * len(manifest.classes)))
    seen: Counter[tuple[str, str | None]] = Counter()
    kept = {}
    for row in manifest.labelled():
        part = split.part_of[row.id]
        seen[part, row.label] += 1
        kept[row.id] = part if seen[part, row.label] <= each else "test"
    return replace(split, part_of=kept)


def settings_of(method: str, changes: dict[str, int]) -> TrainSettings:
    """Give the recipe's settings with a method's laid over them."""
    plain = {"stain_norm": "none", "augment.stain": "0.0"}
    return train_settings("laptop", {**changes, "seed": SEED}, {**plain, **METHODS[method]})


def compute(manifest: Manifest, split: Split, settings: TrainSettings, place: Path) -> None:
    """Train a network if that is not done, and let it answer for every change."""
    if all((place / f"{step}.csv").exists() for step in steps()):
        return
    run = place / "run"
    watch = Watch(on_epoch=lambda done: print(place.name, done, flush=True))
    resume = (run / "last.safetensors").exists()
    bundle = read_bundle(fit(manifest, split, settings, run, resume=resume, watch=watch).bundle)
    plain = score(bundle, manifest, split=split, part="val")
    row_of = {row.id: row for row in manifest.rows}
    pictures = list(originals(sources_of(manifest, [row_of[name] for name in plain.ids])))
    for step, (change, strength) in steps().items():
        changed = [
            change(one, stream(SEED, f"{step} of {group}"), strength)
            for one, group in zip(pictures, plain.groups, strict=True)
        ]
        write_scores(place / f"{step}.csv", answered(bundle, changed, plain, settings.threads))
    difference = answered(bundle, pictures, plain, settings.threads).probabilities
    assert np.allclose(difference, plain.probabilities, atol=1e-5), "two ways to answer differ"


def steps() -> dict[str, tuple[Change, float]]:
    """Name every change, from none to the strongest."""
    found: dict[str, tuple[Change, float]] = {"as they are": (lambda one, *_: one, 0.0)}
    for name, change in (("stain", other_stain), ("camera", other_camera)):
        found |= {f"{name} {strength:.2f}": (change, strength) for strength in STRENGTHS}
    return found


def other_stain(pixels: Pixels, random: np.random.Generator, strength: float) -> Pixels:
    """Multiply and shift haematoxylin, eosin and the third stain."""
    gain, shift = (torch.from_numpy(one)[None] for one in signs(random, (2, 3)) * strength)
    picture = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
    changed = restained(picture, 1 + gain, shift)[0].permute(1, 2, 0).numpy()
    return np.clip(np.round(changed), 0, 255).astype(np.uint8)


def other_camera(pixels: Pixels, random: np.random.Generator, strength: float) -> Pixels:
    """Change the gain of each channel, and gamma."""
    *gain, bend = signs(random, (4,)) * strength
    light = (pixels / 255) ** np.exp(bend) * (1 + np.array(gain) / 2)
    return np.clip(np.round(255 * light), 0, 255).astype(np.uint8)


def signs(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw -1 or 1."""
    return np.where(random.random(shape) < 0.5, -1, 1).astype(np.float32)


def answered(bundle: Bundle, pictures: Sequence[Pixels], plain: Scores, threads: int) -> Scores:
    """Let a network answer for pictures, through its own preprocessing."""
    settings = bundle.description.preprocess
    runner = Runner.of(from_bundle(bundle), settings, threads=threads)
    found = runner.probabilities(np.stack([to_square(one, settings) for one in pictures]))
    return replace(plain, probabilities=found)


def show(column: str, methods: Sequence[str], place: Path) -> None:
    """Print one measure: a row for every change, a column for every network."""
    done = [one for one in methods if all((place / one / f"{s}.csv").exists() for s in steps())]
    print(f"\n{METRICS[column].title}\n\n| pictures | {' | '.join(done)} |")
    print(f"|---|{'---|' * len(done)}")
    for step in steps():
        cells = []
        for method in done:
            found = summarise(read_scores(place / method / f"{step}.csv")).overall[column]
            told = isinstance(found, Estimate)
            text = f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})" if told else found.why
            cells.append(text)
        print(f"| {step} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
