"""One step of learning, and one look at validation, for Lightning to repeat.

Takes   a network, its preprocessing, a loss and the settings
Gives   a LightningModule that keeps its own history
Never   prints, writes a file, or touches the test set
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import papscope.torchvision_ops  # noqa: F401 -- first: makes timm and lightning importable

import lightning
import torch
from lightning.pytorch.utilities.types import LRSchedulerConfigType, OptimizerLRScheduler
from timm.models._manipulate import group_parameters
from timm.optim._param_groups import param_groups_layer_decay
from timm.utils.model_ema import ModelEmaV3
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassConfusionMatrix

from papscope.augment.online import augment
from papscope.dataset import Batch
from papscope.errors import SettingError, TrainingError
from papscope.network.backbones import head_names
from papscope.preprocess import Preprocess
from papscope.seeds import key, stream
from papscope.train.losses import Loss
from papscope.train.mixing import mixed
from papscope.train.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class EpochDone:
    """What one pass over the training set came to."""

    epoch: int
    """From 1."""
    train_loss: float
    learning_rate: float
    """Of the head, at the end of the epoch."""
    val_loss: float | None = None
    """None, as the next two, where there is no validation part."""
    val_accuracy: float | None = None
    val_macro_f1: float | None = None
    """Over the classes that validation holds."""

    def to_json(self) -> dict[str, Any]:
        """Give what is known of it."""
        return {name: value for name, value in asdict(self).items() if value is not None}


_CALMER = "lower --lr, or set --set clip=1"
_MOMENTUM = 0.1  # torch's own


def _quicken(network: nn.Module) -> None:
    """Let running statistics follow the weights within one short epoch.

    timm's TensorFlow ports move them by 1 % a step, for the thousands of steps of an ImageNet
    epoch; a data set of cells has dozens, and validation would see statistics of long-gone weights.
    """
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d) and layer.momentum is not None:
            layer.momentum = max(layer.momentum, _MOMENTUM)


def _depths(network: nn.Module, freeze: int) -> dict[str, int]:
    """Number the layers from the input up; every tensor of the head has the highest number.

    Raises:
        SettingError: so many layers are frozen that none is left below the head.
    """
    matcher = network.group_matcher(coarse=False)  # type: ignore[operator]  # all of timm's have it
    groups: dict[str, int] = group_parameters(network, matcher, reverse=True)
    head = head_names(network)
    highest = max(groups.values()) + 1
    depths = {name: highest if name in head else depth for name, depth in groups.items()}
    if freeze >= highest:
        raise SettingError(
            f"freeze is {freeze}; the network has {highest} layers below its head",
            hint="freeze fewer, or train the head alone by head_epochs",
        )
    return depths


class Classifier(lightning.LightningModule):
    """A network in training."""

    def __init__(
        self, network: nn.Module, preprocess: Preprocess, loss: Loss, settings: TrainSettings
    ) -> None:
        super().__init__()
        self.network = network
        self.settings = settings
        self.loss = loss
        _quicken(network)
        self.averaged = (
            ModelEmaV3(network, decay=settings.ema, use_warmup=True) if settings.ema else None
        )
        mean, std = torch.tensor(preprocess.mean), torch.tensor(preprocess.std)
        self.register_buffer("scale", (1 / (255 * std)).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("shift", (mean / std).view(1, 3, 1, 1), persistent=False)
        classes = network.num_classes
        assert isinstance(classes, int)
        self.confusion = MulticlassConfusionMatrix(classes)
        self.val_loss, self.train_loss = MeanMetric(), MeanMetric()
        self.history: list[EpochDone] = []
        self.depths = _depths(network, settings.freeze)
        self.draws = torch.Generator()
        self.mixing = stream(settings.seed, "mixup")

    def judged(self) -> nn.Module:
        """Give the network that validation sees and the bundle keeps."""
        if self.averaged is None:
            return self.network
        averaged = self.averaged.module
        assert isinstance(averaged, nn.Module)
        return averaged

    def planes(self, pictures: torch.Tensor) -> torch.Tensor:
        """Centre and scale (n, 3, s, s) pictures 0..255, as `preprocess.to_planes` does."""
        assert isinstance(self.scale, torch.Tensor)
        assert isinstance(self.shift, torch.Tensor)
        ready = pictures * self.scale - self.shift
        return ready.contiguous(memory_format=torch.channels_last)

    def on_train_epoch_start(self) -> None:
        """Choose the layers that learn in this epoch; the others' running statistics rest too."""
        lowest = self.settings.freeze
        if self.current_epoch < self.settings.head_epochs:
            lowest = max(self.depths.values())
        for name, tensor in self.network.named_parameters():
            tensor.requires_grad_(self.depths[name] >= lowest)
        # Lightning leaves the modes as it finds them, so they are set anew.
        self.network.train()
        for layer in self.network.modules():
            own = list(layer.parameters(recurse=False))
            if own and not any(tensor.requires_grad for tensor in own):
                layer.eval()

    def _seed(self, index: int) -> None:
        """Give a batch its own random numbers, which depend on the seed and its place alone.

        So a resumed run draws what an unbroken one would. Once an epoch would not do: what reads
        the data draws from torch's global numbers too, at moments that resuming changes.
        """
        purpose = f"epoch {self.current_epoch} batch {index} rank {self.global_rank}"
        torch.manual_seed(key(self.settings.seed, f"layers, {purpose}"))
        self.draws.manual_seed(key(self.settings.seed, f"pictures, {purpose}"))
        self.mixing = stream(self.settings.seed, f"mixup, {purpose}")

    def training_step(self, batch: Batch, index: int) -> torch.Tensor:
        """Learn from a batch of squares (n, s, s, 3)."""
        self._seed(index)
        squares, classes = batch
        pictures = augment(squares.permute(0, 3, 1, 2).float(), self.settings.augment, self.draws)
        wanted = nn.functional.one_hot(classes, self.network.num_classes).float()  # type: ignore[arg-type]
        pictures, wanted = mixed(pictures, wanted, self.settings, self.mixing)
        loss = self.loss(self.network(self.planes(pictures)), wanted)
        if not torch.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss.item()} in epoch {self.current_epoch + 1}, batch {index + 1}",
                hint=_CALMER,
            )
        self.train_loss.update(loss.detach(), len(classes))
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Move the averaged weights along."""
        if self.averaged is not None:
            self.averaged.update(self.network, step=self.global_step)

    def validation_step(self, batch: Batch, index: int) -> None:  # noqa: ARG002
        """Judge a batch of squares."""
        squares, classes = batch
        logits = self.judged()(self.planes(squares.permute(0, 3, 1, 2).float())).float()
        self.val_loss.update(nn.functional.cross_entropy(logits, classes), len(classes))
        self.confusion.update(logits, classes)

    def on_validation_epoch_end(self) -> None:
        """Judge the epoch, and tell Lightning what to choose by."""
        table = self.confusion.compute().double()
        hits, true, called = table.diag(), table.sum(1), table.sum(0)
        f1 = 2 * hits / (true + called).clamp(min=1)
        macro_f1, val_loss = f1[true > 0].mean().item(), self.val_loss.compute().item()
        if not isfinite(val_loss):
            raise TrainingError(
                f"the validation loss is {val_loss} after epoch {self.current_epoch + 1}",
                hint=_CALMER,
            )
        self.close_epoch(val_loss, (hits.sum() / table.sum()).item(), macro_f1)
        self.confusion.reset()
        self.val_loss.reset()
        self.log("val_macro_f1", macro_f1, sync_dist=False, rank_zero_only=False)

    def close_epoch(
        self,
        val_loss: float | None = None,
        val_accuracy: float | None = None,
        val_macro_f1: float | None = None,
    ) -> None:
        """Write the epoch into the history."""
        rate = self.optimizers().param_groups[-1]["lr"]  # type: ignore[union-attr]
        done = EpochDone(
            epoch=self.current_epoch + 1,
            train_loss=self.train_loss.compute().item(),
            learning_rate=float(rate),
            val_loss=val_loss,
            val_accuracy=val_accuracy,
            val_macro_f1=val_macro_f1,
        )
        self.train_loss.reset()
        self.history.append(done)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Make the optimiser, with a rate for each layer, and its schedule by steps."""
        groups = param_groups_layer_decay(
            self.network, self.settings.weight_decay, layer_decay=self.settings.layer_decay
        )
        rates = [self.settings.lr * float(group.pop("lr_scale", 1.0)) for group in groups]
        for group, rate in zip(groups, rates, strict=True):
            group.pop("param_names", None)
            group["lr"] = rate
        optimiser = self._optimiser(groups)
        schedule = self._schedule(optimiser, rates)
        if schedule is None:
            return optimiser
        by_step: LRSchedulerConfigType = {"scheduler": schedule, "interval": "step"}
        return {"optimizer": optimiser, "lr_scheduler": by_step}

    def _optimiser(self, groups: Sequence[dict[str, Any]]) -> torch.optim.Optimizer:
        if self.settings.optimiser == "sgd":
            return torch.optim.SGD(groups, lr=self.settings.lr, momentum=0.9, nesterov=True)
        if self.settings.optimiser == "adam":
            return torch.optim.Adam(groups, lr=self.settings.lr)
        return torch.optim.AdamW(groups, lr=self.settings.lr)

    def _schedule(self, optimiser: torch.optim.Optimizer, rates: list[float]) -> LRScheduler | None:
        steps = int(self.trainer.estimated_stepping_batches)
        if self.settings.schedule == "onecycle" and steps > 3:
            rise = max(0.25, 2 / steps)  # torch divides by the length of the rise less one step
            return OneCycleLR(optimiser, max_lr=rates, total_steps=steps, pct_start=rise)
        if self.settings.schedule == "cosine":
            return CosineAnnealingLR(optimiser, T_max=steps)
        return None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the history with the weights."""
        checkpoint["history"] = [done.to_json() for done in self.history]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the history up again."""
        self.history = [EpochDone(**done) for done in checkpoint["history"]]
