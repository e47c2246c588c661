"""The folder that `papscope evidence` writes, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import made_run
import pytest
from typer.testing import CliRunner

from papscope.cli.main import app
from papscope.errors import BundleError, DiskError, SettingError
from papscope.evidence.closure import Installed
from papscope.evidence.measuring import EvidenceInput
from papscope.evidence.pack import evidence
from papscope.scores import write_scores

QUICK = EvidenceInput(resamples=100)
ENV = {"COLUMNS": "200", "NO_COLOR": "1"}


@pytest.fixture(autouse=True)
def few_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the tests the reading of every installed part; test_bill.py reads them."""
    needs = Installed("numpy", "2.0.0", "MIT", ())
    parts = (needs, Installed("papscope", "0.1.0", "Apache-2.0", ("numpy",)))
    monkeypatch.setattr("papscope.evidence.pack.installed_parts", lambda: parts)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


def told(folder: Path) -> dict:  # type: ignore[type-arg]
    found: dict = json.loads((folder / "evidence.json").read_text(encoding="utf-8"))  # type: ignore[type-arg]
    return found


def item(folder: Path, name: str, number: str) -> dict:  # type: ignore[type-arg]
    (checklist,) = (one for one in told(folder)["checklists"] if one["name"] == name)
    (found,) = (one for one in checklist["items"] if one["number"] == number)
    return found  # type: ignore[no-any-return]


def answers(path: Path, text: str, by: str = "A. Reader", on: str = "2026-03-31") -> Path:
    path.write_text(f'by = "{by}"\non = "{on}"\n{text}', encoding="utf-8")
    return path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    made_run.bundle(tmp_path / "m")
    return tmp_path / "m"


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    made_run.run(tmp_path)
    for name in ("one", "two"):
        evidence(tmp_path / "run", tmp_path / name, given=QUICK)

    names = ["evidence.html", "evidence.json", "open.toml", "sbom.cdx.json"]
    assert sorted(file.name for file in (tmp_path / "one").iterdir()) == names
    for name in names:
        one = (tmp_path / "one" / name).read_bytes()
        assert one == (tmp_path / "two" / name).read_bytes()
        assert str(tmp_path).encode() not in one
        assert b"/nowhere" not in one


def test_a_training_run_brings_its_own_evaluation(tmp_path: Path) -> None:
    made_run.run(tmp_path)

    pack = evidence(tmp_path / "run", tmp_path / "out", given=QUICK)

    assert pack.subject.kind == "training run"
    found = item(tmp_path / "out", "claim", "38")
    assert found["status"] == "known"
    assert re.search(
        r"Sensitivity for abnormal 0\.\d{3} \[0\.\d{3}, [01]\.\d{3}\], n 60", found["answer"]
    )
    assert {one["file"] for one in found["sources"]} == {"evaluation/scores.csv"}
    assert item(tmp_path / "out", "claim", "33")["status"] == "open"


def test_a_cross_validation_speaks_by_its_scores(tmp_path: Path) -> None:
    made_run.crossval(tmp_path)

    pack = evidence(tmp_path / "cv", tmp_path / "out", given=QUICK)

    assert (pack.subject.kind, len(pack.subject.models)) == ("cross-validation", 2)
    assert "2 folds" in item(tmp_path / "out", "tripod-ai", "4")["answer"]
    assert "plain, wide" in item(tmp_path / "out", "claim", "26")["answer"]
    assert item(tmp_path / "out", "tripod-ai", "23b")["status"] == "known"


def test_another_data_set_is_external_and_the_same_one_is_not(tmp_path: Path) -> None:
    model = made_run.bundle(tmp_path / "m")
    write_scores(tmp_path / "here" / "scores.csv", made_run.scores(model, dataset="cric-4"))
    write_scores(tmp_path / "there" / "scores.csv", made_run.scores(model, dataset="herlev"))

    evidence(tmp_path / "m", tmp_path / "one", given=EvidenceInput(
        evaluations=(tmp_path / "here",), resamples=100))  # fmt: skip
    evidence(tmp_path / "m", tmp_path / "two", given=EvidenceInput(
        evaluations=(tmp_path / "here", tmp_path / "there/scores.csv"), resamples=100))  # fmt: skip

    assert item(tmp_path / "one", "claim", "33")["status"] == "open"
    found = item(tmp_path / "two", "claim", "33")
    assert found["status"] == "known"
    assert found["answer"].startswith("On Herlev, which it did not learn from (there/scores.csv)")
    assert [one["about"] for one in told(tmp_path / "two")["data_cards"]] == [
        "cric",
        "cric-4",
        "herlev",
    ]


