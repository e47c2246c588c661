"""Anybody's images in one folder a class.

Takes   `ROOT/<class>/...`, or `ROOT/train/<class>/...` where they are divided already
Gives   `Finds`: one image each, with its group where a pattern or a table tells it
Never   guesses a group

A pattern is searched in the file's name, or in the path below the root where the pattern holds a
`/`. What its group `group` matched is the group (else its first group), and `strict` the stricter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from papscope.errors import SettingError, SourceError
from papscope.sources.base import NO_GROUPS, Find, Finds, distinct, group_note, plain, some
from papscope.sources.rows import below, read_csv
from papscope.sources.tree import PassedOver, files_below, nothing_found, part_of, split_name
from papscope.taxonomy import named

_MASK = re.compile(r"(.+?)[-_](d|mask|seg|segmentation|cyt|nuc)", re.IGNORECASE)

Groups = tuple[str | None, str | None]
"""Group and strict group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupsFrom:
    """What tells the groups: a pattern, a table, or nothing."""

    regex: str | None = None
    table: Path | None = None
    """CSV with the columns path, group and, if wanted, strict_group."""

    def __post_init__(self) -> None:
        if self.regex is not None and self.table is not None:
            raise SettingError("groups are asked for twice", hint="give a pattern or a table")


def find(
    root: Path,
    *,
    groups: GroupsFrom | None = None,
    abnormal: tuple[str, ...] = (),
    bethesda: Mapping[str, str] | None = None,
    dataset: str | None = None,
) -> Finds:
    """Find anybody's images.

    Args:
        root: the folder that holds one folder a class.
        groups: what tells the groups.
        abnormal: the classes that count as abnormal; the others are then normal.
        bethesda: the Bethesda category of a class's cells, where somebody says so.
        dataset: what to call the data; the root's name by default.

    Raises:
        SettingError: the pattern cannot be used, or a name in `abnormal` or `bethesda` is no class.
        SourceError: there are no class folders, or too few images tell their group.
    """
    groups = groups or GroupsFrom()
    passed = PassedOver()
    files = files_below(root)
    images, masks = _without_masks(passed.images(_without(groups.table, root, files)), passed)
    start = _common_start(images)
    labelled = _labelled(images, start, passed)
    if not labelled:
        raise nothing_found(root, files, "one folder a class, with images in it")
    grouped, notes = _grouped(list(labelled), groups, root)
    items = tuple(
        Find(
            id=plain(path),
            path=PurePosixPath(path),
            label=label,
            group=grouped[path][0],
            strict_group=grouped[path][1],
            mask=PurePosixPath(masks[path]) if path in masks else None,
            part=part,
        )
        for path, (label, part) in labelled.items()
    )
    hint = "mend the pattern or the table, so that it fits every name"
    told = group_note(items, "group", hint) if groups.regex or groups.table else (NO_GROUPS,)
    return Finds(
        dataset=dataset or plain(root.resolve().name) or "folder",
        classes=named(
            (label for label, _ in labelled.values()), abnormal=abnormal, bethesda=bethesda
        ),
        items=distinct(items),
        licence="",
        citation="",
        group_is="group",
        notes=(*told, *_start_note(start), *notes, *passed.notes()),
        settings={
            "group_regex": groups.regex,
            "groups": groups.table.name if groups.table else None,
            "abnormal": list(abnormal),
            **({"bethesda": dict(bethesda)} if bethesda else {}),
        },
    )


def _start_note(start: str) -> tuple[str, ...]:
    return (f"the classes are the folders in {start}",) if start else ()


def _without(table: Path | None, root: Path, files: list[str]) -> list[str]:
    return files if table is None else [path for path in files if root / path != table]


