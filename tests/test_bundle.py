"""A bundle is whole and vouched for, or refused; nothing in it can run code."""

from __future__ import annotations

import ast
import errno
import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from papscope.bundle import (
    CARD,
    DESCRIPTION,
    REFERENCE,
    WEIGHTS,
    Description,
    read_bundle,
    read_description,
    write_again,
    write_bundle,
)
from papscope.description import FORMAT
from papscope.errors import BundleError, DiskError
from papscope.files import digest_of
from papscope.preprocess import Preprocess
from papscope.taxonomy import classes_of

SOURCE = Path(__file__).parents[1] / "src" / "papscope"


def made(backbone: str = "resnet18") -> tuple[Description, dict[str, Any]]:
    description = Description(
        classes=classes_of("sipakmed"),
        preprocess=Preprocess(size=64),
        backbone=backbone,
        network={"dropout": 0.1},
        provenance={"seed": 3, "citation": "Plissiti et al."},
        metrics={"accuracy": [0.5, 0.4, 0.6]},
    )
    draw = np.random.default_rng(0)
    tensors = {
        "head.weight": draw.normal(size=(5, 8)).astype(np.float32),
        "stem.weight": draw.normal(size=(3, 8)).astype(np.float32).T,  # not contiguous
        "steps": np.array(7, dtype=np.int64),
    }
    return description, tensors


def write(folder: Path, backbone: str = "resnet18") -> str:
    return write_bundle(folder, *made(backbone), card="# A model\n")


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    digest = write(tmp_path / "b")

    bundle = read_bundle(tmp_path / "b")

    description, tensors = made()
    assert bundle.description == description
    assert bundle.digest == digest == digest_of(tmp_path / "b" / DESCRIPTION)
    assert set(bundle.tensors) == set(tensors)
    for name, value in tensors.items():
        assert np.array_equal(bundle.tensors[name], value)
        assert bundle.tensors[name].dtype == value.dtype
    assert names(tmp_path / "b") == [CARD, DESCRIPTION, WEIGHTS]
    assert "research only" in (tmp_path / "b" / DESCRIPTION).read_text()


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    assert write(tmp_path / "one") == write(tmp_path / "two")
    for name in names(tmp_path / "one"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_an_older_bundle_is_replaced_whole(tmp_path: Path) -> None:
    write(tmp_path / "b")
    write(tmp_path / "b", backbone="resnet50")
    assert read_bundle(tmp_path / "b").description.backbone == "resnet50"
    assert names(tmp_path) == ["b"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_an_older_bundle_is_kept_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    write(tmp_path / "b")

    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DiskError, match="could not be written"):
        write(tmp_path / "b", backbone="resnet50")

    assert read_bundle(tmp_path / "b").description.backbone == "resnet18"
    assert names(tmp_path) == ["b"]


def test_an_older_bundle_is_kept_when_the_exchange_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "b")
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if self.name.endswith(".part"):
            raise OSError(errno.EACCES, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(DiskError, match="could not be written"):
        write(tmp_path / "b", backbone="resnet50")

    assert read_bundle(tmp_path / "b").description.backbone == "resnet18"
    assert names(tmp_path) == ["b"]


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(BundleError, match="holds other files and is not overwritten"):
        write(tmp_path)
    assert names(tmp_path) == ["thesis.txt"]


def test_a_bundle_among_other_files_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "b")
    (tmp_path / "b" / "thesis.txt").write_text("mine")
    with pytest.raises(BundleError, match="holds other files and is not overwritten"):
        write(tmp_path / "b", backbone="resnet50")
    assert read_bundle(tmp_path / "b").description.backbone == "resnet18"
    assert "thesis.txt" in names(tmp_path / "b")


def test_what_a_killed_process_left_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / f".b.{os.getpid()}.part").mkdir()
    write(tmp_path / "b")
    assert names(tmp_path) == ["b"]


def test_a_file_in_the_place_of_the_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("mine")
    with pytest.raises((BundleError, DiskError)):
        write(tmp_path / "b")
    assert (tmp_path / "b").read_text() == "mine"


def shorten(folder: Path) -> None:
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[:-10])


def flip_weight(folder: Path) -> None:
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (folder / WEIGHTS).write_bytes(data)


def vouch_for_junk(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"\x08" + bytes(40))
    edit(folder, files={WEIGHTS: digest_of(folder / WEIGHTS)})


def edit(folder: Path, **changes: object) -> None:
    content = json.loads((folder / DESCRIPTION).read_text())
    (folder / DESCRIPTION).write_text(json.dumps({**content, **changes}))


