"""How often `papscope shift` cries wolf, what it finds, and whether it foresees what a model loses.

Nucleus: the estimated diameter against Herlev's masks.

False alarms: the fields of CRIC are dealt at random into two halves, or some are taken out and held
against the rest; both sides are of one source, so each finding is false. Beside the test by field
stands the usual one, which takes each cell for one of its own.

Power: ten fields of CRIC, changed a little or much, against a half of the fields that they are not
of; and whole sets of another laboratory.

Glance: what `papscope predict` would say of single fields, of ten, and of changed ones.

Drop: half of the fields of a fold that a model did not learn from are changed; what the estimates
say from the other half's scores stands beside the truth. And Herlev's cells by the same model.

    papscope import herlev ../shared/data/herlev -o herlev.csv
    papscope import cric ../shared/data/cric --crop 112 --allow-partial -o cric.csv
    papscope import folder ../shared/data/lbc11 -o lbc11.csv
    papscope crossval cric.csv --recipe shipped -o runs/cric
    python benchmarks/shift.py cric.csv herlev.csv lbc11.csv --folds runs/cric --cache runs/shift

Prints tables in Markdown. What was measured of pictures is kept in the cache.
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from scipy.stats import spearmanr

from papscope.appearance import NAMES as LOOKS
from papscope.bundle import read_bundle
from papscope.evaluate.gating import MOST_CELLS
from papscope.evaluate.intervals import Estimate, Values
from papscope.gate.detectors import levelled
from papscope.image import Pixels, decode
from papscope.manifest import read_manifest
from papscope.preprocess import Source, originals
from papscope.scores import Scores, read_scores
from papscope.seeds import stream
from papscope.shape.regions import NUCLEUS, regions_of_mask
from papscope.shift.comparing import compare
from papscope.shift.found import LEVEL, Shift
from papscope.shift.given import Given, of_manifest
from papscope.shift.glance import GLANCED, LIMIT, Usual
from papscope.shift.measuring import Eyes, Looked, look
from papscope.shift.nucleus import nucleus_share
from papscope.shift.run import eyes_of
from papscope.shift.testing import Draws

Change = Callable[[Pixels], Pixels]
QUICK = Draws(permutations=199, resamples=100)
CELLS = 400
"""Cells of each side at most."""
POOL = 40
"""Fields of CRIC that are there to be changed; the others stand for training."""
FIELDS = 10
"""Fields of CRIC that are changed, each time."""


def blurred(pixels: Pixels, by: float) -> Pixels:
    """Blur by a Gaussian of so many pixels."""
    return np.array(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(by)))


def darkened(pixels: Pixels, to: float) -> Pixels:
    """Multiply all channels."""
    return np.clip(np.round(pixels * to), 0, 255).astype(np.uint8)


def restained(pixels: Pixels, by: float) -> Pixels:
    """Let red light through less and blue light more: a stain with more blue and less orange."""
    density = -np.log((pixels + 1.0) / 256) * np.array([1 + by, 1.0, 1 - by])
    changed: Pixels = np.clip(256 * np.exp(-density) - 1, 0, 255).astype(np.uint8)
    return changed


def enlarged(pixels: Pixels, by: float) -> Pixels:
    """Magnify the middle, as a camera of smaller pixels would, and keep the picture's size."""
    height, width = pixels.shape[:2]
    across, down = width * (1 - 1 / by) / 2, height * (1 - 1 / by) / 2
    box = (across, down, width - across, height - down)
    return np.array(Image.fromarray(pixels).resize((width, height), 3, box=box))


CHANGES: dict[str, Change] = {
    "as they are": lambda pixels: pixels,
    **{f"blurred by {by:g} px": partial(blurred, by=by) for by in (0.5, 1.0, 2.0)},
    **{f"light times {to:g}": partial(darkened, to=to) for to in (0.95, 0.85, 0.7)},
    **{f"restained by {by:g}": partial(restained, by=by) for by in (0.1, 0.25)},
    **{f"magnified by {by:g}": partial(enlarged, by=by) for by in (1.1, 1.25)},
}


STAGES = ["nucleus", "alarms", "power", "glance", "drop"]

COSTLY = (
    "as they are",
    "blurred by 1 px",
    "blurred by 2 px",
    "light times 0.7",
    "restained by 0.25",
    "magnified by 1.25",
)
"""Changes for which a model is asked."""


