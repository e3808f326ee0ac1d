"""How distributions hang together, from what a verdict says of each."""

from __future__ import annotations

import dataclasses

from builder.report.html import render
from builder.report.matrix import owner
from builder.report.relations import relations
from builder.values.verdict import Installed, Verdict
from envspec.system.finding import Finding, Severity

from .samples import EMPTY, JUDGED, NOBODY, SHIPS, VERDICT


def of(*distributions: Installed) -> dict[str, tuple[list[tuple[str, str]], list[str], str]]:
    """States of needs, users, and the state of NumPy, by name."""
    report = dataclasses.replace(JUDGED, verdict=dataclasses.replace(VERDICT, distributions=distributions))
    return {
        each.name: (
            [(need.name, need.state) for need in each.needs],
            [name for _, name in each.users],
            each.numpy_state,
        )
        for each in relations(report)
    }


def test_needs_are_met_missed_or_met_by_another_version() -> None:
    found = of(
        Installed(name="App_One", version="1", requires=("Lib-A>=1", "lib.b<2", "absent")),
        Installed(name="lib_a", version="1.5"),
        Installed(name="lib-b", version="2.0", requires=("lib-a",)),
    )
    assert found["App_One"][0] == [("Lib-A", "ok"), ("lib.b", "warning"), ("absent", "error")]
    assert found["lib_a"][1] == ["App_One", "lib-b"]
    assert found["lib-b"][1] == ["App_One"]


def test_what_was_built_for_another_numpy_is_told() -> None:
    numpy = Installed(name="numpy", version="2.0.2", roots=("numpy",))
    found = of(
        numpy,
        Installed(name="old", version="1", extensions=1, numpy=">=1.20,<2"),
        Installed(name="new", version="1", extensions=1, numpy=">=1.23"),
        Installed(name="plain", version="1"),
    )
    assert {name: state for name, (_, _, state) in found.items()} == {
        "new": "ok", "numpy": "", "old": "error", "plain": "",
    }  # fmt: skip


def test_a_verdict_of_an_older_program_has_no_relations() -> None:
    assert of(Installed(name="old", version="1")) == {}
    assert relations(EMPTY) == ()
    assert 'id="relations"' not in render(EMPTY, NOBODY)


def test_the_page_leads_from_a_need_to_what_meets_it() -> None:
    page = render(SHIPS, NOBODY)
    assert '<tr id="d-numpy">' in page
    assert '<a href="#d-numpy">numpy</a>' in page
    assert "<code>&gt;=1.20</code>" in page
    assert '<a href="#d-werkzeug">' not in page  # it is not installed


def test_a_verdict_keeps_what_it_knows_of_distributions() -> None:
    assert Verdict.from_dict(VERDICT.as_dict()) == VERDICT
    data = VERDICT.as_dict()
    data["distributions"] = [{"name": "old", "version": "1", "size": 3}]
    assert Verdict.from_dict(data).distributions == (Installed(name="old", version="1", size=3),)


def test_a_finding_about_a_module_belongs_to_the_distribution_that_has_it() -> None:
    names = {"scikit-learn": "scikit-learn", "attrs": "attrs", "attr": "attr"}
    roots = {"sklearn": "scikit-learn", "attr": "attrs"}
    for where, name in (("sklearn.utils", "scikit-learn"), ("attr.core", "attrs"), ("attr", "attr")):
        found = Finding(rule="EV220", severity=Severity.ERROR, message="does not fit", where=where)
        assert owner(found, names, roots) == name