def cut_description(folder: Path) -> None:
    text = (folder / DESCRIPTION).read_text()
    (folder / DESCRIPTION).write_text(text[: len(text) // 2])


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (shorten, r"weights.safetensors is not the file that bundle.json vouches for"),
        (flip_weight, "weights.safetensors is not the file that bundle.json vouches for"),
        (vouch_for_junk, "weights.safetensors is damaged"),
        (lambda b: (b / WEIGHTS).unlink(), "weights.safetensors cannot be read: No such file"),
        (lambda b: (b / DESCRIPTION).unlink(), "is not a bundle: it has no bundle.json"),
        (cut_description, "bundle.json is damaged"),
        (lambda b: (b / DESCRIPTION).write_bytes(b"\xff\xfe"), "bundle.json is damaged"),
        (lambda b: (b / DESCRIPTION).write_text("[]"), "was not written by papscope"),
        (lambda b: edit(b, papscope="x"), "was not written by papscope"),
        (lambda b: edit(b, format=2), "has format 2; this papscope reads format 1"),
        (lambda b: edit(b, classes=[{"name": 3}]), "bundle.json is damaged"),
        (lambda b: edit(b, classes=None), "bundle.json is damaged"),
        (lambda b: edit(b, preprocess={"size": 64}), "bundle.json is damaged"),
        (lambda b: edit(b, calibration=3), "bundle.json is damaged"),
        (lambda b: edit(b, rules=3), "bundle.json is damaged"),
        (lambda b: edit(b, files=[]), "weights.safetensors is not the file"),
        (lambda b: edit(b, files={}), "weights.safetensors is not the file"),
    ],
)
def test_a_damaged_bundle_gives_one_clear_error(
    tmp_path: Path, damage: Callable[[Path], object], match: str
) -> None:
    write(tmp_path / "b")
    damage(tmp_path / "b")
    with pytest.raises(BundleError, match=match) as refused:
        read_bundle(tmp_path / "b")
    assert refused.value.hint


def test_a_calibration_travels_and_bundles_without_one_are_read_as_before(tmp_path: Path) -> None:
    plain, tensors = made()
    scaled = replace(plain, calibration={"method": "temperature", "temperature": 1.3})

    write_bundle(tmp_path / "plain", plain, tensors, "card")
    write_bundle(tmp_path / "scaled", scaled, tensors, "card")

    assert read_bundle(tmp_path / "scaled").description == scaled
    assert read_bundle(tmp_path / "plain").description.calibration == {}
    assert "calibration" not in json.loads((tmp_path / "plain" / DESCRIPTION).read_text())


def test_rules_travel_and_bundles_without_any_do_not_speak_of_them(tmp_path: Path) -> None:
    plain, tensors = made()
    rules = {"refer": {"abnormal": 0.25, "sensitivity": 0.95}}
    write_bundle(tmp_path / "plain", plain, tensors, "card")
    write_bundle(tmp_path / "ruled", replace(plain, rules=rules), tensors, "card")

    assert read_bundle(tmp_path / "ruled").description.rules == rules
    assert read_bundle(tmp_path / "plain").description.rules == {}
    assert "rules" not in json.loads((tmp_path / "plain" / DESCRIPTION).read_text())


def test_a_description_is_read_without_the_weights(tmp_path: Path) -> None:
    digest = write(tmp_path / "b")
    (tmp_path / "b" / WEIGHTS).unlink()

    assert read_description(tmp_path / "b") == (made()[0], digest)


def test_foreign_folders_and_files_are_no_bundles(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps([1]))
    for place in (tmp_path, tmp_path / "none", tmp_path / "model.pkl"):
        with pytest.raises(BundleError, match=r"is not a bundle"):
            read_bundle(place)


PICKLERS = ("pickle", "dill", "joblib", "cloudpickle", "marshal", "shelve")
SPOKEN = re.compile(
    rf"^from ({'|'.join(PICKLERS)}) import|^import ({'|'.join(PICKLERS[1:])})\b"
    r"|pickle\.(?!UnpicklingError)\w|(?<!with )torch\.save\("
    r"|torch\.load\((?!.*weights_only=True)|np\.load\((?!.*allow_pickle=False)"
)


def unsafe(file: Path) -> list[str]:
    """Give the lines of a module, as Python itself lays them out, that touch pickles."""
    lines = ast.unparse(ast.parse(file.read_text(encoding="utf-8"))).splitlines()
    return [line for line in lines if SPOKEN.search(line.strip())]


def test_no_module_of_papscope_reads_or_writes_pickles(tmp_path: Path) -> None:
    files = sorted(SOURCE.rglob("*.py"))
    assert len(files) > 20
    assert {one.name: unsafe(one) for one in files if unsafe(one)} == {}

    traps = ["import dill", "from pickle import load", "pickle.loads(x)", "torch.load(f)"]
    traps += ["torch.save(m, f)", "np.load(f, mmap_mode='r')"]
    (tmp_path / "trap.py").write_text("\n".join(traps))
    assert unsafe(tmp_path / "trap.py") == traps


def test_reading_a_bundle_needs_no_torch(tmp_path: Path) -> None:
    write(tmp_path / "b")
    code = (
        "import sys; from pathlib import Path; from papscope.bundle import read_bundle;"
        f"read_bundle(Path({str(tmp_path / 'b')!r}));"
        "print(sorted({'torch', 'timm', 'lightning'} & set(sys.modules)))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert told == "[]\n"


def test_the_format_is_the_first_one() -> None:
    assert FORMAT == 1


def test_a_reference_travels_with_the_bundle_and_is_vouched_for(tmp_path: Path) -> None:
    about, tensors = made()
    about = replace(about, gate={"limit": 3.5})
    reference = {"bank": np.arange(6, dtype=np.float32).reshape(2, 3)}
    write_bundle(tmp_path / "b", about, tensors, "card", reference)

    read = read_bundle(tmp_path / "b")
    assert read.description.gate == {"limit": 3.5}
    assert read.reference["bank"].tolist() == [[0, 1, 2], [3, 4, 5]]

    write_again(tmp_path / "c", read, "card")
    assert read_bundle(tmp_path / "c").digest == read.digest

    (tmp_path / "b" / REFERENCE).write_bytes(b"other")
    with pytest.raises(BundleError, match=r"reference\.safetensors is not the file"):
        read_bundle(tmp_path / "b")
