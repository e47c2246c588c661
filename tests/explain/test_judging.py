"""No map of a method that overlooks the network, and none that does not beat random order."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from made_engines import DarkSpot, bundle_of, noise, spotted

from papscope.bundle import Bundle
from papscope.explain.judging import (
    Alike,
    Judged,
    Sanity,
    fault_of_all,
    fault_of_map,
    fault_of_method,
)
from papscope.explain.making import maker_for
from papscope.explain.maps import Map, MapMaker
from papscope.explain.occlusion import ByOcclusion
from papscope.explain.removing import Areas
from papscope.explain.sanity import rank_correlation, sanity_of, ssim
from papscope.image import Pixels


def edges(square: Pixels, place: int) -> Map:
    """A map that any network would have: where the picture changes from left to right."""
    return np.asarray(np.abs(np.diff(square.mean(axis=2), axis=1, append=0)), dtype=np.float32)


def asked(count: int = 3) -> list[tuple[Pixels, int]]:
    return [(one, 0) for one in noise(count)]


def test_a_map_that_overlooks_the_network_fails_and_is_told_by_how_much(tmp_path: Path) -> None:
    def maker(_: Bundle) -> MapMaker:
        return edges

    sanity = sanity_of(bundle_of(tmp_path), maker, asked())

    assert sanity.passed is False
    assert [(one.rank, one.ssim) for one in sanity.alike] == [(1.0, 1.0)] * 3
    assert "rank correlation 1.00, more than 0.5" in fault_of_method(sanity)


def test_a_map_that_asks_the_network_changes_with_its_weights(tmp_path: Path) -> None:
    sanity = sanity_of(
        bundle_of(tmp_path), lambda one: maker_for(one, "occlusion", device="cpu"), asked()
    )
    assert sanity.passed is True
    assert [one.rung for one in sanity.alike] == ["head", "half", "all"]
    assert fault_of_method(sanity) == ""


def test_the_check_can_be_written_down_and_read_again() -> None:
    sanity = Sanity((Alike("head", 0.25, 0.5), Alike("all", 0.125, 0.0)), 3)
    assert Sanity.from_json(sanity.to_json()) == sanity
    assert Sanity.from_json(Sanity((), 0, "no onnx").to_json()).passed is None


def test_a_map_of_nothing_is_like_no_other() -> None:
    nothing, ramp = np.zeros((16, 16)), np.arange(256.0).reshape(16, 16)
    assert rank_correlation(nothing.astype(np.float32), ramp.astype(np.float32)) == 0
    assert ssim(ramp.astype(np.float32), ramp.astype(np.float32)) == pytest.approx(1)


def test_for_and_against_count_alike_when_maps_are_compared() -> None:
    ramp = np.linspace(-1, 1, 256, dtype=np.float32).reshape(16, 16)
    assert rank_correlation(ramp, -ramp) == pytest.approx(1)


@pytest.mark.parametrize(
    ("deletion", "insertion", "told"),
    [
        (0.3, 0.7, ""),
        (0.5, 0.7, "lowers the answer no sooner .* area 0.500, random 0.500"),
        (0.3, 0.5, "brings the answer back no sooner .* area 0.500, random 0.500"),
    ],
)
def test_a_map_must_beat_random_places_both_ways(
    deletion: float, insertion: float, told: str
) -> None:
    fault = fault_of_map(Judged(Areas(deletion, insertion), (Areas(0.4, 0.4), Areas(0.6, 0.6))))
    assert re.fullmatch(told and f".*{told}.*", fault)


def test_over_several_pictures_chance_is_not_enough() -> None:
    def with_gain(gain: float) -> Judged:
        return Judged(Areas(0.5 - gain, 0.5 + gain), (Areas(0.5, 0.5),))

    mixed = [with_gain(0.1 if n % 2 else -0.1) for n in range(8)]
    good = [with_gain(0.1 + n / 100) for n in range(8)]

    assert "over the 8 pictures it is no better" in fault_of_all(mixed)
    assert "p = 1.00" in fault_of_all([with_gain(0.0)] * 6)
    assert fault_of_all(good) == ""
    assert fault_of_all(mixed[:5]) == ""


def test_the_reason_of_a_known_rule_passes_all_checks() -> None:
    from papscope.explain.removing import areas, random_areas

    engine, square = DarkSpot(), spotted(64)
    found = ByOcclusion(engine)(square, 1)
    judged = Judged(areas(engine, square, 1, found), random_areas(engine, square, 1, found))
    assert fault_of_map(judged) == ""
