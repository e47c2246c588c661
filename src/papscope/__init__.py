"""papscope reads Pap-smear images and says how well, on research terms.

Takes   the name of a stage
Gives   the function that does it, imported when it is first asked for
Never   imports numpy or torch by itself, or lets a library tell anybody what is done here
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# From 1.29 on, onnxruntime reports to its maker which models run on which machine unless this is
# set before it is imported, wherever that may be.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from papscope.augment.children import OfflineSettings
    from papscope.augment.offline import extend
    from papscope.bundle import read_bundle
    from papscope.checks.leaks import audit_split
    from papscope.checks.run import check
    from papscope.cutting import cut, cut_folds, fold_split
    from papscope.evaluate.calibrating import calibrate
    from papscope.evaluate.compare import compare
    from papscope.evaluate.doubts import find_doubts
    from papscope.evaluate.summary import summarise
    from papscope.evidence.measuring import EvidenceInput
    from papscope.evidence.pack import evidence
    from papscope.export.images import Divided
    from papscope.export.int8 import Int8Settings, export_int8
    from papscope.export.onnx import export_onnx
    from papscope.fusing.fit import fuse
    from papscope.fusing.settings import FuseSettings
    from papscope.importing import import_images
    from papscope.manifest import read_manifest, write_manifest
    from papscope.network.joining import join_bundles
    from papscope.predict.predictor import load
    from papscope.relabelling.applying import relabel
    from papscope.relabelling.suspects import write_suspects
    from papscope.relabelling.verdicts import read_verdicts
    from papscope.report.doubts_page import write_doubts_page
    from papscope.report.page import write_report
    from papscope.scores import read_scores, write_scores
    from papscope.scoring import score
    from papscope.shift.run import measure_shift
    from papscope.shipped import shipped_models
    from papscope.split import read_split, write_split
    from papscope.studies.chain import run_chain
    from papscope.studies.chain_recipe import read_chain
    from papscope.studies.crossval import cross_validate
    from papscope.studies.crossval_settings import CrossvalSettings
    from papscope.train.fit import fit
    from papscope.train.settings import TrainSettings

__all__ = [
    "CrossvalSettings",
    "Divided",
    "EvidenceInput",
    "FuseSettings",
    "Int8Settings",
    "OfflineSettings",
    "TrainSettings",
    "__version__",
    "audit_split",
    "calibrate",
    "check",
    "compare",
    "cross_validate",
    "cut",
    "cut_folds",
    "evidence",
    "export_int8",
    "export_onnx",
    "extend",
    "find_doubts",
    "fit",
    "fold_split",
    "fuse",
    "import_images",
    "join_bundles",
    "load",
    "measure_shift",
    "read_bundle",
    "read_chain",
    "read_manifest",
    "read_scores",
    "read_split",
    "read_verdicts",
    "relabel",
    "run_chain",
    "score",
    "shipped_models",
    "summarise",
    "write_doubts_page",
    "write_manifest",
    "write_report",
    "write_scores",
    "write_split",
    "write_suspects",
]

_HOME = {
    "CrossvalSettings": "studies.crossval_settings",
    "Divided": "export.images",
    "EvidenceInput": "evidence.measuring",
    "FuseSettings": "fusing.settings",
    "Int8Settings": "export.int8",
    "OfflineSettings": "augment.children",
    "TrainSettings": "train.settings",
    "audit_split": "checks.leaks",
    "calibrate": "evaluate.calibrating",
    "check": "checks.run",
    "compare": "evaluate.compare",
    "cross_validate": "studies.crossval",
    "cut": "cutting",
    "cut_folds": "cutting",
    "evidence": "evidence.pack",
    "export_int8": "export.int8",
    "export_onnx": "export.onnx",
    "extend": "augment.offline",
    "find_doubts": "evaluate.doubts",
    "fit": "train.fit",
    "fold_split": "cutting",
    "fuse": "fusing.fit",
    "import_images": "importing",
    "join_bundles": "network.joining",
    "load": "predict.predictor",
    "measure_shift": "shift.run",
    "read_bundle": "bundle",
    "read_chain": "studies.chain_recipe",
    "read_manifest": "manifest",
    "read_scores": "scores",
    "read_split": "split",
    "read_verdicts": "relabelling.verdicts",
    "relabel": "relabelling.applying",
    "run_chain": "studies.chain",
    "score": "scoring",
    "shipped_models": "shipped",
    "summarise": "evaluate.summary",
    "write_doubts_page": "report.doubts_page",
    "write_manifest": "manifest",
    "write_report": "report.page",
    "write_scores": "scores",
    "write_split": "split",
    "write_suspects": "relabelling.suspects",
}


def __getattr__(name: str) -> Any:
    """Import a name from where it lives, when it is first asked for (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'papscope' has no attribute {name!r}")
    value = getattr(import_module(f"papscope.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
