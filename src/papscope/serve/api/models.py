"""`GET /v1/models`: what answers here, and what is known of it.

Takes   nothing
Gives   each model's name, digest, classes, input, purpose, measures, calibration and card
Never   tells where a bundle lies
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict

from papscope.serve.api.problems import problems
from papscope.serve.asked import Held, Reader
from papscope.serve.models import Model
from papscope.serve.promises import promises

router = APIRouter(tags=["models"])

_EXAMPLE: JsonDict = {
    "name": "cric-bethesda",
    "digest": "5b1f" * 16,
    "default": True,
    "classes": [{"name": "NILM", "side": "normal"}, {"name": "HSIL", "side": "abnormal"}],
    "input": {"size": 224, "fit": "squash", "filter": "bilinear"},
    "backbone": "tf_efficientnet_lite0",
    "purpose": "single cells in the six Bethesda categories",
    "expects": "crops of single nuclei from conventional Pap smears at 40x",
    "licence": "CC BY 4.0",
    "metrics": {},
    "calibration": {"method": "temperature", "temperature": 1.2},
    "rules": {"refer": {"abnormal": 0.25, "sensitivity": 0.95}, "fitted_on": "validation"},
    "promises": ["95% of the abnormal cells of a new group are left for a person"],
    "card": "# Model card",
}


class ModelClass(BaseModel):
    """One class that the model tells apart."""

    model_config = ConfigDict(extra="allow")
    name: str


class ModelForm(BaseModel):
    """A model that answers here."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})
    name: str
    digest: str
    default: bool
    """Whether it answers where a request names none."""
    classes: list[ModelClass]
    input: dict[str, Any]
    """How pictures are brought to what the network takes."""
    backbone: str
    purpose: str
    expects: str
    licence: str
    metrics: dict[str, Any]
    calibration: dict[str, Any]
    rules: dict[str, Any]
    """When it must not decide alone; empty where it carries none."""
    promises: list[str]
    """What these rules promise, in sentences, or that there are none."""
    card: str
    """Markdown."""


class ModelList(BaseModel):
    """All models that answer here, the default one first."""

    models: list[ModelForm]


@router.get("/v1/models", responses=problems())
def models(held: Held, person: Reader) -> ModelList:
    """Tell which models answer here, and what is known of each."""
    del person
    default = held.models.named()
    return ModelList(models=[_form(one, default=one is default) for one in held.models])


def _form(model: Model, *, default: bool) -> ModelForm:
    about = model.predictor.about
    shipped = about.provenance.get("shipped")
    told = shipped if isinstance(shipped, dict) else {}
    return ModelForm(
        name=model.name,
        digest=model.digest,
        default=default,
        classes=[ModelClass.model_validate(one.to_json()) for one in about.classes],
        input=about.preprocess.to_json(),
        backbone=about.backbone,
        purpose=str(told.get("purpose", "")),
        expects=str(told.get("expects", "")),
        licence=str(told.get("licence", "")),
        metrics=dict(about.metrics),
        calibration=dict(about.calibration),
        rules=dict(about.rules),
        promises=list(promises(about)),
        card=model.card,
    )
