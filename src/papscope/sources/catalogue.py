"""Where the public data sets lie, how large they are, and on what terms they may be used.

Takes   a data set's name, and another base address for a mirror
Gives   its published files with sizes and digests, its terms and its citation
Never   reaches the network

SIPaKMeD's digests were published by two independent users of the archives, not by its authors;
Herlev has no public digest; figshare and Mendeley Data give a digest with each file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from papscope.errors import SettingError
from papscope.sources import cric, herlev, mendeley, sipakmed

Algorithm = Literal["sha256", "md5"]


@dataclass(frozen=True, slots=True)
class Digest:
    """A published digest."""

    algorithm: Algorithm
    value: str
    """Lower-case hexadecimal."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A file that is published, and how it is known to be the right one."""

    url: str
    path: PurePosixPath
    """Where it goes, below the data set's folder."""
    size: int | None
    """Bytes; None where only about how many is known."""
    digest: Digest | None
    about: tuple[int, int] | None = None
    """Fewest and most bytes where `size` is None."""

    def __post_init__(self) -> None:
        if self.path.is_absolute() or ".." in self.path.parts or not self.path.name:
            raise ValueError(f"path {self.path} leaves the data set's folder")


@dataclass(frozen=True, slots=True)
class Published:
    """A public data set."""

    name: str
    base_url: str
    """Address before the files' names, or of the listing."""
    page: str
    terms: str
    citation: str
    files: tuple[Remote, ...] = ()
    """Empty where the address gives a listing."""
    unpacked: int = 0
    """About how many bytes the archives hold once unpacked."""
    caution: str = ""
    """What a user must know about how the files can be verified; empty where digests do it."""


_SIPAKMED = "https://www.cs.uoi.gr/~marina/SIPAKMED/"
_HERLEV = "http://mde-lab.aegean.gr/images/stories/docs/"
_SIPAKMED_FILES = (
    (
        "im_Dyskeratotic.7z",
        1182980549,
        "a8768bc03c9e814063ff946b7ef7548067e16b760168267d2b12e95a66955cce",
    ),
    (
        "im_Koilocytotic.7z",
        1290478065,
        "653578e878e3cc63a8510cd7ec26d918637d9881e913e29a5bb205d0d9cfb70d",
    ),
    (
        "im_Metaplastic.7z",
        1396480123,
        "97f1badc5f606f127d2af0d18a008ebd41a2b60f44785cb332a6eaa33004d2af",
    ),
    (
        "im_Parabasal.7z",
        548667699,
        "13e9c29f016a5b83731e038cfe518671a7815df28836dee706acba6ecd2369a8",
    ),
    (
        "im_Superficial-Intermediate.7z",
        762939737,
        "3b73e406df14d60b1bd9c8ac3b01b594e70bb51ba32fb080141fc6a7f489a599",
    ),
    (
        "Features_CELL.7z",
        608820,
        "23cebcab368e337e135d7c1bb39bc8a46bdfd19fbe20c0c4d74be4e003ee5688",
    ),
    (
        "Description_of_Features.pdf",
        478395,
        "4006bbee2ca0ed18cf12cd9ec3c1d7f2d203e716328e995f88e3365c97cf27b9",
    ),
)

PUBLISHED: Mapping[str, Published] = {
    "sipakmed": Published(
        name="sipakmed",
        base_url=_SIPAKMED,
        page="https://www.cs.uoi.gr/~marina/sipakmed.html",
        terms=sipakmed.LICENCE,
        citation=sipakmed.CITATION,
        files=tuple(
            Remote(_SIPAKMED + name, PurePosixPath(name), size, Digest("sha256", value))
            for name, size, value in _SIPAKMED_FILES
        ),
        # 966 fields of 2048 x 1536 pixels and 4,049 cells, as BMP.
        unpacked=10_000_000_000,
    ),
    "herlev": Published(
        name="herlev",
        base_url=_HERLEV,
        page="https://mde-lab.aegean.gr/index.php/downloads/",
        terms=herlev.LICENCE,
        citation=herlev.CITATION,
        # "85.17 MB" is published, which may mean millions of bytes or 2^20.
        files=(
            Remote(
                _HERLEV + "smear2005.zip",
                PurePosixPath("smear2005.zip"),
                None,
                None,
                (84_500_000, 90_000_000),
            ),
        ),
        unpacked=200_000_000,
        caution=(
            "no digest of this archive is published: it cannot be verified by digest, only by its "
            "size (85.17 MB) and by the checksums inside the zip"
        ),
    ),
    "cric": Published(
        name="cric",
        base_url="https://api.figshare.com/v2",
        page="https://doi.org/10.6084/m9.figshare.c.4960286.v2",
        terms=cric.LICENCE,
        citation=cric.CITATION,
    ),
    "mendeley": Published(
        name="mendeley",
        base_url="https://data.mendeley.com/public-api",
        page="https://data.mendeley.com/datasets/zddtpgzv63/4",
        terms=mendeley.LICENCE,
        citation=mendeley.CITATION,
    ),
}
"""The data sets that `papscope fetch` knows, by name."""


def published(name: str) -> Published:
    """Give what is published of a data set.

    Raises:
        SettingError: the name is not known.

    >>> published("sipakmed").files[3].size
    548667699
    """
    if name not in PUBLISHED:
        raise SettingError(
            f"{name!r} is no data set that can be fetched", hint=f"give {', '.join(PUBLISHED)}"
        )
    return PUBLISHED[name]
