"""Agreement: the formulas, what is undefined, and which readings count."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from fastapi.testclient import TestClient
from made_case import made_case
from made_readers import Asking, pictures, reader

from papscope.seeds import stream
from papscope.serve import verdicts
from papscope.serve.agreement import agreement
from papscope.serve.kappa import compared, fleiss
from papscope.serve.services import Services
from papscope.serve.verdicts import Given
from papscope.taxonomy import CellClass, classes_of

BETHESDA = classes_of("cric")
TWO = (CellClass("yes"), CellClass("no"))


def readings(table: list[list[int]], names: list[str]) -> tuple[list[str], list[str]]:
    """What two readers said, from how often the one said the row's and the other the column's."""
    cells = [(a, b, n) for a, row in enumerate(table) for b, n in enumerate(row)]
    first = [names[a] for a, _, n in cells for _ in range(n)]
    return first, [names[b] for _, b, n in cells for _ in range(n)]


def test_kappa_is_cohens() -> None:
    # 20 and 15 agreed upon of 50: chance agrees on 1/2, and 7/10 were (7/10 - 1/2) / (1 - 1/2).
    first, second = readings([[20, 5], [10, 15]], ["yes", "no"])

    found = compared(first, second, TWO)

    assert found.agreement is not None
    assert found.kappa is not None
    assert found.agreement.value == pytest.approx(0.7)
    assert found.kappa.value == pytest.approx(float(Fraction(2, 5)))
    assert found.weighted_kappa is None
    assert "no place in one order" in found.why["weighted_kappa"].replace(
        "not every class has a", "no"
    )


def test_weighted_kappa_weighs_by_the_squared_distance_of_grades() -> None:
    names = ["NILM", "LSIL", "SCC"]  # grades 0, 2, 5
    table = [[10, 2, 0], [1, 8, 3], [0, 1, 9]]
    first, second = readings(table, names)
    seen = np.array(table) / 34
    apart = np.subtract.outer([0, 2, 5], [0, 2, 5]) ** 2
    by_chance = np.outer(seen.sum(axis=1), seen.sum(axis=0))
    wanted = 1 - (seen * apart).sum() / (by_chance * apart).sum()

    found = compared(first, second, BETHESDA).weighted_kappa

    assert found is not None
    assert found.value == pytest.approx(wanted)


def test_the_interval_of_kappa_covers_the_truth_about_as_often_as_it_says() -> None:
    """Readers who copy the truth 4 times of 5 and guess otherwise: kappa is 0.64 of many."""
    draw, inside = stream(5, "test/kappa"), 0
    for _ in range(60):
        truth = draw.integers(0, 2, 80)
        said = [np.where(draw.random(80) < 0.8, truth, draw.integers(0, 2, 80)) for _ in range(2)]
        first, second = ([TWO[place].name for place in one] for one in said)
        found = compared(first, second, TWO).kappa
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 0.64 <= found.high

    assert 50 <= inside <= 60


def test_what_is_not_defined_is_told_and_never_nan() -> None:
    nothing = compared([], [], TWO)
    same = compared(["yes"] * 5, ["yes"] * 5, TWO)
    whole = compared(["yes", "no"] * 5, ["yes", "no"] * 5, TWO)
    constant = compared(["yes"] * 6, ["yes", "no"] * 3, TWO)

    assert (nothing.n, nothing.kappa) == (0, None)
    assert nothing.why["kappa"] == "no picture was read by both"
    assert same.kappa is None
    assert "only one class was named" in same.why["kappa"]
    assert whole.kappa is not None
    assert (whole.kappa.value, whole.kappa.low) == (1.0, None)
    assert "no disagreement was seen" in whole.why["kappa"]
    assert whole.agreement is not None
    assert whole.agreement.low == pytest.approx(0.7225, abs=1e-4)  # Wilson of 10 of 10
    assert constant.kappa is not None
    assert (constant.kappa.value, constant.kappa.low) == (0.0, None)


def test_fleiss_kappa_is_that_of_his_paper() -> None:
    """Fleiss 1971 as every textbook has it: 10 subjects, 14 raters, 5 categories, 0.210."""
    table = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    rows = [[str(place) for place, n in enumerate(row) for _ in range(n)] for row in table]

    value, why = fleiss(rows, [str(place) for place in range(5)])

    assert value == pytest.approx(0.210, abs=5e-4)
    assert why == ""
    assert fleiss([["a", "a"]], ["a", "b"])[0] is None


def test_a_change_of_mind_after_seeing_the_others_verdict_is_not_agreement(
    services: Services,
) -> None:
    case_id = made_case(services, 4)
    images = pictures(services, case_id)
    ada, eve = reader(services, "ada"), reader(services, "eve")
    for image, (one, other) in zip(
        images, [("LSIL", "LSIL"), ("HSIL", "HSIL"), ("SCC", "NILM"), ("NILM", "NILM")], strict=True
    ):
        verdicts.give(services, image, ada, Given("correct", one))
        verdicts.give(services, image, eve, Given("correct", other))

    before = agreement(services, case_id, eve).pairs[0]
    verdicts.give(services, images[2], eve, Given("correct", "SCC"))
    talked = agreement(services, case_id, eve)
    verdicts.undo(services, images[2], eve)
    back = agreement(services, case_id, eve)
    verdicts.undo(services, images[0], eve)
    fewer = agreement(services, case_id, ada)

    assert before.agreement is not None
    assert before.agreement.value == 0.75
    assert talked.pairs[0] == back.pairs[0] == before
    assert [one.informed for one in talked.readers] == [0, 1]
    assert (fewer.pairs[0].n, fewer.restricted) == (3, True)


def test_only_pictures_that_the_asker_has_read_are_counted_until_the_case_is_closed(
    client: TestClient, services: Services
) -> None:
    case_id = made_case(services, 6)
    images = pictures(services, case_id)
    people = [reader(services, name) for name in ("ada", "bob", "eve")]
    bob = Asking(client, services, people[1])
    for image in images:
        for person in (people[0], people[2]):
            verdicts.give(services, image, person, Given("agree"))
    verdicts.give(services, images[0], people[1], Given("unsure"))
    verdicts.give(services, images[1], people[1], Given("agree"))

    open_one = bob.get(f"/v1/cases/{case_id}/agreement").json()
    client.patch(f"/v1/cases/{case_id}", json={"closed": True})
    closed = bob.get(f"/v1/cases/{case_id}/agreement").json()

    assert (open_one["restricted"], open_one["images"]) == (True, 2)
    pairs = {(one["first"], one["second"]): one for one in open_one["pairs"]}
    assert (pairs["ada", "eve"]["n"], pairs["ada", "bob"]["n"]) == (2, 1)
    assert pairs["ada", "bob"]["unsure"] == 1
    assert (closed["restricted"], closed["images"]) == (False, 6)
    assert {(one["first"], one["second"]): one["n"] for one in closed["pairs"]} == {
        ("ada", "bob"): 1, ("ada", "eve"): 6, ("bob", "eve"): 1,
    }  # fmt: skip
    assert [one["n"] for one in closed["with_model"]] == [6, 1, 6]
    assert closed["with_model"][0]["agreement"]["value"] == 1.0
    assert (closed["all_readers"]["readers"], closed["all_readers"]["n"]) == (3, 1)


def test_a_case_that_nobody_has_read_has_no_agreement(
    client: TestClient, services: Services
) -> None:
    found = client.get(f"/v1/cases/{made_case(services, 2)}/agreement").json()

    assert (found["images"], found["pairs"], found["all_readers"]) == (0, [], None)
