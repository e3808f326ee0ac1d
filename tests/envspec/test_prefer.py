"""A spec that was edited and is locked anew: what is still wanted stays, and only what must moves."""

from __future__ import annotations

import pathlib

import pytest

from envspec.lockfile.lock import Lock
from envspec.resolve.explain import reason
from envspec.resolve.prefer import Preferences, moving_packages, near_names, preferences_of
from envspec.resolve.resolver import resolve_spec
from envspec.spec.model import Spec
from envspec.supply.metadata import wheel_metadata
from envspec.supply.page import RemoteFile
from envspec.supply.pip_settings import PipSettings
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import FindingsError, UsageError
from tests.support.index import simple_index
from tests.support.specs import PIP_TOOLS, spec, stage
from tests.support.wheels import sdist, wheel

pytestmark = pytest.mark.usefixtures("home")


class Place:
    """A folder with an index that grows, and the lock before."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.store = Wheelhouse(folder / "store")
        self.index = (folder / "simple").as_uri()

    def offer(self, name: str, version: str, *requires: str, tag: str = "py3-none-any") -> None:
        file = wheel(self.folder / "files", name, version, requires=requires, tag=tag)
        simple_index(self.folder / "simple", [file])

    def sources(self, wanted: Spec) -> Sources:
        return Sources(wanted, PipSettings(index_url=self.index)).within(self.folder)

    def lock(self, wanted: Spec, before: Lock | None = None, *moving: str, resolver: str = "uv") -> Lock:
        prefer = preferences_of(before, moving_packages(moving, before))
        return resolve_spec(wanted, self.sources(wanted), self.store, resolver=resolver, prefer=prefer)

    def why(self, wanted: Spec, held: Lock, name: str, before: str = "") -> str:
        known = {
            each.name: wheel_metadata(each.installed, None, store=self.store, sources=self.sources(wanted))
            for each in held.artifact
        }
        return reason(wanted, held, known, name, before)


@pytest.fixture
def place(tmp_path: pathlib.Path) -> Place:
    """An index as it was when the lock was made: `app` needs `lib`, `leaf` needs nothing."""
    place = Place(tmp_path)
    for version in ("1.0", "2.0"):
        place.offer("lib", version)
        place.offer("leaf", version)
    place.offer("app", "1.0", "lib>=1")
    return place


OLD = spec(stage("one", "app", "leaf"))


@pytest.fixture
def before(place: Place) -> Lock:
    """What was locked, before the index got newer versions of everything."""
    held = place.lock(OLD)
    for version in ("3.0", "4.0"):
        place.offer("lib", version)
        place.offer("leaf", version)
    place.offer("app", "2.0", "lib>=3")
    place.offer("other", "1.0", "lib")
    place.offer("new", "1.0", "lib>=1")
    place.offer("new", "2.0", "lib>=3")
    return held


SOLVERS = pytest.mark.parametrize("resolver", ["uv", PIP_TOOLS])


@SOLVERS
def test_a_package_more_moves_nothing_else(place: Place, before: Lock, resolver: str) -> None:
    held = place.lock(spec(stage("one", "app", "leaf", "other")), before, resolver=resolver)
    assert held.pins == {**before.pins, "other": "1.0"}


@SOLVERS
def test_without_a_lock_all_are_new(place: Place, before: Lock, resolver: str) -> None:
    assert place.lock(OLD, resolver=resolver).pins == {"app": "2.0", "lib": "4.0", "leaf": "4.0"}
    assert before.pins == {"app": "1.0", "lib": "2.0", "leaf": "2.0"}


@SOLVERS
def test_a_leaf_moves_alone(place: Place, before: Lock, resolver: str) -> None:
    held = place.lock(OLD, before, "leaf", resolver=resolver)
    assert held.pins == {**before.pins, "leaf": "4.0"}


def test_a_leaf_moves_to_the_version_that_is_named(place: Place, before: Lock) -> None:
    assert place.lock(OLD, before, "Leaf==3.0").pins == {**before.pins, "leaf": "3.0"}


def test_what_must_moves_along_and_says_for_whom(place: Place, before: Lock) -> None:
    held = place.lock(OLD, before, "app")
    assert held.pins == {"app": "2.0", "lib": "4.0", "leaf": "2.0"}
    assert place.why(OLD, held, "lib", "2.0") == "app 2.0 requires lib>=3"
    assert place.why(OLD, held, "app", "1.0") == ""


@pytest.mark.parametrize("words", [("new", "app", "leaf", "lib"), ("lib", "leaf", "app", "new")])
def test_what_is_new_is_the_newest_wherever_it_stands(
    place: Place, before: Lock, words: tuple[str, ...]
) -> None:
    """uv would take an old one, to keep a preference that it happened to decide before."""
    wanted = spec(stage("one", *words))
    held = place.lock(wanted, before)
    assert held.pins == {"app": "1.0", "lib": "4.0", "leaf": "2.0", "new": "2.0"}
    assert place.why(wanted, held, "new") == "stage one asks for new"


def test_what_is_gone_from_the_spec_takes_nothing_else_along(place: Place, before: Lock) -> None:
    assert place.lock(spec(stage("one", "app")), before).pins == {"app": "1.0", "lib": "2.0"}


def test_a_pin_of_the_spec_counts_over_the_lock(place: Place, before: Lock) -> None:
    wanted = spec(stage("one", "app", "leaf==1.0"))
    held = place.lock(wanted, before)
    assert held.pins == {**before.pins, "leaf": "1.0"}
    assert place.why(wanted, held, "leaf", "2.0") == "stage one asks for leaf==1.0"


def test_a_limit_of_the_spec_is_a_reason(place: Place, before: Lock) -> None:
    wanted = spec(stage("one", "app"), head='constraints = ["lib<2"]')
    held = place.lock(wanted, before)
    assert (held.pins["lib"], place.why(wanted, held, "lib", "2.0")) == ("1.0", "the spec asks for lib<2")


def test_a_file_stays_though_a_better_one_came(place: Place, before: Lock) -> None:
    place.offer("lib", "2.0", tag="cp311-none-any")
    (file,) = {each.file for each in place.lock(OLD, before).artifact if each.name == "lib"}
    assert file == "lib-2.0-py3-none-any.whl"
    assert {each.file for each in place.lock(spec(stage("one", "lib==2.0"))).artifact} == {
        "lib-2.0-cp311-none-any.whl"
    }


def test_a_source_distribution_stays_unless_it_may_not_be_built(tmp_path: pathlib.Path) -> None:
    place = Place(tmp_path)
    simple_index(tmp_path / "simple", [sdist(tmp_path)])
    before = place.lock(spec(stage("one", "source")))
    place.offer("source", "1.0")
    (same,) = place.lock(spec(stage("two", "source")), before).artifact
    (other,) = place.lock(spec(stage("two", "source", more="prebuilt = ['source']")), before).artifact
    assert (same.file, other.file) == ("source-1.0.tar.gz", "source-1.0-py3-none-any.whl")


def test_a_file_with_other_bytes_is_not_the_same() -> None:
    held = preferences_of(None)
    assert held.kept("lib", "2.0", [RemoteFile(file="lib-2.0-py3-none-any.whl", url="")]) is None


def test_what_was_withdrawn_stays_as_a_pin_does(place: Place, before: Lock) -> None:
    page = place.folder / "simple" / "leaf" / "index.html"
    page.write_text(page.read_text().replace("<a href", "<a data-yanked='bad' href"))
    place.offer("leaf", "2.5")
    assert place.lock(OLD, before).pins == before.pins
    assert place.lock(OLD, before, "leaf").pins == {**before.pins, "leaf": "2.5"}


def test_a_version_that_contradicts_names_who_asked_for_it(place: Place, before: Lock) -> None:
    wanted = spec(stage("one", "app==2.0", "leaf"))
    with pytest.raises(FindingsError) as caught:
        place.lock(wanted, before, "lib==1.0")
    (finding,) = caught.value.findings
    assert finding.rule == "EV101"
    assert "lib==1.0 is asked for by --upgrade-package" in finding.message


@pytest.mark.parametrize(
    ("word", "said", "hint"),
    [
        ("leav", "the lock has no leav", "did you mean leaf?"),
        ("leaf>2", "no exact version", "leaf==VERSION"),
        ("leaf[x]", "neither NAME nor NAME==VERSION", ""),
        ("==", "neither NAME nor NAME==VERSION", ""),
    ],
)
def test_what_cannot_move_is_refused(before: Lock, word: str, said: str, hint: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        moving_packages([word], before)
    assert hint in refused.value.hint


def test_without_a_lock_nothing_can_move() -> None:
    with pytest.raises(UsageError, match="no lock"):
        moving_packages(["leaf"], None)
    assert moving_packages([], None) == ()


def test_near_names_are_few_and_may_be_none() -> None:
    assert near_names("numpi", ["numpy", "scipy"]) == "did you mean numpy?"
    assert near_names("Zzz", ["numpy"]) == ""


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("lib==2.5", "3.0, 2.0, 4.0, 1.0"),
        ("lib>=9", "4.0, 3.0, 2.0, 1.0"),
        ("lib==0.1", "1.0, 2.0, 3.0, 4.0"),
    ],
)
def test_a_version_that_is_not_there_names_those_nearest(
    place: Place, before: Lock, word: str, near: str
) -> None:
    place.offer("lib", "2.4", tag="cp39-cp39-win_amd64")
    with pytest.raises(FindingsError) as caught:
        place.lock(spec(stage("one", "app==1.0", word)), before)
    (finding,) = caught.value.findings
    assert (finding.rule, finding.where) == ("EV102", "lib")
    assert finding.message.endswith(f"nearest are {near}")


@SOLVERS
def test_a_name_that_is_not_there_names_those_that_are_like_it(place: Place, resolver: str) -> None:
    with pytest.raises(FindingsError) as caught:
        place.lock(spec(stage("one", "leaf", "leave")), resolver=resolver)
    (finding,) = caught.value.findings
    assert (finding.rule, finding.hint) == ("EV102", "did you mean leaf?")


def test_where_wheels_alone_count_a_newer_source_is_not_there(place: Place) -> None:
    """It is not even built to see what it requires."""
    source = sdist(place.folder / "files", "lib", "9.0", extra="raise SystemError", told=False)
    simple_index(place.folder / "simple", [source])
    wanted = spec(stage("one", "lib"))
    prefer = Preferences(wheels=True)
    held = resolve_spec(wanted, place.sources(wanted), place.store, prefer=prefer)
    assert held.pins == {"lib": "2.0"}
