"""The plan: what it holds, and which change changes which digest."""

import pathlib

import pytest

from builder.image.bill import bill_of
from builder.image.contents import image_facts
from builder.image.sbom import cyclonedx_text
from builder.values.payload import Payload, PayloadFile
from builder.values.plan import Plan, make_plan
from builder.values.release import refuse_other_release, release_findings
from builder.values.stages import MOST_TREES
from envspec.lockfile.lock import File, Lock, LockedBase, LockedSource
from envspec.spec.model import Spec
from envspec.system.errors import OutsideError
from tests.support.specs import artifact, lock, spec, stage
from tests.support.wheels import sdist, wheel

TWO = (stage("early", "numpy==1.0", more='why = "first"'), stage("late", "flask==1.0"))
SERVICE = '[service]\nmodule = "app:app"\n'


def payload(content: str = "0") -> Payload:
    return Payload(files=(PayloadFile(path="app.py", sha256=content * 64, executable=False),))


def locked(tmp_path: pathlib.Path, flask: str = "1.0", **more: object) -> Lock:
    early = artifact(wheel(tmp_path, "numpy"), stage="early")
    late = artifact(wheel(tmp_path, "flask", flask), stage="late")
    return lock(early, late, stages=("early", "late"), **more)


@pytest.fixture
def planned(tmp_path: pathlib.Path) -> Plan:
    return make_plan(spec(*TWO, tail=SERVICE), locked(tmp_path), payload())


def test_a_release_that_is_wanted_makes_another_environment(tmp_path: pathlib.Path, planned: Plan) -> None:
    other = make_plan(spec(*TWO, tail=SERVICE), locked(tmp_path, patch=7), payload())
    assert (other.python, other.patch) == ("3.11", 7)
    assert other.packages_digest != planned.packages_digest


@pytest.mark.parametrize("version", ["", "3.11.7", "3.11.7-2+deb", "3.11"])
def test_the_wanted_release_or_one_that_nobody_could_tell_is_taken(planned: Plan, version: str) -> None:
    wanting = planned.model_copy(update={"patch": 7})
    refuse_other_release(wanting, "the base", version)
    assert release_findings(wanting, version) == ()
    refuse_other_release(planned, "the base", "3.11.2")


def test_another_release_is_refused_before_and_found_after(planned: Plan) -> None:
    wanting = planned.model_copy(update={"patch": 7, "python": "3.14t"})
    with pytest.raises(OutsideError) as raised:
        refuse_other_release(wanting, "x:1", "3.14.2")
    assert raised.value.message == "x:1 has Python 3.14.2, and 3.14.7 is wanted"
    assert 'python = "3.14t"' in raised.value.hint
    (finding,) = release_findings(wanting, "3.14.2")
    assert (finding.rule, finding.severity) == ("EV280", "error")


def test_stages_come_in_order_with_their_wheels_and_reasons(planned: Plan) -> None:
    assert [(part.name, part.why, [each.name for each in part.wheels]) for part in planned.stages] == [
        ("early", "first", ["numpy"]), ("late", "", ["flask"]),
    ]  # fmt: skip


def test_pins_grow_stage_by_stage(planned: Plan) -> None:
    assert planned.pins_until("early") == {"numpy": "1.0"}
    assert planned.pins_until("late") == planned.pins == {"numpy": "1.0", "flask": "1.0"}


def test_a_late_pin_changes_late_stages_only(planned: Plan, tmp_path: pathlib.Path) -> None:
    other = make_plan(spec(*TWO, tail=SERVICE), locked(tmp_path, flask="2.0"), payload())
    before, after = list(planned.stage_digests()), list(other.stage_digests())
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_another_base_changes_every_stage(planned: Plan, tmp_path: pathlib.Path) -> None:
    base = LockedBase(image="python:3.11-slim")
    other = make_plan(spec(*TWO, tail=SERVICE), locked(tmp_path, base=base), payload())
    assert not set(planned.stage_digests()) & set(other.stage_digests())


def test_an_edit_of_the_payload_rebuilds_nothing_else(planned: Plan, tmp_path: pathlib.Path) -> None:
    other = make_plan(spec(*TWO, tail=SERVICE), locked(tmp_path), payload("1"))
    assert other.digest != planned.digest
    assert other.packages_digest == planned.packages_digest


SAME_PACKAGES = [
    spec(stage("early", "numpy==1.0", more='why = "another reason"'), TWO[1], tail=SERVICE),
    spec(*TWO, tail=SERVICE + 'env = { A = "b" }\n'),
    spec(*TWO, tail=SERVICE + "[smoke]\nimports = ['numpy']\n"),
]


@pytest.mark.parametrize("changed", SAME_PACKAGES, ids=["why", "service", "smoke"])
def test_what_installs_the_same_keeps_the_packages(
    planned: Plan, tmp_path: pathlib.Path, changed: Spec
) -> None:
    assert make_plan(changed, locked(tmp_path), payload()).packages_digest == planned.packages_digest


def test_trimming_changes_the_packages(planned: Plan, tmp_path: pathlib.Path) -> None:
    trimmed = spec(*TWO, tail=f"{SERVICE}[remove]\nfiles = ['**/tests/**']\n")
    assert make_plan(trimmed, locked(tmp_path), payload()).packages_digest != planned.packages_digest


def test_a_plan_survives_its_json_form(planned: Plan) -> None:
    assert Plan.model_validate_json(planned.model_dump_json()) == planned
    assert Plan.model_validate_json(planned.model_dump_json()).digest == planned.digest


