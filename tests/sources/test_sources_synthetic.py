"""Drawn cells: the layout, the seed, and the refusal to touch anything else."""

from dataclasses import astuple, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from papscope.errors import SettingError, SourceError
from papscope.image import decode
from papscope.sources.looks import LEAST, MEANS, MOST, RESEMBLES, vary
from papscope.sources.synthetic import CLASSES, MADE, SyntheticSettings, draw
from papscope.taxonomy import KNOWN

FEW = SyntheticSettings(slides_per_class=2, cells_per_slide=3, image_size=64)


def bytes_of(root: Path) -> dict[str, str]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {
        path.relative_to(root).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files
    }


def points_of(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.loadtxt(path, delimiter=",")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("drawn") / "set"
    assert draw(root, FEW, seed=4) == 5 * 2 * 3
    return root


def test_the_classes_are_those_of_sipakmed() -> None:
    assert list(CLASSES) == sorted(one.name for one in KNOWN["sipakmed"])


def test_every_cell_has_its_crop_and_outlines_beside_it_and_in_its_field(drawn: Path) -> None:
    files = set(bytes_of(drawn))

    wanted = {MADE}
    for name in CLASSES:
        for slide in ("001", "002"):
            wanted.add(f"im_{name}/{slide}.png")
            for cell in ("01", "02", "03"):
                wanted |= {f"im_{name}/{slide}_{kind}{cell}.dat" for kind in ("cyt", "nuc")}
                wanted |= {
                    f"im_{name}/CROPPED/{slide}_{cell}{end}"
                    for end in (".png", "_cyt.dat", "_nuc.dat")
                }
    assert files == wanted


def test_a_crop_is_a_piece_of_its_field_and_its_outlines_lie_there(drawn: Path) -> None:
    for crop in sorted(drawn.rglob("CROPPED/*.png")):
        folder, stem = crop.parents[1], crop.stem
        slide, cell = stem.split("_")
        field, pixels = decode(folder / f"{slide}.png"), decode(crop)
        for kind in ("cyt", "nuc"):
            inside = points_of(crop.with_name(f"{stem}_{kind}.dat"))
            outside = points_of(folder / f"{slide}_{kind}{cell}.dat")
            left, top = (round(float(value)) for value in (outside - inside)[0])
            height, width = pixels.shape[:2]
            assert (field[top : top + height, left : left + width] == pixels).all()
            assert inside.min() >= 0
            assert (inside.max(axis=0) <= (width, height)).all()


def test_the_nucleus_is_darker_than_the_cell_around_it(drawn: Path) -> None:
    darker = []
    for crop in sorted(drawn.rglob("CROPPED/*.png")):
        pixels = decode(crop)
        x, y = points_of(crop.with_name(f"{crop.stem}_nuc.dat")).mean(axis=0).astype(int)
        darker.append(pixels[y, x].mean() < np.median(pixels))
    assert np.mean(darker) > 0.95


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_cells(
    drawn: Path, tmp_path: Path
) -> None:
    draw(tmp_path / "again", FEW, seed=4)
    draw(tmp_path / "other", FEW, seed=5)

    first, other = bytes_of(drawn), bytes_of(tmp_path / "other")
    assert bytes_of(tmp_path / "again") == first
    pictures = [name for name in first if name.endswith(".png")]
    assert all(first[name] != other[name] for name in pictures)


def test_more_slides_leave_the_first_ones_as_they_were(drawn: Path, tmp_path: Path) -> None:
    draw(tmp_path / "more", replace(FEW, slides_per_class=3), seed=4)

    before, after = bytes_of(drawn), bytes_of(tmp_path / "more")
    assert all(after[name] == digest for name, digest in before.items() if name != MADE)


def test_everything_says_that_it_is_made(drawn: Path) -> None:
    assert "no real cells" in (drawn / MADE).read_text()
    for path in drawn.rglob("*.png"):
        with Image.open(path) as picture:
            assert "no real cells" in picture.info["Comment"]


def test_a_drawn_folder_is_drawn_anew_without_leftovers(tmp_path: Path) -> None:
    root = tmp_path / "set"
    draw(root, replace(FEW, slides_per_class=3), seed=4)
    draw(root, FEW, seed=4)
    draw(tmp_path / "fresh", FEW, seed=4)
    assert bytes_of(root) == bytes_of(tmp_path / "fresh")


@pytest.mark.parametrize("name", ["holiday.jpg", "im_Parabasal/001.png"])
def test_a_folder_with_something_else_in_it_is_refused_and_left_alone(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"mine")
    before = bytes_of(tmp_path)

    with pytest.raises(SourceError, match=f"already holds {name.split('/', maxsplit=1)[0]}"):
        draw(tmp_path, FEW, seed=1)
    assert bytes_of(tmp_path) == before


@pytest.mark.parametrize("name", ["notes.txt", "im_Parabasal/CROPPED/mine.png", MADE + "~"])
def test_what_a_user_put_among_drawn_cells_is_not_swept_away(tmp_path: Path, name: str) -> None:
    draw(tmp_path, FEW, seed=1)
    (tmp_path / name).write_bytes(b"mine")

    with pytest.raises(SourceError, match=f"already holds {name}"):
        draw(tmp_path, FEW, seed=1)
    assert (tmp_path / name).read_bytes() == b"mine"


def test_somebody_elses_made_file_opens_no_door(tmp_path: Path) -> None:
    (tmp_path / MADE).write_text("Made in Jena.\n")
    with pytest.raises(SourceError, match=f"already holds {MADE}"):
        draw(tmp_path, FEW, seed=1)


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set").write_bytes(b"mine")
    with pytest.raises(SourceError, match="is a file"):
        draw(tmp_path / "set", FEW, seed=1)


def test_a_drawing_that_fails_leaves_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(tmp_path, FEW, seed=1)
    before = bytes_of(tmp_path)

    def stops(what: str, done: int, total: int | None) -> None:
        if done > 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw(tmp_path, FEW, seed=2, tell=stops)
    assert bytes_of(tmp_path) == before


def test_progress_counts_the_cells(tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    draw(tmp_path, FEW, seed=1, tell=lambda *words: told.append(words))
    assert told[0] == ("cells drawn", 3, 30)
    assert told[-1] == ("cells drawn", 30, 30)


@pytest.mark.parametrize(
    ("name", "value"),
    [("slides_per_class", 0), ("image_size", 8), ("between", 1.5), ("noise", float("nan"))],
)
def test_settings_out_of_range_are_refused(name: str, value: Any) -> None:
    with pytest.raises(SettingError, match=f"{name} is {value}, out of range"):
        replace(FEW, **{name: value})


def test_cells_stray_within_their_limits_and_towards_named_classes() -> None:
    rng = np.random.default_rng(3)
    for name in CLASSES:
        assert set(RESEMBLES[name]) < set(MEANS) - {name}
        for _ in range(50):
            look = np.array(astuple(vary(name, 2.0, 1.0, rng)))
            assert (look >= astuple(LEAST)).all()
            assert (look <= astuple(MOST)).all()


def test_classes_overlap_but_can_be_told_apart_by_simple_colours(tmp_path: Path) -> None:
    """Not a benchmark: only that the set is neither trivial nor hopeless."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.model_selection import GroupKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    draw(tmp_path, replace(FEW, slides_per_class=12, cells_per_slide=4), seed=11)
    crops = sorted(tmp_path.rglob("CROPPED/*.png"))
    labels = [crop.parts[-3] for crop in crops]
    groups = [crop.parts[-3] + crop.name[:3] for crop in crops]
    small = [np.asarray(Image.open(crop).resize((8, 8)), float).ravel() for crop in crops]
    model = make_pipeline(StandardScaler(), RidgeClassifier(alpha=300.0))
    shares = cross_val_score(
        model, np.array(small), labels, groups=groups, cv=GroupKFold(4), scoring="accuracy"
    )
    assert 0.4 < shares.mean() < 0.9
