"""One family of failures: each has its code and statuses, and crosses to other processes whole."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context

import pytest

from papscope import errors
from papscope.errors import ImageError, MissingExtra, PapscopeError, SplitError, needs_extra


def family(kind: type[PapscopeError] = PapscopeError) -> Iterator[type[PapscopeError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from family(child)


KINDS = [kind for kind in family() if kind.__module__ == errors.__name__]


def fail(kind: type[PapscopeError]) -> None:
    raise kind("what happened", hint="what to try")


def fail_on_an_image() -> None:
    raise ImageError("cut short", hint="copy it again", reason="truncated")


@pytest.mark.parametrize("kind", KINDS)
def test_each_failure_has_a_code_and_statuses_of_its_own(kind: type[PapscopeError]) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code)
    assert 1 <= kind.exit_status < 126  # the shell keeps the rest
    assert 400 <= kind.http_status < 600
    if kind is not PapscopeError:
        assert "code" in vars(kind)


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in KINDS]
    assert len(KINDS) > 10
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", KINDS)
def test_each_failure_survives_pickling_with_its_hint(kind: type[PapscopeError]) -> None:
    back = pickle.loads(pickle.dumps(kind("what", hint="hint")))
    assert type(back) is kind
    assert (str(back), back.hint) == ("what", "hint")


def test_failures_cross_from_another_process_whole() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        with pytest.raises(SplitError, match=r"^what happened$") as told:
            pool.submit(fail, SplitError).result()
        with pytest.raises(ImageError, match=r"^cut short$") as refused:
            pool.submit(fail_on_an_image).result()
    assert told.value.hint == "what to try"
    assert (refused.value.hint, refused.value.reason) == ("copy it again", "truncated")


def test_a_hint_is_demanded() -> None:
    with pytest.raises(TypeError, match="hint"):
        PapscopeError("what")  # type: ignore[call-arg]


def test_a_missing_package_is_told_with_the_extra_that_brings_it() -> None:
    said = "^looking needs no_such_package, which is not installed$"
    with (
        pytest.raises(MissingExtra, match=said) as told,
        needs_extra("train", for_what="looking"),
    ):
        import_module("no_such_package.part")
    assert told.value.hint == 'pip install "papscope[train]"'


def test_a_missing_part_of_papscope_is_a_bug_and_no_extra() -> None:
    with (
        pytest.raises(ModuleNotFoundError, match="no_such_part"),
        needs_extra("train", for_what="looking"),
    ):
        import_module("papscope.no_such_part")
