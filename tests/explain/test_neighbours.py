"""The nearest training cells are those of the training part, never the picture itself."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from made_engines import CLASSES, SIDE, bundle_of
from PIL import Image

from papscope.bundle import Bundle
from papscope.errors import BundleError, SettingError, SplitError
from papscope.explain.neighbours import Library, library_of
from papscope.manifest import Manifest, Row
from papscope.predict.engine import Engine
from papscope.predict.engines import engine_for
from papscope.split import Protocol, Split


def squares_of(count: int) -> np.ndarray:
    """Plain squares of colours that differ more and more from the first."""
    found = np.zeros((count, SIDE, SIDE, 3), dtype=np.uint8)
    for place in range(count):
        found[place, :, : SIDE // 2] = (30 * place, 40, 250 - 30 * place)
    return found


def made(folder: Path, count: int = 6) -> tuple[Manifest, Split]:
    rows = []
    for place, square in enumerate(squares_of(count)):
        path = folder / f"cell-{place}.png"
        Image.fromarray(square).save(path)
        digest = sha256(path.read_bytes()).hexdigest()
        label = CLASSES[place % 2].name
        rows.append(Row(path.stem, PurePosixPath(path.name), label, "made", SIDE, SIDE, digest))
    manifest = Manifest(folder, tuple(rows), "made", CLASSES, "none", "nobody")
    part_of = {row.id: "val" if row.id == "cell-1" else "train" for row in rows}
    protocol = Protocol(by="image", seed=0, shares={"train": 0.8, "val": 0.2})
    return manifest, Split(part_of=part_of, protocol=protocol, manifest_sha256="")


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return bundle_of(tmp_path / "model")


@pytest.fixture
def engine(bundle: Bundle) -> Engine:
    return engine_for(bundle, device="cpu", threads=1)


def test_the_nearest_come_first_without_the_picture_itself_or_other_parts(
    tmp_path: Path, bundle: Bundle, engine: Engine
) -> None:
    library = library_of(bundle, engine, made(tmp_path), tmp_path / "cache", count=3)

    ((first, *others),) = library.nearest(engine, squares_of(6)[:1])

    told = [first.row.id, *(one.row.id for one in others)]
    assert "cell-0" not in told
    assert "cell-1" not in told
    assert [one.distance for one in (first, *others)] == sorted(
        one.distance for one in (first, *others)
    )
    assert len(told) == 3


def test_features_are_kept_and_a_damaged_file_is_made_again(
    tmp_path: Path, bundle: Bundle, engine: Engine
) -> None:
    trained, cache = made(tmp_path), tmp_path / "cache"
    first = library_of(bundle, engine, trained, cache)
    (kept,) = cache.glob("training-*.npy")
    (tmp_path / "cell-5.png").unlink()

    again = library_of(bundle, engine, trained, cache)
    kept.write_bytes(b"cut short")

    assert np.array_equal(first.directions, again.directions)
    Image.fromarray(squares_of(6)[5]).save(tmp_path / "cell-5.png")
    assert np.array_equal(library_of(bundle, engine, trained, cache).directions, first.directions)


def test_fewer_training_cells_than_asked_for_are_all_given(
    tmp_path: Path, bundle: Bundle, engine: Engine
) -> None:
    library = library_of(bundle, engine, made(tmp_path, 3), tmp_path / "cache", count=50)
    assert isinstance(library, Library)
    assert len(library.nearest(engine, squares_of(6)[5:])[0]) == 2


def test_a_manifest_of_other_classes_and_a_split_without_training_are_refused(
    tmp_path: Path, bundle: Bundle, engine: Engine
) -> None:
    manifest, split = made(tmp_path)
    other = replace(manifest, classes=(*CLASSES, replace(CLASSES[0], name="other")))
    with pytest.raises(SettingError, match="neighbours of the classes"):
        library_of(bundle, engine, (other, split), tmp_path)
    with pytest.raises(SplitError, match="no training image"):
        library_of(bundle, engine, (manifest, replace(split, part_of={})), tmp_path)


def test_a_model_that_tells_no_features_is_refused(tmp_path: Path, bundle: Bundle) -> None:
    from made_engines import DarkSpot

    with pytest.raises(BundleError, match="tells no features"):
        library_of(bundle, DarkSpot(), made(tmp_path), tmp_path / "cache")