def test_a_source_distribution_is_planned_as_its_wheel(tmp_path: pathlib.Path) -> None:
    built = File(file="source-1.0-py3-none-any.whl", sha256="0" * 64, size=3)
    held = lock(artifact(sdist(tmp_path)).model_copy(update={"wheel": built}))
    assert make_plan(spec(stage("one", "source==1.0")), held).stages[0].wheels[0].file == built.file


def test_a_stage_with_nothing_left_is_kept(tmp_path: pathlib.Path) -> None:
    held = lock(artifact(wheel(tmp_path, "numpy"), stage="early"), stages=("early", "late"))
    assert [part.name for part in make_plan(spec(*TWO), held).stages] == ["early", "late"]


def test_a_plan_names_no_path_and_no_host(planned: Plan, tmp_path: pathlib.Path) -> None:
    text = planned.model_dump_json()
    assert "://" not in text
    assert str(tmp_path) not in text


def test_variables_and_cards_are_of_the_plan_and_rebuild_no_package(
    planned: Plan, tmp_path: pathlib.Path
) -> None:
    changed = [
        spec(*TWO, tail=SERVICE + '[env]\nA = "{site}/a"\n'),
        spec(*TWO, tail=SERVICE + '[target]\ngpu = ["RTX 4090"]\n'),
    ]
    others = [make_plan(each, locked(tmp_path), payload()) for each in changed]
    assert {other.packages_digest for other in others} == {planned.packages_digest}
    assert len({planned.digest, *(other.digest for other in others)}) == 3
    assert others[1].gpu is not None
    assert others[1].gpu.cards == ("sm_89",)


@pytest.mark.parametrize("target", ["gpu = []", 'driver = "550"'])
def test_machines_without_cards_are_as_if_nothing_was_said(
    planned: Plan, tmp_path: pathlib.Path, target: str
) -> None:
    other = make_plan(spec(*TWO, tail=f"{SERVICE}[target]\n{target}\n"), locked(tmp_path), payload())
    assert other.gpu is None
    assert other.digest == planned.digest


def own(tmp_path: pathlib.Path, code: str = "A = 1\n", *, editable: bool = False) -> Plan:
    """The plan of a stage with numpy and two trees, whose wheels hold that code."""
    words = ["numpy==1.0", ("-e " if editable else "") + "./core", "./util"]
    sources = [
        LockedSource(
            name=name, stage="one", at=f"stage[0].install[{at}]", path=name, requires=f"sha256:{'0' * 64}"
        )
        for at, name in ((1, "core"), (2, "util"))
    ]
    parts = [
        artifact(wheel(tmp_path / code.strip(), "core", files={"core/__init__.py": code}), index="spec"),
        artifact(wheel(tmp_path, "numpy")),
        artifact(wheel(tmp_path, "util"), index="spec"),
    ]
    return make_plan(spec(stage("one", *words)), lock(*parts, source=sources))


def test_trees_come_last_each_in_a_stage_of_its_own(tmp_path: pathlib.Path) -> None:
    planned = own(tmp_path)
    assert [(part.name, [each.name for each in part.wheels]) for part in planned.stages] == [
        ("one", ["numpy"]), ("one.core", ["core"]), ("one.util", ["util"]),
    ]  # fmt: skip
    assert planned.named == ("core", "numpy", "util")
    assert planned.pins_until("one.core") == {"numpy": "1.0", "core": "1.0"}


def test_a_stage_that_is_one_tree_stays_what_the_spec_says(tmp_path: pathlib.Path) -> None:
    source = LockedSource(name="core", stage="app", path="core", requires=f"sha256:{'0' * 64}")
    parts = [artifact(wheel(tmp_path, "numpy")), artifact(wheel(tmp_path, "core"), stage="app", index="spec")]
    wanted = spec(stage("app", "./core", more='why = "ours"'), stage("one", "numpy==1.0"))
    planned = make_plan(wanted, lock(*parts, stages=("app", "one"), source=[source]))
    assert [(part.name, part.why) for part in planned.stages] == [("one", ""), ("app", "ours")]


def test_an_edit_changes_nothing_that_an_image_says_of_itself(tmp_path: pathlib.Path) -> None:
    before, after = own(tmp_path), own(tmp_path, "A = 2\n")
    assert before.digest != after.digest
    assert cyclonedx_text(bill_of(before)) == cyclonedx_text(bill_of(after))
    assert image_facts(before) == image_facts(after)


def test_an_edit_of_a_tree_changes_no_stage_below_it(tmp_path: pathlib.Path) -> None:
    before, after = own(tmp_path), own(tmp_path, "A = 2\n")
    digests = zip(before.stage_digests(), after.stage_digests(), strict=True)
    assert [one == other for one, other in digests] == [True, False, False]
    assert [one == other for one, other in zip(before.stages, after.stages, strict=True)] == [
        True,
        False,
        True,
    ]


def test_editable_is_nothing_that_an_image_depends_on(tmp_path: pathlib.Path) -> None:
    ordinary, live = own(tmp_path), own(tmp_path, editable=True)
    assert [part.editable for part in live.stages] == [False, True, False]
    assert live.packages_digest == ordinary.packages_digest


def test_a_stage_without_trees_has_the_digest_that_it_always_had(planned: Plan) -> None:
    assert planned.stages[0].content.keys() == {"name", "wheels", "trim"}


def test_many_trees_share_a_layer(tmp_path: pathlib.Path) -> None:
    names = [f"p{number}" for number in range(MOST_TREES + 1)]
    sources = [
        LockedSource(name=name, stage="one", path=name, requires=f"sha256:{'0' * 64}") for name in names
    ]
    parts = [artifact(wheel(tmp_path, name), index="spec") for name in names]
    planned = make_plan(spec(stage("one", "./p0")), lock(*parts, source=sources))
    assert [(part.name, len(part.wheels)) for part in planned.stages] == [("trees", len(names))]
