"""Proof of a lock: what it leaves unsatisfied, what the spec removes, what Python refuses."""

import pathlib

import pytest

from envspec.proof.prove import prove_lock
from envspec.supply.pip_settings import PipSettings
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.finding import Finding
from tests.support.specs import artifact, lock, spec, stage
from tests.support.wheels import wheel

pytestmark = pytest.mark.usefixtures("home")
METADATA_RULES = {"EV103", "EV104", "EV105"}


def proved(
    tmp_path: pathlib.Path, *wheels: pathlib.Path, tail: str = "", ask: str = "app==1.0"
) -> list[Finding]:
    """Findings about a lock of these wheels, as far as metadata shows them."""
    store = Wheelhouse(tmp_path / "store")
    for each in wheels:
        store.add(each)
    wanted = spec(stage("one", ask), tail=tail)
    held = lock(*map(artifact, wheels))
    found = prove_lock(wanted, held, Sources(wanted, PipSettings(no_index=True), offline=True), store)
    return [finding for finding in found if finding.rule in METADATA_RULES]


def test_a_lock_that_satisfies_everything_is_silent(tmp_path: pathlib.Path) -> None:
    assert proved(tmp_path, wheel(tmp_path, "app", requires=["lib>=1"]), wheel(tmp_path, "lib")) == []


def test_a_version_that_does_not_do_is_named_with_its_way(tmp_path: pathlib.Path) -> None:
    app = wheel(tmp_path, "app", requires=["mid"])
    found = proved(tmp_path, app, wheel(tmp_path, "mid", requires=["lib>=2"]), wheel(tmp_path, "lib"))
    assert [(each.rule, each.where) for each in found] == [("EV103", "mid")]
    assert "mid 1.0 requires lib>=2; lib 1.0 is locked" in found[0].message
    assert "app==1.0 -> mid" in found[0].hint


def test_a_requirement_that_a_later_stage_pins_away_is_a_warning_with_both_stages(
    tmp_path: pathlib.Path,
) -> None:
    store = Wheelhouse(tmp_path / "store")
    wheels = [wheel(tmp_path, "app", requires=["lib>=2"]), wheel(tmp_path, "lib", "1.0")]
    for each in wheels:
        store.add(each)
    wanted = spec(stage("one", "app==1.0", "lib>=2"), stage("two", "lib==1.0"))
    held = lock(*map(artifact, wheels))
    sources = Sources(wanted, PipSettings(no_index=True), offline=True)
    (found,) = [each for each in prove_lock(wanted, held, sources, store) if each.rule == "EV103"]
    assert found.severity == "warning"
    assert "stage two pins it over stage one" in found.hint


def test_what_is_not_locked_at_all_is_named(tmp_path: pathlib.Path) -> None:
    (found,) = proved(tmp_path, wheel(tmp_path, "app", requires=["lib"]))
    assert (found.rule, found.severity) == ("EV103", "error")
    assert "nothing is locked" in found.message


def test_what_the_spec_removes_is_a_warning_with_who_needs_it(tmp_path: pathlib.Path) -> None:
    app = wheel(tmp_path, "app", requires=["lib"])
    (found,) = proved(tmp_path, app, tail="[remove]\npackages = ['Lib']")
    assert (found.rule, found.severity, found.where) == ("EV104", "warning", "app")


def test_an_extra_counts_only_when_it_is_asked_for(tmp_path: pathlib.Path) -> None:
    app = wheel(tmp_path, "app", requires=["lib ; extra == 'more'"])
    assert proved(tmp_path, app) == []
    assert [each.rule for each in proved(tmp_path, app, ask="app[more]==1.0")] == ["EV103"]


def test_a_package_for_another_python_is_an_error(tmp_path: pathlib.Path) -> None:
    (found,) = proved(tmp_path, wheel(tmp_path, "app", requires_python=">=3.12"))
    assert (found.rule, found.where) == ("EV105", "app")


@pytest.mark.parametrize("text", [">=3.8", ">=3.11.4", "<4", "", ">=3.6.*", "nonsense"])
def test_a_package_for_this_python_is_silent(tmp_path: pathlib.Path, text: str) -> None:
    """Old packages have texts there that mean nothing; installers ignore them too."""
    assert proved(tmp_path, wheel(tmp_path, "app", requires_python=text)) == []
