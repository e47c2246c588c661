"""An explanation as files in a folder: the numbers, the overlays and the raw maps.

Takes   an `Account` and a folder
Gives   `explain.json`, `overlays/*.png` and `maps/*.npy`
Never   writes a map that is not shown, leaves one of an earlier run, or touches other files
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np

from papscope.errors import DiskError
from papscope.explain.overlay import overlay
from papscope.explain.told import Account
from papscope.files import told_of_disk, write_bytes, write_json

NUMBERS = "explain.json"
OVERLAYS, MAPS = "overlays", "maps"


def refuse_other_files(folder: Path) -> None:
    """Make sure that a folder is new, empty, or of an earlier explanation.

    Raises:
        DiskError: it holds something else.
    """
    held = folder.is_file() or (folder.is_dir() and any(folder.iterdir()))
    if held and not _is_ours(folder / NUMBERS) and {*_names(folder)} != {"cache"}:
        raise DiskError(
            f"{folder} holds other files and is left alone", hint="name another folder with -o"
        )


def _names(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir()] if folder.is_dir() else []


def _is_ours(path: Path) -> bool:
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and told.get("papscope") == "explanation"


def write_explanation(folder: Path, account: Account) -> None:
    """Write an explanation, replacing an earlier one in the same folder.

    The files of picture 3 begin with `0003-`; they are named in `explain.json`, which comes last.

    Raises:
        DiskError: the folder holds other files, or cannot be written.
    """
    refuse_other_files(folder)
    with told_of_disk(folder):
        for kind in (OVERLAYS, MAPS):
            for old in (folder / kind).glob("[0-9]*-*.*"):
                old.unlink()
    told = account.to_json()
    for place, one in enumerate(account.pictures, start=1):
        maps = told["pictures"][place - 1]["maps"]
        for found in one.explanations:
            if found.map is None:
                continue
            name = f"{place:04d}-{found.method.replace('+', 'p')}"
            files = {"overlay": f"{OVERLAYS}/{name}.png", "map": f"{MAPS}/{name}.npy"}
            write_bytes(folder / files["overlay"], overlay(one.square, found.map), durable=False)
            write_bytes(folder / files["map"], _npy(found.map), durable=False)
            maps[found.method]["files"] = files
    write_json(folder / NUMBERS, told)


def _npy(found: object) -> bytes:
    data = io.BytesIO()
    np.save(data, np.asarray(found, dtype=np.float32), allow_pickle=False)
    return data.getvalue()
