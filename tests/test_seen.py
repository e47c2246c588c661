from __future__ import annotations

from pathlib import PurePosixPath

from papscope.image import Box
from papscope.manifest import Row
from papscope.seen import Seen, overlap, seen_in


def cell(name: str, group: str | None, left: int | None = None) -> Row:
    box = None if left is None else Box(left, 0, 9, 9)
    digest = "one field" if box else name
    return Row(name, PurePosixPath("x.png"), None, "mine", 99, 99, digest, box=box, group=group)


def test_the_same_image_is_known_again_and_its_neighbours_by_their_group() -> None:
    seen = seen_in([cell("a", "slide 1"), cell("b", "slide 2")])

    assert overlap(seen, [cell("a", "slide 1")]) == (1, 0)
    assert overlap(seen, [cell("c", "slide 1"), cell("d", "slide 3")]) == (0, 1)
    assert overlap(seen, [cell("c", None), cell("d", "slide 3")]) == (0, 0)


def test_cells_of_one_field_are_told_apart_by_their_boxes() -> None:
    seen = seen_in([cell("a", None, left=0)])

    assert overlap(seen, [cell("z", None, left=0), cell("b", None, left=50)]) == (1, 0)


def test_marks_survive_their_json_form_and_an_old_bundle_has_none() -> None:
    seen = seen_in([cell("a", "slide 1"), cell("b", "slide 2")])

    assert Seen.from_json(seen.to_json()) == seen
    assert overlap(Seen.from_json({}), [cell("a", "slide 1")]) == (0, 0)
