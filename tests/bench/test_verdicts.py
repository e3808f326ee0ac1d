"""The bench of verdicts: how cases are read and how judges are scored."""

from __future__ import annotations

import json
import pathlib
import tomllib

from bench import verdicts
from bench.verdicts import Case, Outcome


def test_a_larger_corpus_is_read_without_cases_of_failing_installations(tmp_path: pathlib.Path) -> None:
    row = {"id": "a", "install": [["x==1"]], "post": [], "env": {}, "probe": "import x", "python": "3.9"}
    rows = [row, {**row, "id": "b", "phase": "install"}, {**row, "id": "c", "post": ["rm $SP/x.py"]}]
    (tmp_path / "corpus.json").write_text(json.dumps(rows))
    cases = verdicts.read(tmp_path / "corpus.json")
    assert [(case.id, case.declared) for case in cases] == [("a", True), ("c", False)]


def test_the_own_cases_can_be_read_and_are_distinct() -> None:
    cases = verdicts.read(verdicts.CASES)
    assert len({case.id for case in cases}) == len(cases) >= 8
    assert any(case.declared for case in cases)


def test_a_case_as_a_spec_has_a_stage_for_each_step() -> None:
    case = Case(id="two", install=(("a==1",), ("b==2", "c")), probe="", python="3.9")
    spec = tomllib.loads(verdicts.spec(case))
    assert spec["python"] == "3.9"
    assert [stage["install"] for stage in spec["stage"]] == [["a==1"], ["b==2", "c"]]


def test_judges_are_scored_over_what_they_said_something_of() -> None:
    case = Case(id="x", install=(), probe="")
    outcomes = [
        Outcome(case=case, broken=True, alarmed={"envspec verify": True, "pip check": False}),
        Outcome(case=case, broken=True, alarmed={"envspec verify": False}),
        Outcome(case=case, broken=False, alarmed={"envspec verify": False, "pip check": True}),
    ]
    found, refused = verdicts.scores(outcomes)
    assert [(side.name, side.median, side.note) for side in found.sides] == [
        ("envspec verify", 50.0, "of 2"), ("pip check", 0.0, "of 1"),
    ]  # fmt: skip
    assert [side.median for side in refused.sides] == [0.0, 1.0]
    assert refused.reached