def test_scores_of_another_model_are_refused(bundle: Path, tmp_path: Path) -> None:
    write_scores(tmp_path / "e" / "scores.csv", made_run.scores("cd" * 32))
    given = EvidenceInput(evaluations=(tmp_path / "e",), resamples=100)

    with pytest.raises(SettingError, match="holds scores of the model cdcdcdcdcdcd, not of m"):
        evidence(bundle, tmp_path / "out", given=given)
    assert not (tmp_path / "out").exists()


def test_an_evaluation_of_an_older_bundle_is_not_taken_for_the_runs(tmp_path: Path) -> None:
    made_run.run(tmp_path)
    made_run.bundle(tmp_path / "run" / "bundle", weights="trained again")

    with pytest.raises(
        SettingError, match=r"scores\.csv holds scores of the model \w+, not of run"
    ):
        evidence(tmp_path / "run", tmp_path / "out", given=QUICK)


def test_a_manifest_and_a_split_of_other_images_are_refused(bundle: Path, tmp_path: Path) -> None:
    made_run.run(tmp_path / "other")
    for given, told in (
        (EvidenceInput(manifests=(tmp_path / "other/cells.csv",)), "is not the manifest"),
        (EvidenceInput(splits=(tmp_path / "other/split.csv",)), "divides other images"),
    ):
        with pytest.raises(SettingError, match=told):
            evidence(bundle, tmp_path / "out", given=given)


def test_leaking_scores_keep_their_stamp(tmp_path: Path) -> None:
    model = made_run.bundle(tmp_path / "m")
    leaking = made_run.scores(model)
    object.__setattr__(leaking, "about", {**leaking.about, "leaks": "leaks: cells of one slide"})
    write_scores(tmp_path / "e" / "scores.csv", leaking)

    evidence(tmp_path / "m", tmp_path / "out", given=EvidenceInput(
        evaluations=(tmp_path / "e",), resamples=100))  # fmt: skip

    assert "leaks: cells of one slide" in item(tmp_path / "out", "claim", "37")["answer"]


def test_what_is_no_run_is_refused_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(
        BundleError, match="no training run, no cross-validation and no bundle"
    ) as no:
        evidence(tmp_path / "nothing", tmp_path / "out")
    assert "cric-6" in no.value.hint

    (tmp_path / "cv").mkdir()
    (tmp_path / "cv" / "crossval.json").write_text("{")
    with pytest.raises(BundleError, match=r"crossval\.json is damaged"):
        evidence(tmp_path / "cv", tmp_path / "out")


def test_a_filled_in_form_answers_with_name_and_day(bundle: Path, tmp_path: Path) -> None:
    evidence(bundle, tmp_path / "out")
    form = (tmp_path / "out" / "open.toml").read_text(encoding="utf-8")
    assert "[funding]\n# Who paid for the work" in form
    filled = form.replace('by = ""', 'by = "A. Reader"').replace('on = ""', "on = 2026-03-31")
    filled = re.sub(r'(\[funding\]\n(?:#.*\n)*)answer = ""', r'\1answer = "Nobody."', filled)
    filled = re.sub(
        r'(\[treatments\]\n(?:#.*\n)*)answer = ""', r'\1not_applicable = "Cells."', filled
    )
    (tmp_path / "mine.toml").write_text(filled, encoding="utf-8")

    pack = evidence(bundle, tmp_path / "out", answers=tmp_path / "mine.toml")

    paid = item(tmp_path / "out", "claim", "44")
    assert (paid["status"], paid["answer"]) == ("known", "Nobody.")
    assert paid["sources"][0]["written_by"] == "A. Reader"
    assert paid["sources"][0]["written_on"] == "2026-03-31"
    treated = item(tmp_path / "out", "tripod-ai", "6c")
    assert (treated["status"], treated["answer"]) == ("not applicable", "Cells.")
    page = (tmp_path / "out" / "evidence.html").read_text(encoding="utf-8")
    assert "written by A. Reader on 2026-03-31 (mine.toml)" in page
    assert "funding" not in pack.waiting
    assert "ethics" in pack.waiting


