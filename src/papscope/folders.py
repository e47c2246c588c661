"""Folders that are whole or absent, as files are.

Takes   a folder's place and the bytes of its files
Gives   the folder, put in the place of an older one in one step
Never   leaves half a folder, or decides whether the older one may go
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from papscope.files import told_of_disk, write_bytes


def write_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write a folder of files, replacing whatever folder is there.

    Raises:
        DiskError: the disk is full or the place cannot be written; an older folder is kept.
    """
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    with told_of_disk(folder):
        shutil.rmtree(draft, ignore_errors=True)  # of a killed process that had this one's number
        draft.mkdir(parents=True)
        try:
            for name, data in contents.items():
                write_bytes(draft / name, data)
            _swap(draft, folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _swap(draft: Path, folder: Path) -> None:
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    if folder.exists():
        folder.rename(old)
    try:
        draft.rename(folder)
    except BaseException:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
