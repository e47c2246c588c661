"""The card of a model that ships: what it is, what it reached, where it fails, what it is not for.

Takes   the description of a bundle, which holds its numbers and its calibration
Gives   a card in Markdown
Never   tells a number without its interval, or leaves out what the model must not be used for

The form follows M. Mitchell et al., Model Cards for Model Reporting, FAT* 2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from papscope.bundle import Description
from papscope.evaluate.intervals import measure_from_json
from papscope.evaluate.release import OF_CLASS
from papscope.evaluate.summary import METRICS
from papscope.evaluate.tables import said
from papscope.readings import reading_of
from papscope.shipped import MARK
from papscope.taxonomy import GRADED, graded_places

CALIBRATION = "## Calibration"
_FEW = 100
"""A class with fewer cells than this is named among the failures."""

NOT_FOR = (
    "any diagnosis, triage, screening or second opinion of a patient: it is no medical device, and "
    "nobody has examined it as one",
    "telling that a slide is normal: it sees one cell at a time, and cannot exclude disease",
    "glandular lesions, infections, or anything that is none of its classes: it calls every "
    "picture one of them, also a picture of no cell",
    "other stains, liquid-based preparations, other microscopes and scales, without measuring it "
    "there first on cells that an expert has labelled",
)
"""What a model of single cells must not be used for."""


def card(name: str, about: Description) -> str:
    """Write the card of a shipped model in Markdown.

    Args:
        name: by which it ships.
        about: its description, with the metrics of `evaluate.release.measured`, a calibration,
            and under `provenance.shipped` its purpose, what pictures it expects, its licence,
            known failures, and the counts of cells and groups by class.
    """
    told = about.provenance[MARK]
    parts = (
        _opening(name, told),
        _answers(about, told),
        _pictures(about, told),
        _data(about, told),
        _training(about),
        _numbers(about.metrics),
        calibration_section(about.calibration, about.rules),
        _failures(about, told),
        "## Must not be used for\n\n" + _list(NOT_FOR),
        _licences(about, told),
        f"Use it with `papscope predict --model {name}` or "
        f'`papscope.load("{name}").predict(images)`.',
    )
    return "\n\n".join(parts) + "\n"


def _opening(name: str, told: Mapping[str, Any]) -> str:
    return f"""# {name}: {told["purpose"]}

**Research use only. Not a medical device.** It labels pictures of single cells; it gives no
diagnosis of a slide or a patient, and it cannot exclude disease."""


def _answers(about: Description, told: Mapping[str, Any]) -> str:
    counts, dataset = told["counts"], about.provenance.get("dataset")
    rows = (
        f"| {one.name} | {one.side or 'not said'} | {counts[one.name]['cells']} "
        f"| {counts[one.name]['groups']} | {reading_of(one, dataset).whole} |"
        for one in about.classes
    )
    text = "\n".join(
        [
            "## What it answers",
            "",
            f"| class | side | cells learned from | in how many {told['group_is']}s | meaning |",
            "|---|---|---:|---:|---|",
            *rows,
        ]
    )
    if graded_places(about.classes) is None:
        return text
    return f"""{text}

From these follow, by sums alone: **abnormal**, the probabilities of all abnormal classes together;
and the **four grades** {", ".join(GRADED)}: ASC-US and ASC-H are a cytologist's doubt and no grade,
so their probabilities are left out and the rest is scaled to sum to 1."""


def _pictures(about: Description, told: Mapping[str, Any]) -> str:
    size = about.preprocess.size
    return f"""## Which pictures it knows

{told["expects"]} Each is brought to {size} x {size} px. A whole field is answered as if it were one
cell, which means nothing: cut the cells first."""


def _data(about: Description, told: Mapping[str, Any]) -> str:
    known = about.provenance
    every = sum(one["cells"] for one in told["counts"].values())
    return f"""## Data

{every} cells of {known["dataset"]}, in {told["groups"]} {told["group_is"]}s: all that were at hand,
none held back (manifest {known["manifest_sha256"][:12]}).

- Licence of the data: {known["licence"]}
- Attribution: {known["citation"]}
- Changed: squares were cut around the labelled nuclei, and varied while training. No picture is in
  the model's files.
- Ages, countries and the reason of the examination of those whose cells these are: not published
  with the data."""


def _training(about: Description) -> str:
    known = about.provenance
    settings = known["training"]["settings"]
    return f"""## Training

{about.backbone}, {settings["epochs"]} epochs of batches of {settings["batch_size"]}, seed
{settings["seed"]}; every setting is in `bundle.json`. It began with {known["weights"]}. The command
`python benchmarks/shipped.py` in papscope's repository trains it again."""