def main() -> None:
    """Measure all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cric", type=Path, help="manifest")
    parser.add_argument("others", type=Path, nargs="*", help="manifests of other laboratories")
    parser.add_argument("--folds", type=Path, help="folder of `papscope crossval` on CRIC")
    parser.add_argument("--cache", type=Path, default=Path("runs/shift"))
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument(
        "--cells", type=int, default=300, help="that a model answers for, each time"
    )
    parser.add_argument("--models", type=int, default=1, help="folds whose model is asked")
    parser.add_argument("--only", nargs="*", default=STAGES)
    asked = parser.parse_args()
    asked.cache.mkdir(parents=True, exist_ok=True)
    if "nucleus" in asked.only:
        for one in asked.others:
            nuclei(one)
    if "alarms" in asked.only:
        false_alarms(looked_at(asked.cric, asked.cache), asked.repeats)
    if "power" in asked.only:
        power(asked.cric, asked.others, asked.cache, max(2, asked.repeats // 10))
    if "glance" in asked.only:
        glances(asked.cric, asked.others, asked.cache)
    if "drop" in asked.only and asked.folds is not None:
        drops(asked.cric, asked.others, asked.folds, asked.cache, (asked.cells, asked.models))


def kept(place: Path, make: Callable[[], Looked]) -> Looked:
    """Measure once."""
    if not place.exists():
        made = make()
        # Changed pictures are held in memory: only their names are worth keeping.
        sources = tuple(Source(Path(one.called)) for one in made.given.sources)
        made = replace(made, given=replace(made.given, sources=sources))
        place.write_bytes(pickle.dumps(made))
    found: Looked = pickle.loads(place.read_bytes())
    return found


def looked_at(manifest: Path, cache: Path, change: str = "as they are") -> Looked:
    """Measure a manifest's pictures without a model, changed or not."""
    given = of_manifest(manifest)
    if change != "as they are":
        places = [n for n, one in enumerate(given.groups) if one in pool(given)]
        given = given.chosen(places).drawn(600, 0)
    made = partial(look, altered(given, CHANGES[change]), Eyes(threads=1))
    return kept(cache / f"{manifest.stem}-{change.replace(' ', '-')}.pickle", made)


def pool(given: Given) -> set[str | None]:
    """Draw the fields that are there to be changed."""
    fields = sorted({str(one) for one in given.groups})
    return set(stream(0, "pool").permutation(fields)[:POOL].tolist())


def altered(given: Given, change: Change) -> Given:
    """Change pictures in memory."""
    if change is CHANGES["as they are"]:
        return given
    pixels = originals(given.sources)
    sources = [
        Source(change(one), name=of.name) for one, of in zip(pixels, given.sources, strict=True)
    ]
    return replace(given, sources=tuple(sources))


def chosen(looked: Looked, places: Sequence[int]) -> Looked:
    """Keep some pictures."""
    index = np.array(places)
    return Looked(
        looked.given.chosen(places),
        looked.looks[index],
        None if looked.features is None else looked.features[index],
        None if looked.probabilities is None else looked.probabilities[index],
    )


def of_groups(looked: Looked, groups: set[str | None], most: int, seed: int) -> Looked:
    """Keep the pictures of some groups, at most so many."""
    places = [one for one, group in enumerate(looked.given.groups) if group in groups]
    drawn = stream(seed, "benchmark").permutation(places)[:most]
    return chosen(looked, sorted(int(one) for one in drawn))


def ungrouped(looked: Looked) -> Looked:
    """Forget which field a picture comes from."""
    return replace(looked, given=replace(looked.given, groups=(None,) * len(looked)))


def nuclei(manifest: Path) -> None:
    """Hold estimated diameters against masks, where a manifest has any."""
    images = read_manifest(manifest)
    pairs = []
    for row in images.rows:
        if row.mask is not None:
            mask = regions_of_mask(decode(images.root / row.mask))
            true = float(np.sqrt(4 * (mask == NUCLEUS).sum() / np.pi / mask.size))
            pairs.append((true, nucleus_share(decode(images.file_of(row)))))
    if not pairs:
        return
    true, found = np.array([one for one in pairs if np.isfinite(one[1])]).T
    ratio = found / true
    print(
        f"Nuclei of {manifest.stem}: {len(true)} of {len(pairs)} found; correlation of diameters "
        f"{np.corrcoef(true, found)[0, 1]:.2f} (rank {spearmanr(true, found)[0]:.2f}); estimate "
        f"over mask: median {np.median(ratio):.2f}, within 20 % for "
        f"{np.mean(abs(ratio - 1) < 0.2):.0%}\n",
        flush=True,
    )


