"""One stage of a chain: refused before the chain begins, trained when its turn comes.

Takes   a stage whose manifest and split are files, and the bundle that it begins from
Gives   a finished stage with its bundle
Never   trains a finished stage again, or takes it unverified
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from papscope.augment.children import OfflineSettings
from papscope.augment.offline import extend
from papscope.augment.plan import plan
from papscope.bundle import read_bundle
from papscope.manifest import Manifest, read_polygons
from papscope.network.backbones import build
from papscope.network.weights import fill
from papscope.split import Split
from papscope.studies.chain_account import Trained
from papscope.studies.chain_folder import Ready, begun, finish, finished
from papscope.train.fit import fit
from papscope.train.run import BUNDLE
from papscope.train.trainer import Watch

EXTENDED = "extended"


class Interrupted(KeyboardInterrupt):
    """Ctrl-C ended a stage; the chain can be resumed."""


@dataclass(frozen=True, slots=True)
class ChainWatch(Watch):
    """Who hears how a chain goes."""

    on_stage: Callable[[str], None] = lambda _: None
    """Hears a heading when a stage begins."""

    def of(self, what: str) -> Watch:
        """Listen to one training, whose name stands before what it tells."""
        return Watch(
            lambda told, done, total: self.tell(f"{what}: {told}", done, total),
            self.on_epoch,
            self.on_note,
        )


def refuse_unfit(stages: Sequence[Ready], seed: int) -> None:
    """Refuse what cannot be trained: sizes, weights to begin from, images to be made.

    Args:
        stages: all of a chain.
        seed: of the images that are made beforehand.

    Raises:
        SettingError: a network cannot be built at its stage's size, or images cannot be made.
        WeightsError: the first stage's weights do not fit; those of timm's hub are not asked for.
        ImageError, DiskError, MissingExtra: images cannot be made.
    """
    for number, ready in enumerate(stages):
        stage = ready.images.stage
        how = stage.train
        with stage.named():
            network = build(
                how.backbone,
                len(ready.manifest.classes),
                size=how.size,
                drop_rate=how.drop_rate,
                drop_path_rate=how.drop_path_rate,
            )
            if number == 0 and how.weights != "imagenet":
                fill(network, how.backbone, how.weights, ready.manifest.class_names)
            if stage.data.extend is not None:
                settings = OfflineSettings(kind=stage.data.extend, seed=seed)
                plan(ready.manifest, ready.split, ready.folder / EXTENDED, settings)


def train_stage(
    ready: Ready, run: Path, weights: str, source: Trained | None, seed: int, watch: ChainWatch
) -> Trained:
    """Train a stage, go on with it, or take it as finished.

    Args:
        ready: its images.
        run: the folder of its training.
        weights: what it begins from: the settings' word, or a bundle's folder.
        source: the stage whose bundle that is; None for other weights.
        seed: of the images that are made beforehand.
        watch: who hears how it goes.

    Raises:
        Interrupted: Ctrl-C ended it.
        PapscopeError: see `fit`, `finished` and `papscope.augment.offline.extend`.
    """
    stage = ready.images.stage
    named = weights if source is None else source.ready.images.stage.called
    began_from = None if source is None else source.bundle.digest
    bundle = finished(run, began_from)
    if bundle is not None:
        watch.on_note(f"finished before, verified: {run}")
        return Trained(ready, bundle, named)
    here = watch.of(stage.data.called)
    manifest, split = _extended(ready, seed, here)
    settings = replace(stage.train, weights=weights)
    fitted = fit(manifest, split, settings, run, resume=begun(run), watch=here)
    if fitted.interrupted:
        raise Interrupted
    finish(run, fitted.digest, began_from)
    return Trained(ready, read_bundle(run / BUNDLE), named)


def _extended(ready: Ready, seed: int, watch: Watch) -> tuple[Manifest, Split]:
    """Multiply the training images where the stage asks for it; what was made before is kept."""
    kind = ready.images.stage.data.extend
    if kind is None:
        return ready.manifest, ready.split
    made = extend(
        ready.manifest,
        ready.split,
        ready.folder / EXTENDED,
        settings=OfflineSettings(kind=kind, seed=seed),
        polygons=read_polygons(ready.files[0]),
        tell=watch.tell,
    )
    watch.on_note(f"{made.made} training images made beforehand ({kind})")
    return made.manifest, made.split