def _numbers(metrics: Mapping[str, Any]) -> str:
    lines = [
        "## Numbers",
        "",
        f"Measured on {metrics['n']} cells in {metrics['groups']} groups, by {metrics['part']}.",
        "The model itself has learned from all of these cells, so that it cannot be measured on",
        "them. In square brackets: 95 % intervals over groups.",
        "",
        "| | measure | value | n |",
        "|---|---|---|---:|",
    ]
    for title, measures in metrics["sets"].items():
        for key, one in measures.items():
            number = said(measure_from_json(one))
            lines.append(f"| {title} | {METRICS[key].title} | {number} | {one['n']} |")
    heads = " | ".join(METRICS[key].title.lower() for key in OF_CLASS)
    lines += ["", f"| class | cells | groups | {heads} |", "|---|---:|---:|---|---|---|"]
    for name, one in metrics["per_class"].items():
        numbers = " | ".join(said(measure_from_json(one[key])) for key in OF_CLASS)
        support = one["support"]
        lines.append(f"| {name} | {support['n']} | {support['groups']} | {numbers} |")
    return "\n".join(lines)


def calibration_section(calibration: Mapping[str, Any], rules: Mapping[str, Any]) -> str:
    """Word a calibration, and what goes with it, as a section of a card.

    Args:
        calibration: a bundle's.
        rules: a bundle's; `{}` says nothing.
    """
    told = _sets_and_referral(rules)
    after = f"\n\n{told}" if told else ""
    if not calibration:
        return f"{CALIBRATION}\n\nNone: probabilities are as the network gives them.{after}"
    change = [
        f"{title} {calibration[f'{key}_before']:.3f} before, "
        f"{calibration[f'{key}_after']:.3f} after"
        for title, key in (("log-loss", "log_loss"), ("calibration error", "ece"))
        if f"{key}_before" in calibration
    ]
    gained = f" On groups held out of the fit: {'; '.join(change)}." if change else ""
    return (
        f"{CALIBRATION}\n\n{_form(calibration)}, fitted on "
        f"{calibration.get('fitted_on', 'images that are not named')}.{gained}{after}"
    )


def _form(calibration: Mapping[str, Any]) -> str:
    if calibration.get("method") == "vector":
        return "A factor and a shift for each class (vector scaling)"
    if calibration.get("method") == "dirichlet":
        return "A matrix that weighs the classes against each other (Dirichlet calibration)"
    bias = " and a shift for each class" if calibration.get("bias") else ""
    return f"Temperature {calibration['temperature']:.3f}{bias}"


def _sets_and_referral(rules: Mapping[str, Any]) -> str:
    """Say what prediction sets and referral promise, and to whom they promise nothing."""
    sentences = []
    if "sets" in rules:
        sets = rules["sets"]
        whose = "cells of each class" if sets.get("by") == "class" else "cells"
        unsure = ", ".join(sets.get("without_promise", []))
        but = f", but for {unsure}, which too few groups show" if unsure else ""
        sentences.append(
            f"Prediction sets hold the right class for {sets['coverage']:.0%} of the {whose} of a "
            f"new group{but}."
        )
    if "refer" in rules:
        one = rules["refer"]
        sentences.append(
            f"A cell is referred to a person from an abnormal probability of {one['abnormal']:.3f} "
            f"on, which refers {one['sensitivity']:.0%} of the abnormal cells of a new group."
        )
    if sentences:
        sentences.append(
            "A promise is kept on the average of new groups that are like those it was fitted on, "
            "not in each group, and not for another laboratory."
        )
    return " ".join(sentences)


def with_calibration(
    text: str, calibration: Mapping[str, Any], rules: Mapping[str, Any] | None = None
) -> str:
    r"""Put a calibration's section into a card, in the place of an older one or at its end.

    >>> old = "# M\n\n## Calibration\n\nOld.\n\n## Data\n\nMine.\n"
    >>> with_calibration(old, {}).splitlines()[4:]
    ['None: probabilities are as the network gives them.', '', '## Data', '', 'Mine.']
    """
    section = calibration_section(calibration, rules or {})
    head, found, rest = text.partition(f"{CALIBRATION}\n")
    if not found:
        return f"{text.rstrip()}\n\n{section}\n".lstrip()
    _, more, tail = rest.partition("\n## ")
    return f"{head}{section}\n" + (f"\n## {tail}" if more else "")


def _failures(about: Description, told: Mapping[str, Any]) -> str:
    return "## Known failures\n\n" + _list([*_rare(about, told), *told["failures"]])


def _rare(about: Description, told: Mapping[str, Any]) -> Iterator[str]:
    few = [
        f"{one.name} ({told['counts'][one.name]['cells']} cells in "
        f"{told['counts'][one.name]['groups']} {told['group_is']}s)"
        for one in about.classes
        if told["counts"][one.name]["cells"] < _FEW
    ]
    if few:
        yield (
            f"few cells to learn from: {' and '.join(few)}; it misses some of them, as the "
            "recall above tells, and what it tells is known only roughly"
        )


def _list(items: Sequence[str]) -> str:
    return "\n".join(f"- {item[0].upper()}{item[1:]}." for item in items)


def _licences(about: Description, told: Mapping[str, Any]) -> str:
    return f"""## Licences

The weights: {told["licence"]}. {told["start"]} The data: {about.provenance["licence"]}, as above;
whoever passes the model on passes the attribution on."""
