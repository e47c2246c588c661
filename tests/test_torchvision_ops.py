"""Operators are declared only where torchvision's compiled half cannot load."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
import torch

from papscope import torchvision_ops as ops

NAMES = ("nms", "qnms", "roi_align")


class Library:
    """Stands for torch's library: keeps what was declared in it."""

    made: list[Library]

    def __init__(self, name: str, kind: str) -> None:
        self.about = (name, kind)
        self.defined: list[str] = []
        Library.made.append(self)

    def define(self, signature: str) -> None:
        self.defined.append(signature.partition("(")[0])


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make it as if nothing had been imported or declared yet."""
    Library.made = []
    monkeypatch.setattr(ops, "_library", None)
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    monkeypatch.setattr(torch.library, "Library", Library)


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, *compiled: str) -> None:
    """Make a folder stand for the torchvision that is installed."""
    for name in compiled:
        (folder / name).write_bytes(b"")
    spec = ModuleSpec("torchvision", None, origin=str(folder / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)


@pytest.mark.usefixtures("fresh")
def test_a_compiled_half_that_loads_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, tmp_path, "_C.so")
    loaded: list[str] = []
    monkeypatch.setattr(torch.ops, "load_library", loaded.append)
    monkeypatch.setattr(torch.ops.torchvision, "nms", "an operator", raising=False)

    assert ops.make_importable() is False
    assert loaded == [str(tmp_path / "_C.so")]
    assert Library.made == []


@pytest.mark.usefixtures("fresh")
def test_a_compiled_half_that_does_not_load_is_replaced_by_names_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, tmp_path, "_C.so")

    def broken(_: str) -> None:
        raise OSError("libcudart.so.13: cannot open shared object file")

    monkeypatch.setattr(torch.ops, "load_library", broken)

    assert ops.make_importable() is True
    (library,) = Library.made
    assert library.about == ("torchvision", "DEF")
    assert tuple(library.defined) == NAMES


@pytest.mark.usefixtures("fresh")
def test_a_torchvision_without_a_compiled_half_is_helped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, tmp_path)
    assert ops.make_importable() is True


@pytest.mark.usefixtures("fresh")
def test_doing_it_again_declares_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, tmp_path)
    assert [ops.make_importable() for _ in range(3)] == [True] * 3
    assert len(Library.made) == 1


@pytest.mark.usefixtures("fresh")
def test_a_torchvision_that_is_imported_already_is_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, tmp_path)
    monkeypatch.setitem(sys.modules, "torchvision", ops)
    assert ops.make_importable() is False
    assert Library.made == []


@pytest.mark.usefixtures("fresh")
def test_without_a_torchvision_nothing_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert ops.make_importable() is False


def test_after_it_torchvision_timm_and_lightning_import_in_a_fresh_program() -> None:
    program = (
        "import papscope.torchvision_ops, torch, torchvision, timm, lightning\n"
        "from torchvision.transforms import v2\n"
        "print(v2.RandomHorizontalFlip(p=1.0)(torch.tensor([[[1, 2]]])).tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "[[[2, 1]]]\n"), done.stderr