def false_alarms(looked: Looked, repeats: int) -> None:
    """Hold parts of one source against each other, by field and by cell."""
    fields = sorted({str(one) for one in looked.given.groups})
    print(
        "| fields against fields | groups are | colour | sharpness | nucleus size | any, adjusted "
        '| verdict "different" |\n|---|---|---:|---:|---:|---:|---:|'
    )
    for count in (len(fields) // 2, FIELDS):
        found: dict[str, list[Shift]] = {"fields": [], "cells": []}
        for repeat in range(repeats):
            dealt = stream(repeat, "halves").permutation(fields).tolist()
            new, train = set(dealt[:count]), set(dealt[count:])
            sides = [of_groups(looked, one, CELLS, repeat) for one in (train, new)]
            draws = replace(QUICK, seed=repeat)
            found["fields"].append(compare(*sides, draws=draws).shift)
            found["cells"].append(compare(*map(ungrouped, sides), draws=draws).shift)
        for name, shifts in found.items():
            told = [alarm(shifts, one) for one in ("colour", "sharpness", "nucleus size")]
            anything = np.mean([any(f.adjusted < LEVEL for f in s.families) for s in shifts])
            verdict = np.mean([bool(s.found("different")) for s in shifts])
            print(
                f"| {count} against {len(fields) - count} | {name} | {' | '.join(told)} | "
                f"{anything:.0%} | {verdict:.0%} |",
                flush=True,
            )


def alarm(shifts: Sequence[Shift], name: str) -> str:
    """Give the share of p-values below the level, not adjusted."""
    return (
        f"{np.mean([f.tested.p < LEVEL for s in shifts for f in s.families if f.name == name]):.0%}"
    )


def power(cric: Path, others: Sequence[Path], cache: Path, repeats: int) -> None:
    """Find changes of known size, and other laboratories."""
    whole = looked_at(cric, cache)
    mine = pool(whole.given)
    rest = set(whole.given.groups) - mine
    names = ("colour", "sharpness", "scale", "nucleus size")
    print(
        f'\n| new pictures | verdict "different" | {" | ".join(names)} |\n|---|---:|' + "---|" * 4
    )
    for change in CHANGES:
        new = looked_at(cric, cache, change)
        shifts = []
        for repeat in range(repeats):
            dealt = stream(repeat, "halves").permutation(sorted(map(str, mine))).tolist()
            some = of_groups(new, set(dealt[:FIELDS]), CELLS, repeat)
            train = of_groups(whole, rest, CELLS, repeat)
            draws = replace(QUICK, permutations=499, seed=repeat)
            shifts.append(compare(train, some, draws=draws).shift)
        line(f"{FIELDS} fields, {change}", shifts, names)
    for other in others:
        line(f"{other.stem}, all", [compare(whole, looked_at(other, cache)).shift], names)
    for other in others:
        looked = looked_at(other, cache)
        side = {one.name: one.side for one in looked.given.classes}
        if None not in looked.given.groups and set(side.values()) >= {"normal", "abnormal"}:
            mixes(other.stem, looked, [side[str(one)] for one in looked.given.labels], names)


def mixes(name: str, looked: Looked, side: Sequence[str | None], names: Sequence[str]) -> None:
    """Hold one half of a set's groups against the other's normal, or abnormal, cells alone."""
    groups = stream(0, "halves").permutation(sorted({str(one) for one in looked.given.groups}))
    half = set(groups[: len(groups) // 2].tolist())
    first = [place for place, one in enumerate(looked.given.groups) if one in half]
    for wanted in ("normal", "abnormal"):
        rest = [
            place
            for place, one in enumerate(looked.given.groups)
            if one not in half and side[place] == wanted
        ]
        found = compare(chosen(looked, first), chosen(looked, rest)).shift
        line(f"{name}, {wanted} cells against all", [found], names)


def line(what: str, shifts: Sequence[Shift], names: Sequence[str]) -> None:
    """Print how often each family is found different, and its mean coefficient."""
    cells = []
    for name in names:
        some = [f for s in shifts for f in s.families if f.name == name]
        share = np.mean([one.finding == "different" for one in some])
        cells.append(f"{share:.0%}, {np.mean([f.tested.coefficient.value for f in some]):.2f}")
    verdict = np.mean([bool(one.found("different")) for one in shifts])
    print(f"| {what} | {verdict:.0%} | {' | '.join(cells)} |", flush=True)


def glances(cric: Path, others: Sequence[Path], cache: Path) -> None:
    """Say of whom the line of `papscope predict` would speak, with labels in the place of calls."""
    whole = looked_at(cric, cache)
    names = [one.name for one in whole.given.classes]
    usual, alarms = None, dict[int, list[float]]({1: [], FIELDS: []})
    for repeat in range(10):
        fields = sorted({str(one) for one in whole.given.groups})
        dealt = stream(repeat, "halves").permutation(fields).tolist()
        known = of_groups(whole, set(dealt[: len(dealt) // 2]), MOST_CELLS, repeat)
        labels = [names.index(str(one)) for one in known.given.labels]
        place = [fields.index(str(one)) for one in known.given.groups]
        usual = Usual.of(of_glance(known), labels, place, len(names))
        rest = dealt[len(dealt) // 2 :]
        for count, found in alarms.items():
            for start in range(0, len(rest) - count + 1, count):
                new = of_groups(whole, set(rest[start : start + count]), 100, repeat)
                if len(new) >= 20:
                    found.append(farthest(usual, new, names))
    print("\n| what is predicted | sets | farthest measure, median | 99 % | called unlike |")
    print("|---|---:|---:|---:|---:|")
    for count, found in alarms.items():
        told(f"{count} new {'field' if count == 1 else 'fields'}", found)
    for change in CHANGES:
        told(f"{POOL} fields, {change}", [farthest(usual, looked_at(cric, cache, change), names)])
    for other in others:
        told(f"{other.stem}, all", [farthest(usual, looked_at(other, cache), names)])


def of_glance(looked: Looked) -> Values:
    """Keep the measures that a glance looks at."""
    return levelled(looked.looks[:, : len(LOOKS)])[:, GLANCED]


def farthest(usual: Usual | None, new: Looked, names: list[str]) -> float:
    """Say how far out the farthest measure of new pictures lies."""
    assert usual is not None
    called = [names.index(str(one)) if one in names else 0 for one in new.given.labels]
    return float(np.abs(usual.away(of_glance(new), called)).max())


def told(what: str, found: Sequence[float]) -> None:
    """Print one line of glances."""
    middle, most = np.quantile(found, (0.5, 0.99))
    unlike = np.mean(np.array(found) > LIMIT)
    print(f"| {what} | {len(found)} | {middle:.1f} | {most:.1f} | {unlike:.0%} |", flush=True)


def drops(
    cric: Path, others: Sequence[Path], folds: Path, cache: Path, asked: tuple[int, int]
) -> None:
    """Hold the expected accuracy against the true one."""
    print(
        "\n| model, new pictures | features | held out | by threshold | by difference | true |\n"
        "|---|---|---:|---:|---:|---:|"
    )
    whole = of_manifest(cric)
    cells, number = asked
    for fold in sorted(folds.glob("repeat-1/fold-*"))[:number]:
        scores = read_scores(fold / "scores.csv")
        fields = stream(0, "halves").permutation(sorted({str(one) for one in scores.groups}))
        half = set(fields[: len(fields) // 2].tolist())
        known, names = of_half(scores, half), set(scores.ids)
        eyes = eyes_of(read_bundle(fold / "bundle"), threads=1)
        learned = [n for n, one in enumerate(whole.rows) if one.id not in names]
        rest = [n for n, one in enumerate(whole.rows) if one.id in names and one.group not in half]
        tag = f"{fold.name}-{cells}"
        train = kept(
            cache / f"{tag}-train.pickle",
            partial(look, whole.chosen(learned).drawn(cells, 0), eyes),
        )
        mine = whole.chosen(rest).drawn(cells, 0)
        for change in COSTLY:
            given = altered(mine, CHANGES[change])
            new = kept(
                cache / f"{tag}-{change.replace(' ', '-')}.pickle", partial(look, given, eyes)
            )
            row(f"{fold.name}, {change}", train, new, known, eyes)
        for other in others:
            given = of_manifest(other).drawn(cells, 0)
            new = kept(cache / f"{tag}-{other.stem}.pickle", partial(look, given, eyes))
            row(f"{fold.name}, {other.stem}", train, new, known, eyes)


def of_half(scores: Scores, groups: set[str]) -> Scores:
    """Keep the scores of some groups."""
    kept_ones = [n for n, one in enumerate(scores.groups) if one in groups]
    return replace(
        scores,
        ids=tuple(scores.ids[n] for n in kept_ones),
        groups=tuple(scores.groups[n] for n in kept_ones),
        truth=scores.truth[kept_ones],
        probabilities=scores.probabilities[kept_ones],
        paths=tuple(scores.paths[n] for n in kept_ones),
        boxes=tuple(scores.boxes[n] for n in kept_ones),
    )


def row(what: str, train: Looked, new: Looked, known: Scores, eyes: Eyes) -> None:
    """Print one comparison."""
    shift = compare(train, new, held_out=known, model=eyes.model).shift
    features = next(one for one in shift.families if one.name == "features")
    cost = shift.expected
    assert cost is not None
    told = [cost.held_out, cost.thresholded, cost.by_difference, cost.true]
    print(
        f"| {what}{'' if cost.of == 'classes' else ': ' + cost.of} | {features.finding}, "
        f"{features.tested.coefficient.value:.2f}, p {features.tested.p:.3f} | "
        f"{' | '.join(map(percent, told))} |",
        flush=True,
    )


def percent(one: Estimate | None) -> str:
    """Write a share and its interval."""
    return "" if one is None else f"{one.value:.0%} ({one.low:.0%} to {one.high:.0%})"


if __name__ == "__main__":
    main()
