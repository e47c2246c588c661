"""Ask figshare and Mendeley Data which files a data set has.

Takes   a way to ask for JSON, and the address of the service
Gives   the files, with sizes and digests
Never   fetches a file; never trusts a name: one that could leave the folder is refused
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any, TypeAlias

from papscope.errors import DownloadError
from papscope.image import SUFFIXES
from papscope.progress import Tell, silent
from papscope.sources.catalogue import Digest, Remote

Ask: TypeAlias = Callable[[str], Any]
"""Called with an address; gives the JSON value found there."""

CRIC_COLLECTION = 4960286
MENDELEY_SET = "zddtpgzv63"
MENDELEY_VERSION = 4
PAGE = 100
_CRIC_TABLES = ("classifications.csv", "classifications.json")
_FORBIDDEN = frozenset('/\\:*?"<>|')


def cric_files(ask: Ask, base_url: str, tell: Tell = silent) -> tuple[Remote, ...]:
    """List CRIC's fields, which go to `fields/`, and its tables of cells.

    The collection has one article for each field, and some for tables and outlines; of these only
    the tables of cells are listed.

    Raises:
        DownloadError: the service's answer is not understood, or has no fields.
    """
    base = base_url.rstrip("/")
    articles = list(_articles(ask, f"{base}/collections/{CRIC_COLLECTION}/articles"))
    found: list[Remote] = []
    for done, article in enumerate(articles, start=1):
        answer = ask(f"{base}/articles/{article}")
        found.extend(_figshare_file(file) for file in _items(_get(answer, "files")))
        tell("articles listed", done, len(articles))
    kept = []
    for file in found:
        if PurePosixPath(file.path.name).suffix.lower() in SUFFIXES:
            kept.append(_moved(file, PurePosixPath("fields") / file.path))
        elif file.path.name in _CRIC_TABLES:
            kept.append(file)
    return _distinct(kept)


def _articles(ask: Ask, url: str) -> Iterator[int]:
    page = 1
    while True:
        items = _items(ask(f"{url}?page={page}&page_size={PAGE}"))
        for item in items:
            yield _whole(_get(item, "id"))
        if len(items) < PAGE:
            return
        page += 1


def _figshare_file(value: Any) -> Remote:
    digest = value.get("supplied_md5") or value.get("computed_md5")
    return Remote(
        _text(_get(value, "download_url")),
        PurePosixPath(safe_name(_text(_get(value, "name")))),
        _whole(_get(value, "size")),
        Digest("md5", _text(digest).lower()) if digest else None,
    )


def mendeley_files(ask: Ask, base_url: str, tell: Tell = silent) -> tuple[Remote, ...]:
    """List the fields of the Mendeley LBC data set, in the folders of their classes.

    Raises:
        DownloadError: the service's answer is not understood, or has no fields.
    """
    base = f"{base_url.rstrip('/')}/datasets/{MENDELEY_SET}"
    folders = _items(ask(f"{base}/folders/{MENDELEY_VERSION}"))
    places = {_text(_get(one, "id")): one for one in folders}
    found: list[Remote] = []
    for done, key in enumerate(["root", *sorted(places)], start=1):
        place = PurePosixPath() if key == "root" else _folder(places, key)
        answer = ask(f"{base}/files?folder_id={key}&version={MENDELEY_VERSION}")
        found.extend(_mendeley_file(file, place) for file in _items(answer))
        tell("folders listed", done, len(places) + 1)
    return _distinct(found)


def _folder(places: dict[str, Any], key: str) -> PurePosixPath:
    names: list[str] = []
    while key in places and len(names) <= len(places):
        names.append(safe_name(_text(_get(places[key], "name"))))
        key = str(places[key].get("parent_id") or "")
    return PurePosixPath(*reversed(names))


def _mendeley_file(value: Any, place: PurePosixPath) -> Remote:
    content = _get(value, "content_details")
    digest = content.get("sha256_hash")
    return Remote(
        _text(_get(content, "download_url")),
        place / safe_name(_text(_get(value, "filename"))),
        _whole(content["size"] if "size" in content else _get(value, "size")),
        Digest("sha256", _text(digest).lower()) if digest else None,
    )


def safe_name(name: str) -> str:
    r"""Give back a name that names a file in its folder, and nothing else.

    Raises:
        DownloadError: the name could lead elsewhere, on some system.

    >>> safe_name("NL_10_ (5).jpg")
    'NL_10_ (5).jpg'
    >>> safe_name("../a")
    Traceback (most recent call last):
    papscope.errors.DownloadError: the listing has a file called '../a', which is no plain name
    """
    plain = not _FORBIDDEN & set(name) and name.strip(" .") and name.isprintable()
    if not plain or name != name.rstrip(" ."):
        raise DownloadError(
            f"the listing has a file called {name!r}, which is no plain name",
            hint="check the address: this is not what the data set's authors published",
        )
    return name


def _distinct(files: Iterable[Remote]) -> tuple[Remote, ...]:
    """Sort by path; drop what is listed twice, and number what only has the same name."""
    kept: dict[str, Remote] = {}
    for file in files:
        path, number = file.path, 1
        while (other := kept.get(str(path).casefold())) is not None:
            if (other.digest, other.size) == (file.digest, file.size) and file.digest is not None:
                break
            number += 1
            path = file.path.with_stem(f"{file.path.stem}-{number}")
        else:
            kept[str(path).casefold()] = _moved(file, path)
    if not kept:
        raise DownloadError(
            "the listing names no file", hint="check the address, or try again later"
        )
    return tuple(sorted(kept.values(), key=lambda file: str(file.path)))


def _moved(file: Remote, path: PurePosixPath) -> Remote:
    return Remote(file.url, path, file.size, file.digest, file.about)


def _strange(what: str) -> DownloadError:
    return DownloadError(
        f"the listing is not understood: {what}",
        hint="the service may have changed: check the address, or try again later",
    )


def _items(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _strange("a list of objects was expected")
    return value


def _get(value: Any, key: str) -> Any:
    if not isinstance(value, dict) or key not in value:
        raise _strange(f"something has no {key!r}")
    return value[key]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _strange(f"{value!r} is no text")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _strange(f"{value!r} is no whole number")
    return value
