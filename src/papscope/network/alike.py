"""Whether models can answer together.

Takes   the members that an ensemble shall have
Gives   nothing, or an error that says what differs, and in which of them
Never   builds a network, or looks at weights
"""

from __future__ import annotations

from collections.abc import Sequence

from papscope.bundle import Bundle
from papscope.errors import BundleError, SettingError
from papscope.network.account import Member

_JOINABLE = ("single", "fusion", "ensemble")
_LONGEST = 60
"""Characters that an error spends on a value."""


def check_joinable(bundle: Bundle, called: str) -> None:
    """Refuse what cannot be a member.

    Raises:
        SettingError: it asks for more than planes.
        BundleError: it is of an unknown kind.
    """
    about = bundle.description
    if about.kind not in _JOINABLE:
        raise BundleError(
            f"{called} is of kind {about.kind!r}, which this papscope does not know",
            hint="update papscope to the release that wrote it",
        )
    if about.network.get("shape"):
        raise SettingError(
            f"{called} measures the shape of cells, which no ensemble passes on to its members",
            hint="fuse without shape, or leave it out",
        )


def check_alike(members: Sequence[Member]) -> None:
    """Refuse members that are there twice, or differ in what all must share.

    Raises:
        SettingError: says what differs, and in which.
    """
    _refuse_twice(members)
    for member in members[1:]:
        _check_classes(members[0], member)
        _check_preprocess(members[0], member)


def _refuse_twice(members: Sequence[Member]) -> None:
    first: dict[str, Member] = {}
    for one in members:
        digest = str(one.told["bundle_sha256"])
        if digest in first:
            raise SettingError(
                f"{one.called} is the same as {first[digest].called}", hint="name each once"
            )
        first[digest] = one


def _check_classes(first: Member, other: Member) -> None:
    mine, theirs = (one.bundle.description.classes for one in (first, other))
    names, others = ([one.name for one in classes] for classes in (mine, theirs))
    if names != others:
        raise SettingError(
            f"the classes differ: those of {first.called} are {', '.join(names)}; those of "
            f"{other.called} are {', '.join(others)}",
            hint="join models that were trained for the same classes, in the same order",
        )
    for one, same in zip(mine, theirs, strict=True):
        if (one.side, one.bethesda) != (same.side, same.bethesda):
            raise SettingError(
                f"the class {one.name} is {one.side}, {one.bethesda} in {first.called} and "
                f"{same.side}, {same.bethesda} in {other.called}",
                hint="join models whose manifests were imported the same way",
            )


def _check_preprocess(first: Member, other: Member) -> None:
    mine, theirs = (one.bundle.description.preprocess.to_json() for one in (first, other))
    odd = [name for name in sorted({*mine, *theirs}) if mine.get(name) != theirs.get(name)]
    if odd:
        told = "; ".join(
            f"{key} {_short(mine.get(key))} and {_short(theirs.get(key))}" for key in odd
        )
        raise SettingError(
            f"{first.called} and {other.called} take differently prepared pictures: {told}",
            hint="join models that were trained with the same preprocessing",
        )


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
