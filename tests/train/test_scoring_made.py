"""A model is measured on original images alone, whatever a manifest or a split holds."""

from __future__ import annotations

from dataclasses import replace

from papscope.manifest import Manifest, made_id
from papscope.scoring import _rows, counts, group_counts
from papscope.split import Split


def extended(discs: Manifest, parts: Split) -> tuple[Manifest, Split]:
    """The same with a child of every image, each in its parent's part, which no split would do."""
    children = [replace(row, id=made_id(row.id, 1), parent=row.id) for row in discs.rows]
    part_of = {row.id: parts.part_of[str(row.parent)] for row in children}
    manifest = replace(discs, rows=(*discs.rows, *children))
    return manifest, replace(parts, part_of={**parts.part_of, **part_of})


def test_images_that_papscope_made_are_never_answered_for(discs: Manifest, parts: Split) -> None:
    manifest, split = extended(discs, parts)

    assert _rows(manifest, None, None) == list(discs.rows)
    for part in ("train", "val", "test"):
        assert _rows(manifest, split, part) == _rows(discs, parts, part)


def test_what_a_report_tells_of_counts_is_of_originals(discs: Manifest, parts: Split) -> None:
    manifest, split = extended(discs, parts)

    assert counts(manifest, split) == counts(discs, parts)
    assert group_counts(manifest, split) == group_counts(discs, parts)