def _without_masks(paths: list[str], passed: PassedOver) -> tuple[list[str], dict[str, str]]:
    """Part masks, told by their name beside an image of the same name, from images."""
    by_stem = {path.rpartition(".")[0].lower(): path for path in paths}
    images, masks = [], {}
    for path in paths:
        folder, stem, _ = split_name(path)
        fits = _MASK.fullmatch(stem)
        image = None
        if fits is not None:
            image = by_stem.get((f"{folder}/" if folder else "").lower() + fits[1].lower())
        if image is None or fits is None:
            images.append(path)
        elif fits[2].lower() in ("cyt", "nuc"):
            passed.add("mask of a cell's part", path)
        else:
            masks[image] = path
    return images, masks


def _labelled(
    images: list[str], start: str, passed: PassedOver
) -> dict[str, tuple[str, str | None]]:
    """Give each image's class, and its part where the tree is divided into parts."""
    top = {path[len(start) :].partition("/")[0] for path in images if "/" in path[len(start) :]}
    divided = any(part_of(f"{name}/x") == "train" for name in top)
    found: dict[str, tuple[str, str | None]] = {}
    for path in images:
        folders = path[len(start) :].split("/")[:-1]
        part = part_of(f"{folders[0]}/x") if divided and folders else None
        names = folders[1:] if part else folders
        if not names or (divided and part is None):
            passed.add("no class folder", path)
        else:
            found[path] = (plain(names[0]), part)
    return found


def _common_start(images: list[str]) -> str:
    """Give the outer folders, as `a/b/`, that lie around the class folders."""
    start = ""
    while True:
        rests = [path[len(start) :].split("/") for path in images]
        depth = min((len(rest) for rest in rests), default=0)
        one_outer = len({rest[0] for rest in rests}) == 1
        if not one_outer or depth < 3 or part_of("/".join(rests[0][:2])):
            return start
        if depth < 4 and len({rest[1] for rest in rests}) == 1:
            return start
        start += f"{rests[0][0]}/"


def _grouped(
    paths: list[str], groups: GroupsFrom, root: Path
) -> tuple[dict[str, Groups], tuple[str, ...]]:
    if groups.table is not None:
        return _by_table(paths, groups.table, root)
    if groups.regex is None:
        return dict.fromkeys(paths, (None, None)), ()
    pattern = _compiled(groups.regex)
    whole = "/" in groups.regex
    return {path: _match(pattern, path if whole else path.rpartition("/")[2]) for path in paths}, ()


def _compiled(regex: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(regex)
    except re.error as problem:
        raise SettingError(
            f"the pattern {regex!r} is not a regular expression: {problem}",
            hint=r"for 017_03.png of slide 017 give '^(\d+)_'",
        ) from None
    if pattern.groups == 0:
        raise SettingError(
            f"the pattern {regex!r} has no brackets around the group",
            hint=r"for 017_03.png of slide 017 give '^(\d+)_'",
        )
    return pattern


def _match(pattern: re.Pattern[str], text: str) -> Groups:
    found = pattern.search(text)
    if found is None:
        return None, None
    known = found.groupdict()
    group = known["group"] if "group" in known else found.group(1)
    strict = known.get("strict")
    return (plain(group) if group else None), (plain(strict) if strict else None)


def _by_table(
    paths: list[str], table: Path, root: Path
) -> tuple[dict[str, Groups], tuple[str, ...]]:
    rows = read_csv(table)
    lacking = {"path", "group"} - set(rows.columns)
    if lacking:
        raise SourceError(
            f"{table} has no column {', '.join(sorted(lacking))}",
            hint="name the columns path, group and, if wanted, strict_group",
        )
    told: dict[str, Groups] = {}
    for line, record in rows.lines:
        path = below(record["path"], root)
        groups = (plain(record["group"]) or None, plain(record.get("strict_group", "")) or None)
        if path is None or told.get(path, groups) != groups:
            what = "leaves the folder" if path is None else "has two groups"
            raise SourceError(f"{rows.where(line)}: {record['path']} {what}", hint="mend this line")
        told[path] = groups
    strange = sorted(set(told) - set(paths))
    note = f"{table.name} names {len(strange)} images that are not imported: {some(strange)}"
    return {path: told.get(path, (None, None)) for path in paths}, (note,) if strange else ()
