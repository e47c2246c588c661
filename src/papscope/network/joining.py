"""Several bundles as one, and one as several: ensembles, without a network being built.

Takes   bundles of the same classes, for pictures prepared the same way
Gives   the description and the tensors of one bundle of kind `ensemble`, or its members again
Never   needs torch, reads or writes a file, or joins what does not answer the same question
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from papscope.bundle import Bundle, Description, Tensors, refuse_exported
from papscope.errors import BundleError, SettingError
from papscope.network.account import Member, metrics_of, provenance_of, told_of
from papscope.network.alike import check_alike, check_joinable

KIND = "ensemble"


def join_bundles(
    bundles: Sequence[Bundle], *, orientations: bool | None = None
) -> tuple[Description, Tensors]:
    """Join bundles into an ensemble, which answers with the mean of their probabilities.

    Ensembles among them are taken apart: each of their members counts as one. Members' calibration
    is left behind, for the mean of calibrated answers is not calibrated.

    Args:
        bundles: two or more; folds, seeds or backbones.
        orientations: whether each answer is the mean over the eight orientations of the picture;
            None does as the bundles do.

    Raises:
        SettingError: they are fewer than two, one is there twice, they differ in classes,
            preprocessing or orientations, or one cannot be a member.
        BundleError: one was exported, is of an unknown kind, or an ensemble that is not what it
            says.
    """
    members = [
        member for place, bundle in enumerate(bundles, 1) for member in _members(bundle, place)
    ]
    if len(members) < 2:
        raise SettingError(
            f"an ensemble is of two bundles or more; {len(members)} given", hint="name another one"
        )
    check_alike(members)
    turned = _orientations(members) if orientations is None else orientations
    first = members[0].bundle.description
    network: dict[str, Any] = {
        "kind": KIND,
        "members": [
            {"backbone": one.bundle.description.backbone, "network": _network(one)}
            for one in members
        ],
        **({"orientations": True} if turned else {}),
    }
    about = Description(
        classes=first.classes,
        preprocess=first.preprocess,
        backbone=_called(members),
        network=network,
        provenance=provenance_of([one.description.provenance for one in bundles], members),
        metrics=metrics_of(),
    )
    tensors = {
        f"members.{place}.{name}": value
        for place, one in enumerate(members)
        for name, value in one.bundle.tensors.items()
    }
    return about, tensors


def members_of(bundle: Bundle) -> tuple[Bundle, ...]:
    """Take an ensemble apart, each member as if it were a bundle.

    Raises:
        BundleError: it names no member, or holds tensors of none.
    """
    about = bundle.description
    told = about.network.get("members")
    if not isinstance(told, list) or not told:
        raise _unlike("it names no member")
    left = set(bundle.tensors)
    found = []
    for place, member in enumerate(told):
        start = f"members.{place}."
        own = {name: value for name, value in bundle.tensors.items() if name.startswith(start)}
        left -= own.keys()
        try:
            description = replace(about, backbone=member["backbone"], network=member["network"])
        except (KeyError, TypeError):
            raise _unlike(f"member {place} is not described") from None
        tensors = {name.removeprefix(start): value for name, value in own.items()}
        found.append(Bundle(description, tensors, bundle.digest))
    if left:
        raise _unlike(f"{min(left)} is no member's")
    return tuple(found)


def _unlike(why: str) -> BundleError:
    return BundleError(
        f"the weights are not those of the ensemble: {why}",
        hint="copy the bundle again from where it was made",
    )


def _members(bundle: Bundle, place: int) -> Iterator[Member]:
    """Give a bundle as a member, or the members of an ensemble."""
    about = bundle.description
    called = f"bundle {place} ({about.backbone}, {bundle.digest[:12]})"
    refuse_exported(bundle)
    check_joinable(bundle, called)
    if about.kind != KIND:
        yield Member(called, bundle, told_of(bundle))
        return
    known = about.provenance
    common = (known.get("training") or {}).get("settings") or {}
    told = known.get("members") or []
    for number, one in enumerate(members_of(bundle)):
        note = dict(told[number]) if number < len(told) else told_of(one)
        note["settings"] = {**common, **note.get("settings", {})}
        turned = one.with_orientations(about.orientations)
        yield Member(f"{called}, member {number + 1}", turned, note)


def _orientations(members: Sequence[Member]) -> bool:
    first = members[0]
    turned = first.bundle.description.orientations
    for other in members[1:]:
        if other.bundle.description.orientations != turned:
            yes, no = (first, other) if turned else (other, first)
            raise SettingError(
                f"{yes.called} answers over all orientations, {no.called} does not",
                hint="say which the ensemble shall do: --orientations or --no-orientations",
            )
    return turned


def _network(member: Member) -> dict[str, Any]:
    """Give how a member is built; orientations are the whole ensemble's matter."""
    told = member.bundle.description.network
    return {key: value for key, value in told.items() if key != "orientations"}


def _called(members: Sequence[Member]) -> str:
    counts = Counter(one.bundle.description.backbone for one in members)
    return f"ensemble of {' and '.join(f'{count} {name}' for name, count in counts.items())}"
