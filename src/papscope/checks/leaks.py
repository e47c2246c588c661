"""Whether a split leaks, whoever made it: relatives of test images among those to learn from.

Takes   a manifest, and anybody's split of it
Gives   an `Audit`: a verdict in plain words, what crosses, and what could not be seen
Never   trains, changes a split, or calls a split clean beyond what was looked for
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from papscope.checks.across import FOLDS, Side, sides_of
from papscope.checks.codes import CODES, Severity
from papscope.checks.findings import WARNED, Finding
from papscope.checks.given import Given, given_parts
from papscope.checks.pictures import Look
from papscope.checks.run import looked
from papscope.checks.ties import KINDS, Tie, ties_of
from papscope.errors import FindingsStop
from papscope.manifest import Manifest
from papscope.progress import Tell, silent
from papscope.split import PARTS, Split

FORMAT = 1

PART_WORDS = {"train": "training", "val": "validation", "test": "test"}
"""What parts are called in sentences."""

_ALWAYS_HIDDEN = (
    "two photographs of one cell, or cells of one slide, that no group, file or name ties together",
    "images changed so much that neither their picture nor their name shows where they came from",
)


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit of a split came to."""

    manifest: Manifest
    given: Given
    ties: Mapping[str, tuple[Tie, ...]]
    """All ties between the images, whether or not the split cuts them."""
    sides: tuple[Side, ...]
    """The gravest pair of parts first; one at least."""
    hidden: tuple[str, ...]
    """What these images do not let anybody see, as phrases; empty where all could be looked at."""

    @property
    def chief(self) -> Side:
        """The side of the verdict: the first that leaks, else the gravest."""
        certain = (side for side in self.sides if side.certain)
        doubtful = (side for side in self.sides if side.doubtful)
        return next(certain, next(doubtful, self.sides[0]))

    @property
    def severity(self) -> Severity | None:
        """`stop` where it leaks for certain, `warn` where it may; None where nothing was found."""
        if self.chief.certain:
            return "stop"
        return "warn" if self.chief.doubtful or self.hidden else None

    @property
    def exit_status(self) -> int:
        """0, 20 or 5, as `papscope check` gives them."""
        return {None: 0, "warn": WARNED, "stop": FindingsStop.exit_status}[self.severity]

    @property
    def counts(self) -> Mapping[str, int]:
        """Images of each part, in the order of tables."""
        found = Counter(self.given.split.part_of.values())
        return {part: found[part] for part in self.given.split.parts}

    def verdict(self) -> str:
        """Say in one sentence whether the split leaks, the words that matter most first."""
        side = self.chief
        if side.certain:
            have = "has" if len(side.certain) == 1 else "have"
            more = f", and {len(side.doubtful)} more may have one" if side.doubtful else ""
            return f"LEAKS: {many(side.certain, side)} {have} {there(side)}{more}"
        if side.doubtful:
            return f"No leak is certain, but {many(side.doubtful, side)} may have {there(side)}"
        told = f"No leak found: none of the {side.images} {judged(side)} has {there(side)}"
        return f"{told}, as far as can be seen" if self.hidden else told

    def looked_for(self) -> tuple[str, ...]:
        """Name the kinds of ties that were looked for, as phrases."""
        lacking = {"group": not self.ties["group"], "strict": not self.ties["strict"]}
        return tuple(kind.title.lower() for name, kind in KINDS.items() if not lacking.get(name))

    def cannot_see(self) -> tuple[str, ...]:
        """Say what nobody can see here, and what no audit of pictures can."""
        return (*self.hidden, *_ALWAYS_HIDDEN)

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form: every image concerned, with its nearest relative."""
        return {
            "papscope": "leak-audit",
            "format": FORMAT,
            "dataset": self.manifest.dataset,
            "manifest_sha256": self.manifest.digest,
            "split": self.given.told,
            "images": dict(self.counts),
            "severity": self.severity,
            "verdict": self.verdict(),
            "sides": [_side_json(side) for side in self.sides],
            "looked_for": list(self.looked_for()),
            "cannot_see": list(self.cannot_see()),
            "unplaced": list(self.given.unplaced),
        }


def audit_split(
    manifest: Manifest,
    split: Split | Path | None = None,
    *,
    workers: int = 1,
    tell: Tell = silent,
) -> Audit:
    """Look whether images to be tested by have relatives among those to learn from.

    Args:
        manifest: the images.
        split: of papscope's, or anybody's CSV file; None for the parts in which the images came.
        workers: processes that look at images. With more than one, a script must call this below
            `if __name__ == "__main__":`.
        tell: is told how far it is.

    Raises:
        TableError: the split cannot be read.
        SplitError: it names none of these images, or has one part.
    """
    given = given_parts(manifest, split)
    findings, looks = looked(manifest, workers=workers, tell=tell)
    ties = ties_of(manifest, looks, tell)
    return Audit(
        manifest=manifest,
        given=given,
        ties=ties,
        sides=sides_of(given, ties),
        hidden=tuple(_hidden(manifest, given, findings, looks)),
    )


def there(side: Side) -> str:
    """Say where the relatives of a side are: `a relative in training`."""
    if side.learned == FOLDS:
        return "a relative in another fold"
    return f"a relative in {PART_WORDS[side.learned]}"


def judged(side: Side) -> str:
    """Name the images of a side: `test images`."""
    return "images" if side.judged == FOLDS else f"{PART_WORDS[side.judged]} images"


def many(some: frozenset[str], side: Side) -> str:
    """Count images of a side, with their share, of which less than half a per cent is not none."""
    share = len(some) / side.images
    told = "below 1 %" if share < 0.005 else f"{100 * share:.0f} %"
    return f"{len(some)} of {side.images} {judged(side)} ({told})"


def _hidden(
    manifest: Manifest, given: Given, findings: Sequence[Finding], looks: Sequence[Look]
) -> list[str]:
    """Say what of these images could not be looked at."""
    inside = [row for row in manifest.rows if row.id in given.split.part_of and not row.made]
    told = []
    groupless = sum(row.group is None for row in inside)
    if groupless:
        told.append(
            f"which {manifest.group_is} {groupless} of {len(inside)} images come from: nobody has "
            "said it, so cells of one slide may lie on both sides"
        )
    seen = {look.id: look for look in looks}
    dark = [row.id for row in inside if row.id not in seen]
    if dark:
        told.append(f"{_pictures(dark)}: the file cannot be read, such as {dark[0]}")
    flat = [row.id for row in inside if row.id in seen and seen[row.id].likeness is None]
    if flat:
        told.append(f"{_pictures(flat)}: blank or a mask, such as {flat[0]}")
    changed = [name for one in findings if one.code == "changed" for name in one.rows]
    if changed:
        told.append(f"{_pictures(changed)} when imported: {CODES['changed'].means}")
    if given.unplaced:
        told.append(
            f"{len(given.unplaced)} names in the split that fit no image of the manifest, or "
            f"several, such as {given.unplaced[0]}"
        )
    return told


def _pictures(names: Sequence[str]) -> str:
    return f"what {len(names)} image{'' if len(names) == 1 else 's'} looked like"


def _side_json(side: Side) -> dict[str, Any]:
    return {
        "judged": side.judged,
        "learned": side.learned,
        "images": side.images,
        "certain": len(side.certain),
        "doubtful": len(side.doubtful),
        "kinds": {
            kind: {
                "certain": KINDS[kind].certain,
                "ties": side.ties[kind],
                "images": [
                    {"image": one.image, "relative": one.relative, "what": one.what}
                    for one in links
                ],
            }
            for kind, links in side.links.items()
        },
    }


def counted_parts(audit: Audit) -> str:
    """Say how many images each part has: `700 training, 217 test`."""
    if set(audit.counts) <= set(PARTS):
        return ", ".join(f"{count} {PART_WORDS[part]}" for part, count in audit.counts.items())
    return f"{sum(audit.counts.values())} in {len(audit.counts)} folds"