def test_a_persons_words_stand_beside_the_runs(bundle: Path, tmp_path: Path) -> None:
    mine = answers(tmp_path / "a.toml", '[users]\nanswer = "Two readers."\n')

    evidence(bundle, tmp_path / "out", answers=mine)

    found = item(tmp_path / "out", "model-card", "2.1")
    assert found["status"] == "known"
    assert found["answer"].startswith("Its bundle says: research only")
    assert found["answer"].endswith("Two readers.")


@pytest.mark.parametrize(
    ("text", "who", "wrong"),
    [
        ('[fundings]\nanswer = "x"', "A", "an answer to 'fundings', which nobody asked for"),
        ('[funding]\nanswers = "x"', "A", "has something that is no answer"),
        ('funding = "x"', "A", "has something that is no answer"),
        ("[funding]\nanswer = 3", "A", "has something that is no answer"),
        ('[funding]\nanswer = "x"', "", "does not say who wrote it"),
        ('[funding]\nanswer = "x"\non = "soon"', "A", "does not say who wrote it and on which day"),
        ('[funding]\nanswer = "x"\nnot_applicable = "y"', "A", "both an answer and a reason"),
        ("[funding", "A", "cannot be read"),
    ],
)
def test_answers_that_mean_nothing_are_refused(
    bundle: Path, tmp_path: Path, text: str, who: str, wrong: str
) -> None:
    mine = answers(tmp_path / "a.toml", text, by=who)

    with pytest.raises(SettingError, match=wrong):
        evidence(bundle, tmp_path / "out", answers=mine)
    assert not (tmp_path / "out").exists()


def test_what_is_left_empty_stays_open(bundle: Path, tmp_path: Path) -> None:
    mine = answers(tmp_path / "a.toml", '[funding]\nanswer = ""\n', by="", on="")

    pack = evidence(bundle, tmp_path / "out", answers=mine)

    assert "funding" in pack.waiting


def test_a_form_is_not_written_over_unless_asked(bundle: Path, tmp_path: Path) -> None:
    form = tmp_path / "out" / "open.toml"
    assert not evidence(bundle, tmp_path / "out").form_kept
    before = form.read_text(encoding="utf-8")
    assert not evidence(bundle, tmp_path / "out").form_kept
    form.write_text(before + "# half a day's work\n", encoding="utf-8")

    assert evidence(bundle, tmp_path / "out").form_kept
    assert form.read_text(encoding="utf-8").endswith("# half a day's work\n")
    with pytest.raises(DiskError, match="holds the answers that were given"):
        evidence(bundle, tmp_path / "out", answers=form, new_form=True)
    assert not evidence(bundle, tmp_path / "out", new_form=True).form_kept
    assert form.read_text(encoding="utf-8") == before


def test_the_page_needs_nothing_else_and_escapes_what_people_write(
    bundle: Path, tmp_path: Path
) -> None:
    mine = answers(tmp_path / "a.toml", '[funding]\nanswer = "<script>alert(1)</script>"\n')

    evidence(bundle, tmp_path / "out", answers=mine)

    page = (tmp_path / "out" / "evidence.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!#|data:)', page)
    assert "research use only, not a medical device" in page
    for one in told(tmp_path / "out")["checklists"]:
        row = re.search(rf'<tr data-list="{one["name"]}">.*?</tr>', page, re.DOTALL)
        assert row
        numbers = [int(text) for text in re.findall(r'class="num">(\d+)<', row[0])]
        assert numbers[:4] == [one["counts"][key] for key in
                               ("known", "partly", "open", "not applicable")]  # fmt: skip
        assert numbers[4] == len(one["items"]) == sum(numbers[:4])


def test_the_command_tells_the_counts_and_the_page(bundle: Path, tmp_path: Path) -> None:
    words = ["evidence", str(bundle), "-o", str(tmp_path / "out")]

    first = CliRunner().invoke(app, words, env=ENV)
    (tmp_path / "out" / "open.toml").write_text("mine", encoding="utf-8")
    second = CliRunner().invoke(app, words, env=ENV)

    assert first.exit_code == second.exit_code == 0
    assert re.search(r"CLAIM 2024 +│ +\d+ │", first.stdout)
    assert re.search(r"\d+ questions are left for a person", first.stdout)
    assert str(tmp_path / "out" / "evidence.html") in first.stdout.replace("\n", "")
    assert "--new-form writes it anew" in second.stderr
    assert (tmp_path / "out" / "open.toml").read_text(encoding="utf-8") == "mine"


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["evidence", "cric-7", "-o", str(tmp_path / "o")], env=ENV)

    assert said.exit_code == BundleError.exit_status
    assert "error: cric-7 is no training run" in said.stderr
