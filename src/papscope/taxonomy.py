"""What the classes of each data set may be taken to mean, in one place.

Takes   a data set's name and one of its class names
Gives   the class's group, Bethesda category (where the literature supports one) and order
Never   gives a slide or a patient a diagnosis: these are labels of single cells

Why each class has its category, and what a report may say of it: `papscope.readings`, with sources.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from papscope.errors import SettingError

Side = Literal["normal", "abnormal"]


@dataclass(frozen=True, slots=True)
class CellClass:
    """A class of cells and what is known of its meaning."""

    name: str
    side: Side | None = None
    """Normal or abnormal; None where nobody has said."""
    bethesda: str | None = None
    """The Bethesda category that such a cell is consistent with; None where no single one is."""
    grade: int | None = None
    """Place in the order of severity, 0 the mildest; equal places are equally severe.

    None where the class has no place in such an order.
    """
    note: str = ""
    """A sentence for reports; empty where the name says it all."""

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form that manifests, bundles and scores carry."""
        return {
            "name": self.name,
            "side": self.side,
            "bethesda": self.bethesda,
            "grade": self.grade,
            "note": self.note,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CellClass:
        """Read the JSON form.

        Raises:
            SettingError: the value is not the JSON form of a class.
        """
        name, side, grade = value.get("name"), value.get("side"), value.get("grade")
        right = isinstance(name, str) and name and side in (None, "normal", "abnormal")
        if not right or not (grade is None or isinstance(grade, int)):
            raise SettingError(
                f"{dict(value)!r} does not describe a class", hint="make the file again"
            )
        bethesda = value.get("bethesda")
        return cls(str(name), side, bethesda, grade, str(value.get("note", "")))


_NILM = "NILM"
_SIPAKMED = (
    CellClass("Dyskeratotic", "abnormal", None, None, "abnormal keratinisation: refer"),
    CellClass("Koilocytotic", "abnormal", "LSIL", None, "HPV cytopathic effect"),
    CellClass("Metaplastic", "normal", _NILM, None, "squamous metaplasia, benign"),
    CellClass("Parabasal", "normal", _NILM, None, "immature cell, a mimic of ASC-H"),
    CellClass("Superficial-Intermediate", "normal", _NILM, None),
)
_HERLEV = (
    CellClass("normal_superficiel", "normal", _NILM, 0, "superficial squamous cell"),
    CellClass("normal_intermediate", "normal", _NILM, 0, "intermediate squamous cell"),
    CellClass("normal_columnar", "normal", _NILM, 0, "columnar (endocervical) cell"),
    CellClass("light_dysplastic", "abnormal", "LSIL", 1, "mild dysplasia"),
    CellClass("moderate_dysplastic", "abnormal", "HSIL", 2, "moderate dysplasia"),
    CellClass("severe_dysplastic", "abnormal", "HSIL", 3, "severe dysplasia"),
    CellClass("carcinoma_in_situ", "abnormal", "HSIL", 4, "carcinoma in situ"),
)
_BETHESDA = (
    CellClass("NILM", "normal", _NILM, 0, "negative for intraepithelial lesion or malignancy"),
    CellClass("ASC-US", "abnormal", "ASC-US", 1, "atypical, of undetermined significance"),
    CellClass("LSIL", "abnormal", "LSIL", 2, "low-grade squamous intraepithelial lesion"),
    CellClass("ASC-H", "abnormal", "ASC-H", 3, "atypical, high grade not excluded"),
    CellClass("HSIL", "abnormal", "HSIL", 4, "high-grade squamous intraepithelial lesion"),
    CellClass("SCC", "abnormal", "SCC", 5, "squamous cell carcinoma"),
)
_LBC11 = (
    CellClass("AGC", "abnormal", "AGC", None, "atypical glandular cells"),
    *(replace(_BETHESDA[place], grade=None) for place in (3, 1, 4, 2, 5)),
    *(
        CellClass(name, "normal", None, None, f"{organism}: an organism, no lesion")
        for name, organism in (
            ("actinomyces", "Actinomyces"),
            ("candida", "Candida"),
            ("flora", "bacteria"),
            ("herpes", "herpes simplex virus"),
            ("trichomonas", "Trichomonas"),
        )
    ),
)
CATEGORIES = (*(one.name for one in _BETHESDA), "AGC", "AIS", "adenocarcinoma")
"""What a class may be said to be consistent with, squamous first."""
GRADED = ("NILM", "LSIL", "HSIL", "SCC")
"""The Bethesda categories that are grades of severity; ASC-US and ASC-H are degrees of doubt."""

KNOWN: Mapping[str, tuple[CellClass, ...]] = {
    "sipakmed": _SIPAKMED,
    "herlev": _HERLEV,
    "cric": _BETHESDA,
    "cric-4": tuple(
        replace(one, grade=place)
        for place, one in enumerate(c for c in _BETHESDA if c.name in GRADED)
    ),
    "mendeley": tuple(
        replace(one, grade=place)
        for place, one in enumerate(c for c in _BETHESDA if c.name in GRADED)
    ),
    "lbc11": _LBC11,
}
"""The classes of each data set, in the order that its manifests and models use."""


def classes_of(dataset: str, *, metaplastic: Side = "normal") -> tuple[CellClass, ...]:
    """Give a known data set's classes in order.

    Args:
        dataset: a key of `KNOWN`.
        metaplastic: the side on which SIPaKMeD's metaplastic cells count. The data set's authors
            call them benign, and published work puts them on either side.
    """
    classes = KNOWN[dataset]
    return tuple(
        replace(one, side=metaplastic) if one.name == "Metaplastic" else one for one in classes
    )


def named(
    names: Iterable[str],
    *,
    abnormal: Sequence[str] = (),
    bethesda: Mapping[str, str] | None = None,
) -> tuple[CellClass, ...]:
    """Describe the classes of somebody's own data, in alphabetical order.

    Args:
        names: the classes' names; repeats are fine.
        abnormal: the names that count as abnormal; the others are then normal. Empty where
            nobody has said, and then no class has a side.
        bethesda: the category of a class's cells, one of `CATEGORIES`, where somebody says so; a
            class that is not named has none.

    Raises:
        SettingError: a name in `abnormal` or `bethesda` is no class, or a category is none.

    >>> [(c.name, c.side) for c in named(["b", "a", "b"], abnormal=["b"])]
    [('a', 'normal'), ('b', 'abnormal')]
    >>> [c.bethesda for c in named("ab", bethesda={"b": "LSIL"})]
    [None, 'LSIL']
    """
    every, read = sorted(set(names)), bethesda or {}
    _refuse(set(abnormal) - set(every), "is called abnormal but is no class", every, "classes")
    _refuse(set(read) - set(every), "has a category but is no class", every, "classes")
    _refuse(set(read.values()) - set(CATEGORIES), "is no category", CATEGORIES, "categories")
    side: dict[str, Side] = {
        name: "abnormal" if name in abnormal else "normal" for name in every if abnormal
    }
    return tuple(CellClass(name, side.get(name), read.get(name)) for name in every)


def _refuse(unknown: set[str], what: str, every: Sequence[str], kind: str) -> None:
    if unknown:
        raise SettingError(
            f"{', '.join(sorted(unknown))} {what}", hint=f"the {kind} are {', '.join(every)}"
        )


def sides(classes: Sequence[CellClass]) -> Mapping[str, Side] | None:
    """Give each class's side, or None unless every class has one and both sides occur."""
    found = {one.name: one.side for one in classes if one.side is not None}
    if len(found) != len(classes) or len(set(found.values())) < 2:
        return None
    return found


def grades(classes: Sequence[CellClass]) -> tuple[int, ...] | None:
    """Give each class's place in the order of severity, or None unless every class has one."""
    found = [one.grade for one in classes if one.grade is not None]
    return tuple(found) if len(found) == len(classes) and len(set(found)) > 1 else None


def graded_places(classes: Sequence[CellClass]) -> tuple[int, ...] | None:
    """Give the places of the four grades among Bethesda's six categories; None for other classes.

    >>> graded_places(KNOWN["cric"])
    (0, 2, 4, 5)
    >>> graded_places(KNOWN["sipakmed"]) is None
    True
    """
    names = [one.name for one in classes]
    if sorted(names) != sorted(one.name for one in _BETHESDA):
        return None
    return tuple(names.index(name) for name in GRADED)
