"""`papscope classes` prints every reading with its sources, and names what it does not know."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from papscope.cli.main import app
from papscope.readings import readings
from papscope.taxonomy import KNOWN

RUNNER = CliRunner()
WIDE = {"COLUMNS": "400", "NO_COLOR": "1"}


def run(*words: str) -> tuple[int, str, str]:
    result = RUNNER.invoke(app, ["classes", *words], env=WIDE)
    return result.exit_code, result.stdout, result.stderr


def test_a_data_sets_classes_are_shown_with_sentence_and_source() -> None:
    status, told, _ = run("sipakmed")

    assert status == 0
    for one in readings("sipakmed"):
        assert one.whole in told
        assert one.why in told
    assert "no single category" in told
    assert "Plissiti ME" in told
    assert "Jantzen" not in told
    assert "never a diagnosis of a slide or of a person" in told


def test_all_data_sets_are_shown_where_none_is_named() -> None:
    _, told, _ = run()
    assert [line.strip() for line in told.splitlines() if line.strip() in KNOWN] == list(KNOWN)


def test_json_holds_every_class_in_order() -> None:
    _, told, _ = run("--json")

    content = json.loads(told)

    found = {one["dataset"]: [each["name"] for each in one["classes"]] for one in content}
    assert found == {name: [one.name for one in classes] for name, classes in KNOWN.items()}
    assert content[0]["classes"][0]["category"] == "no single category"
    assert content[0]["classes"][0]["bethesda"] is None


def test_an_unknown_data_set_is_named_with_those_that_are_known() -> None:
    status, _, told = run("circ")

    assert status == 2
    assert "papscope knows no classes of 'circ'" in told
    assert "sipakmed, herlev, cric" in told
