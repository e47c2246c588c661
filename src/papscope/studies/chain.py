"""Train in a chain: each stage begins from the model of the one before it.

Takes   a chain's recipe, where its data lie, and a folder
Gives   the last stage's bundle, which tells of all, and whether the chain was worth it
Never   begins to train before every stage's data and settings are known to do, or looks at the
        last stage's test images before its end

The folder holds `chain.json` (what was asked for), `stage-1-NAME/`, ... (each a training run, with
its manifest and split), `bundle/`, and where the last stage is also trained alone `single/`,
`scores-chain.csv`, `scores-single.csv` and `comparison.json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from papscope.bundle import Bundle, read_bundle, write_bundle
from papscope.errors import SplitError
from papscope.evaluate.compare import MAIN, Compared, Comparison, compare
from papscope.files import write_json
from papscope.scores import Scores, write_scores
from papscope.scoring import score
from papscope.studies.chain_account import Trained, chain_card, chain_description
from papscope.studies.chain_data import JUDGED, Images, Places, images_of
from papscope.studies.chain_folder import Ready, lay_out, refuse_other
from papscope.studies.chain_recipe import ChainRecipe
from papscope.studies.chain_stage import ChainWatch, refuse_unfit, train_stage
from papscope.train.run import BUNDLE

SINGLE, COMPARISON = "single", "comparison.json"
SCORES = {"a": "scores-single.csv", "b": "scores-chain.csv"}
NAMES = {"a": "the single stage", "b": "the chain"}


@dataclass(frozen=True, slots=True)
class Chained:
    """What a chain came to."""

    bundle: Path
    digest: str
    stages: tuple[Trained, ...]
    comparison: Comparison | None
    """a is the last stage trained alone, b is the chain; None where nobody asked."""
    verdict: str | None
    """Whether the chain helped, in a sentence."""


def run_chain(
    recipe: ChainRecipe,
    folder: Path,
    places: Places | None = None,
    *,
    resume: bool = False,
    watch: ChainWatch | None = None,
) -> Chained:
    """Train all stages of a chain, and compare its model with the last stage trained alone.

    Args:
        recipe: from `read_chain`.
        folder: where everything goes; made if absent.
        places: where the data sets lie that the stages name.
        resume: go on with a chain that was cut off: finished stages are verified and kept, the one
            that was cut off goes on from its last whole epoch.
        watch: who hears how it goes.

    Raises:
        SettingError: a class is unknown, or a network cannot be built so.
        SourceError, TableError, SplitError: a stage's data are not there, damaged, cannot be
            divided so, or hold test images of the last stage, or there is nothing to compare on.
        TrainingError: there is another chain in the folder, a finished stage was changed, or a
            stage cannot be trained: see `fit`.
        WeightsError, ImageError, DiskError: see `fit`.
        Interrupted: Ctrl-C ended a stage; a `KeyboardInterrupt`.
    """
    watch = watch or ChainWatch()
    refuse_other(folder, recipe, resume=resume)
    found = images_of(recipe, places or Places(), watch.tell)
    _refuse_untested(recipe, found)
    stages = lay_out(folder, recipe, found, resume=resume)
    refuse_unfit(stages, recipe.about.seed)
    trained: list[Trained] = []
    for ready in stages:
        stage = ready.images.stage
        watch.on_stage(f"stage {stage.number} of {len(stages)}: {_told(ready)}")
        if _teaches_nothing(ready, stages):
            watch.on_note(
                "only the head learns here, and the next stage replaces it: set head_epochs below "
                "epochs, or this stage hands on what it began from"
            )
        source = trained[-1] if trained else None
        weights = str(source.ready.folder / BUNDLE) if source else stage.train.weights
        seed = recipe.about.seed
        trained.append(train_stage(ready, ready.folder, weights, source, seed, watch))
    digest = _write(folder / BUNDLE, recipe.about.name, trained)
    comparison = _compared(folder, recipe, stages[-1], watch) if recipe.about.compare else None
    verdict = helped(comparison) if comparison else None
    return Chained(folder / BUNDLE, digest, tuple(trained), comparison, verdict)


def _refuse_untested(recipe: ChainRecipe, found: Sequence[Images]) -> None:
    last = found[-1]
    if recipe.about.compare and JUDGED not in last.split.parts:
        raise SplitError(
            f"{last.stage.called}, has no test images to compare on",
            hint="give it a share for test, or leave the comparison out with --no-compare",
        )


def _told(ready: Ready) -> str:
    stage, parts = ready.images.stage, list(ready.split.part_of.values())
    counts = ", ".join(f"{parts.count(part)} {part}" for part in ready.split.parts)
    return (
        f"{stage.data.called}: {len(ready.manifest.classes)} classes of {ready.manifest.dataset}, "
        f"{counts}; {stage.train.epochs} epochs at {stage.train.size} px"
    )


def _teaches_nothing(ready: Ready, stages: Sequence[Ready]) -> bool:
    stage = ready.images.stage
    if stage.number == len(stages) or stage.train.head_epochs < stage.train.epochs:
        return False
    return ready.manifest.class_names != stages[stage.number].manifest.class_names


def _write(place: Path, name: str, trained: Sequence[Trained]) -> str:
    """Write the last stage's model with the account of all stages."""
    about = chain_description(name, trained)
    return write_bundle(place, about, trained[-1].bundle.tensors, chain_card(about))


def _compared(folder: Path, recipe: ChainRecipe, last: Ready, watch: ChainWatch) -> Comparison:
    """Train the last stage alone, let both answer for its test images, and compare."""
    weights = recipe.stages[0].train.weights
    watch.on_stage(f"for comparison: {last.images.stage.data.called} alone, from {weights}")
    alone = train_stage(last, folder / SINGLE, weights, None, recipe.about.seed, watch)
    bundles = {"a": alone.bundle, "b": read_bundle(folder / BUNDLE)}
    scores = {}
    for key, bundle in bundles.items():
        scores[key] = _scored(bundle, last, watch)
        write_scores(folder / SCORES[key], scores[key])
    about = recipe.about
    found = compare(scores["a"], scores["b"], resamples=about.resamples, seed=about.seed)
    told = {**found.to_json(), "names": NAMES, "verdict": helped(found)}
    write_json(folder / COMPARISON, told)
    return found


def _scored(bundle: Bundle, last: Ready, watch: ChainWatch) -> Scores:
    return score(bundle, last.manifest, split=last.split, part=JUDGED, tell=watch.tell)


def helped(found: Comparison, key: str = MAIN) -> str:
    """Say plainly whether a chain was worth it, by one measure.

    Args:
        found: a is the last stage trained alone, b is the chain.
        key: of `papscope.evaluate.compare.MEASURES`.
    """
    one = found.measures[key]
    told = found.verdict(key, **NAMES)
    if not isinstance(one, Compared):
        return f"nobody can say whether the chain helped: {told}"
    words = {"a": "the chain did harm", "b": "the chain helped", None: "the chain did not help"}
    return f"{words[one.better]}: {told}"
