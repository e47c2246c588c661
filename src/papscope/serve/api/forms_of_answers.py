"""The JSON forms of what models say, and of what their rules make of it.

Takes   frozen records of the service's rooms
Gives   what OpenAPI describes, with examples
Never   computes
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from papscope.rules import REASONS

_ANSWER: JsonDict = {
    "number": 7,
    "label": "HSIL",
    "probability": 0.8,
    "abnormal": 0.95,
    "risk": 0.74,
    "certainty": 0.6,
    "probabilities": {"NILM": 0.05, "LSIL": 0.15, "HSIL": 0.8},
    "labels": ["LSIL", "HSIL"],
    "refer": ["several-classes"],
    "reasons": [REASONS["several-classes"]],
    "strangeness": 0.4,
    "unlike": False,
    "model": "cric-6",
    "model_digest": "0" * 64,
}

Chance = Annotated[float, Field(ge=0, le=1)]


class Form(BaseModel):
    """What all forms share: they are filled from records."""

    model_config = ConfigDict(from_attributes=True)


class AnswerForm(Form):
    """What a model said of a picture."""

    model_config = ConfigDict(json_schema_extra={"example": _ANSWER})

    number: int
    label: str
    probability: Chance
    abnormal: Chance | None
    risk: Chance
    certainty: Chance
    probabilities: dict[str, float]
    labels: list[str] | None
    """The prediction set; null where the model has no rule for sets."""
    refer: list[str] | None
    """Codes of why a person must see it; empty where no rule asks for that, null without rules."""
    reasons: list[str] | None
    """The same in sentences."""
    strangeness: float | None
    """Above 1 it is unlike all that was learned from; null where the model has no gate."""
    unlike: bool
    """Whether it is unlike all that the model learned from, so that its class means nothing."""
    model: str
    model_digest: str


class FailureForm(Form):
    """Why a model said nothing."""

    code: str
    reason: str


class ReasonForm(Form):
    """Why pictures are left to a person, and how many of a case are."""

    code: str
    what: str
    images: int


class ReferralForm(Form):
    """What the models' rules make of a case's pictures, by their newest answers."""

    referred: int
    set_aside: int
    """Answered by a model with rules, none of which asks for a person."""
    without_rules: int
    reasons: list[ReasonForm]
    """In their order; one picture may have several."""
