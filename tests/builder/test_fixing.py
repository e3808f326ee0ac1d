"""The search for a fix, in a world of a few packages: what it changes, and when it writes."""

import dataclasses
import datetime as dt
import pathlib
import time
from collections.abc import Callable, Mapping

import pytest
from packaging.requirements import Requirement

from builder.fix.search import search_fix
from envspec.lockfile.lock import Artifact, Lock
from envspec.proof.abi.libraries import what_brings
from envspec.resolve.solution import UnsatisfiableError
from envspec.spec.model import Spec
from envspec.supply.page import RemoteFile
from envspec.system import rules
from envspec.system.errors import FindingsError, OutsideError
from envspec.system.finding import Finding, Severity
from envspec.system.progress import SILENT
from tests.support.fakes import Recorder
from tests.support.specs import lock

pytestmark = pytest.mark.usefixtures("home")

YEARS = {"1.0": 2020, "2.0": 2022, "3.0": 2024}
"""When each version of each package was uploaded."""
SPEC = """\
name = "demo"  # kept
python = "3.11"

[base]
host = true

[[stage]]
name = "one"
install = ["app==2.0", "lib"]
"""

Judge = Callable[[Mapping[str, str]], str]
"""What is wrong with versions by name; empty when nothing is."""


def nothing(_: Mapping[str, str]) -> str:
    return ""


class FakeWorkshop:
    """Every package has three versions; a spec gets the newest that its words and its era allow."""

    def __init__(
        self, *, proof: Judge = nothing, truth: Judge = nothing, contradiction: Judge = nothing
    ) -> None:
        self.proof, self.truth, self.contradiction = proof, truth, contradiction
        self.unreachable: dict[str, str] = {}
        self.built: list[dict[str, str]] = []
        self.tag = "py3-none-any"
        self.locking: Callable[[Spec], Lock] = self.solve
        self.proving: Callable[[Spec, Lock], tuple[Finding, ...]] = self.prove

    def offers(self, spec: Spec) -> "FakeWorkshop":
        return self

    def files(self, index: str, project: str) -> tuple[RemoteFile, ...]:
        return tuple(
            RemoteFile(
                file=f"{project}-{version}-{self.tag}.whl",
                url="file:///x",
                uploaded=dt.datetime(year, 6, 1, tzinfo=dt.UTC),
            )
            for version, year in YEARS.items()
        )

    def lock(
        self,
        spec: Spec,
        before: Lock | None = None,
        moved: tuple[str, str] | None = None,
        *,
        wheels: bool = False,
    ) -> Lock:
        """What a test put in its place, or what the words allow."""
        return self.locking(spec)

    def solve(self, spec: Spec) -> Lock:
        pins = {name: self._newest(spec, name) for stage in spec.stage for name in stage.names}
        if said := self.contradiction(pins):
            finding = Finding(rule="EV101", severity=Severity.ERROR, message=said, where="one")
            raise FindingsError("no set of versions", (finding,))
        return lock(*(_artifact(name, version) for name, version in sorted(pins.items())))

    def _newest(self, spec: Spec, name: str) -> str:
        words = [r for stage in spec.stage for r in stage.requirements if r.name == name]
        era = spec.as_of or dt.date.max
        fitting = [v for v, year in YEARS.items() if dt.date(year, 6, 1) <= era and _allowed(words, v)]
        if not fitting:
            finding = Finding(rule="EV101", severity=Severity.ERROR, message=f"no {name}", where="one")
            raise FindingsError("no set of versions", (finding,))
        return fitting[-1]

    def needs(self, spec: Spec, held: Lock, name: str) -> tuple[str, ...]:
        return ()

    def has(self, spec: Spec, held: Lock, package: str, name: str) -> bool | None:
        return None

    def refused(self, spec: Spec, held: Lock, module: str) -> str:
        return self.truth(held.pins)

    def proved(self, spec: Spec, held: Lock) -> tuple[Finding, ...]:
        return self.proving(spec, held)

    def prove(self, spec: Spec, held: Lock) -> tuple[Finding, ...]:
        return _said("EV140", self.proof(held.pins))

    def verified(self, spec: Spec, held: Lock) -> tuple[Finding, ...]:
        self.built.append(dict(held.pins))
        return _said("EV201", self.truth(held.pins))


def _allowed(words: list[Requirement], version: str) -> bool:
    return all(word.specifier.contains(version) for word in words)


def _artifact(name: str, version: str) -> Artifact:
    file = f"{name}-{version}-py3-none-any.whl"
    return Artifact(
        name=name, version=version, stage="one", index="default", file=file, sha256="0" * 64, size=1
    )


def _said(rule: str, message: str) -> tuple[Finding, ...]:
    return (Finding(rule=rule, severity=Severity.ERROR, message=message, where="x"),) if message else ()


def broken(**versions: str) -> Judge:
    """A judge that names a package while it has that version, and says which."""

    def judge(pins: Mapping[str, str]) -> str:
        bad = [name for name, version in versions.items() if pins.get(name) == version]
        return f"{bad[0]} breaks" if bad else ""

    return judge


@pytest.fixture
def place(tmp_path: pathlib.Path) -> pathlib.Path:
    file = tmp_path / "envspec.toml"
    file.write_text(SPEC)
    return file


def fixed(place: pathlib.Path, workshop: FakeWorkshop, *, budget: float = 60, write: bool = True) -> str:
    search_fix(place, budget=budget, write=write, progress=SILENT, workshop=workshop)
    return place.read_text()


def test_a_spec_that_verifies_is_left_alone(place: pathlib.Path) -> None:
    found = search_fix(place, budget=60, write=True, progress=SILENT, workshop=FakeWorkshop())
    assert (found.edits, found.diff, place.read_text()) == ((), "", SPEC)


def test_a_library_that_the_base_lacks_is_added_to_it(place: pathlib.Path) -> None:
    """Two of them one after the other, as each shows when the other is there."""
    place.write_text(SPEC.replace("host = true", 'debian = "bookworm"  # ours'))
    workshop = FakeWorkshop()

    def proved(spec: Spec, held: Lock) -> tuple[Finding, ...]:
        lacking = [soname for soname, package in (("libGL.so.1", "libgl1"), ("libX11.so.6", "libx11-6"))
                   if package not in spec.base.apt]  # fmt: skip
        hint = what_brings(lacking[:1], "bookworm")
        return tuple(dataclasses.replace(each, hint=hint) for each in _said("EV140", " ".join(lacking)))

    workshop.proving = proved
    found = search_fix(place, budget=60, write=True, progress=SILENT, workshop=workshop)
    assert [str(edit) for edit in found.edits] == ["apt libgl1, libx11-6: libX11.so.6"]
    assert 'debian = "bookworm"  # ours\napt = ["libgl1", "libx11-6"]\n' in place.read_text()


def test_nothing_is_added_to_this_machine(place: pathlib.Path) -> None:
    workshop = FakeWorkshop()
    hint = what_brings(["libGL.so.1"], "bookworm")
    workshop.proving = lambda spec, held: tuple(
        dataclasses.replace(each, hint=hint) for each in _said("EV140", "libGL.so.1 is missing")
    )
    with pytest.raises(FindingsError):
        fixed(place, workshop)
    assert place.read_text() == SPEC


def test_what_this_machine_lacks_hinders_no_fix_for_another_base(place: pathlib.Path) -> None:
    """No version brings a library, and whether the base has it is not for this machine to say."""
    place.write_text(SPEC.replace("host = true", 'debian = "bookworm"').replace('"lib"', '"lib==3.0"'))

    class Lacking(FakeWorkshop):
        def verified(self, spec: Spec, held: Lock) -> tuple[Finding, ...]:
            return (*super().verified(spec, held), *_said("EV203", "app: needs libgs.so"))

    text = fixed(place, Lacking(truth=broken(lib="3.0")))
    assert '"app==2.0", "lib==2.0"' in text


def test_the_era_of_the_pins_comes_first(place: pathlib.Path) -> None:
    text = fixed(place, FakeWorkshop(truth=broken(lib="3.0")))
    assert text == SPEC.replace('"3.11"\n', '"3.11"\nas-of = 2022-07-01\n')


def test_what_reading_alone_refuses_is_never_built(place: pathlib.Path) -> None:
    workshop = FakeWorkshop(proof=broken(lib="3.0"))
    fixed(place, workshop)
    assert workshop.built == [{"app": "2.0", "lib": "1.0"}] or workshop.built == [
        {"app": "2.0", "lib": "2.0"}
    ]


def test_after_the_era_the_package_that_is_blamed_grows_older(place: pathlib.Path) -> None:
    place.write_text(SPEC.replace("[base]", "as-of = 2025-01-01\n[base]"))
    text = fixed(place, FakeWorkshop(truth=broken(lib="3.0")))
    assert '"app==2.0", "lib==2.0"' in text


def test_a_pin_of_the_users_moves_only_when_nothing_else_helps(place: pathlib.Path) -> None:
    place.write_text(SPEC.replace("[base]", "as-of = 2025-01-01\n[base]"))
    text = fixed(place, FakeWorkshop(proof=broken(app="2.0")))
    assert '"app==1.0", "lib"' in text


def test_a_contradiction_moves_the_pin_to_the_nearest_version_that_does(place: pathlib.Path) -> None:
    def judge(pins: Mapping[str, str]) -> str:
        return "lib depends on app>=2.5" if pins["app"] == "2.0" else ""

    assert '"app==3.0", "lib"' in fixed(place, FakeWorkshop(contradiction=judge))


def test_where_the_era_contradicts_something_only_the_blamed_package_goes_back_to_it(
    place: pathlib.Path,
) -> None:
    """As where a build of unknown age wants neighbours that came later than the pins."""

    def judge(pins: Mapping[str, str]) -> str:
        return "too old" if pins["other"] == "1.0" else ""

    place.write_text(SPEC.replace('app==2.0", "lib"', 'app==1.0", "lib", "other"'))
    text = fixed(place, FakeWorkshop(truth=broken(lib="3.0"), contradiction=judge))
    assert "as-of" not in text
    assert '"app==1.0", "lib==1.0", "other"' in text


def test_what_an_unreachable_index_hides_can_still_move_a_pin(place: pathlib.Path) -> None:
    """Folders of wheels stand in for the index, and what they offer contradicts a pin."""
    workshop = FakeWorkshop()
    workshop.unreachable = {"default": "no connection"}

    def lock_(spec: Spec) -> Lock:
        if "app==2.0" in spec.stage[0].install:
            raise OutsideError("index default cannot be asked") from UnsatisfiableError(
                "lib depends on app>=3"
            )
        return workshop.solve(spec)

    workshop.locking = lock_
    assert '"app==3.0", "lib"' in fixed(place, workshop)


def test_another_python_is_taken_where_only_that_has_a_wheel(place: pathlib.Path) -> None:
    workshop = FakeWorkshop()
    workshop.tag = "cp312-cp312-manylinux_2_17_x86_64"

    def lock_(spec: Spec) -> Lock:
        if spec.python == "3.12":
            return workshop.solve(spec)
        finding = Finding(rule="EV102", severity=Severity.ERROR, message="no wheel", where="lib")
        raise FindingsError("no file", (finding,))

    workshop.locking = lock_
    assert 'python = "3.12"' in fixed(place, workshop)


def test_nothing_is_written_unless_it_is_wanted(place: pathlib.Path) -> None:
    assert fixed(place, FakeWorkshop(truth=broken(lib="3.0")), write=False) == SPEC


def test_without_a_fix_the_spec_stays_and_the_error_tells_what_was_tried(place: pathlib.Path) -> None:
    with pytest.raises(FindingsError, match="nothing more to try") as caught:
        fixed(place, FakeWorkshop(truth=lambda _: "lib and app are cursed"))
    assert "lib==" in str(caught.value.hint)
    assert place.read_text() == SPEC


def test_an_unreachable_default_index_stops_the_search(place: pathlib.Path) -> None:
    workshop = FakeWorkshop()

    def lock_(_: Spec) -> Lock:
        raise OutsideError("no connection")

    workshop.locking = lock_
    with pytest.raises(OutsideError):
        fixed(place, workshop)


def test_a_slow_verification_is_cut_off_by_the_budget(place: pathlib.Path) -> None:
    def slow(_: Mapping[str, str]) -> str:
        time.sleep(30)
        return ""

    began = time.monotonic()
    with pytest.raises(FindingsError, match="the time is over"):
        fixed(place, FakeWorkshop(truth=slow), budget=0.3)
    assert time.monotonic() - began < 15
    assert place.read_text() == SPEC


def test_a_warning_of_a_call_that_fails_is_mended_where_a_step_does_it(place: pathlib.Path) -> None:
    workshop = FakeWorkshop()
    workshop.verified = lambda spec, held: doubts(held)  # type: ignore[method-assign]
    text = fixed(place, workshop)
    assert '"app==2.0", "lib==2.0"' in text


def test_a_warning_that_nothing_mends_is_left_alone(place: pathlib.Path) -> None:
    """What the judge had no time to read counts for nothing."""
    workshop = FakeWorkshop()
    workshop.verified = lambda spec, held: doubts(held, always=True)  # type: ignore[method-assign]
    assert fixed(place, workshop) == SPEC
    late = rules.UNFINISHED.finding("no time")
    workshop.verified = lambda spec, held: doubts(held) or (late,)  # type: ignore[method-assign]
    assert fixed(place, workshop) == SPEC


def doubts(held: Lock, *, always: bool = False) -> tuple[Finding, ...]:
    found = rules.NAME_GONE.finding(
        "app uses lib.old", where="app", between=("app", "lib"), severity=Severity.WARNING
    )
    return (found,) if always or held.pins["lib"] == "3.0" else ()


def test_the_next_search_goes_on_where_the_time_ended(place: pathlib.Path) -> None:
    slow = [1.0]

    def truth(pins: Mapping[str, str]) -> str:
        if pins["lib"] != "3.0":
            time.sleep(slow[0] * 30)
        return broken(lib="3.0")(pins)

    with pytest.raises(FindingsError) as caught:
        fixed(place, FakeWorkshop(truth=truth), budget=1)
    assert "proved, and not yet verified: run it again to go on there" in caught.value.hint
    slow[0] = 0
    workshop = FakeWorkshop(truth=truth)
    found = search_fix(place, budget=60, write=True, progress=SILENT, workshop=workshop)
    assert len(workshop.built) == 1
    assert found.edits
    assert place.read_text() != SPEC


def test_a_spec_that_was_edited_meanwhile_is_not_overwritten(place: pathlib.Path) -> None:
    def meddling(pins: Mapping[str, str]) -> str:
        place.write_text(SPEC + "# mine\n")
        return broken(lib="3.0")(pins)

    with pytest.raises(FindingsError, match="changed meanwhile"):
        fixed(place, FakeWorkshop(truth=meddling))
    assert place.read_text() == SPEC + "# mine\n"


def test_a_pin_to_a_version_that_is_not_there_moves_to_the_nearest(place: pathlib.Path) -> None:
    """Another Python would not help, though there are wheels for all of them."""
    workshop = FakeWorkshop()

    def locking(spec: Spec) -> Lock:
        if "app==2.5" in spec.stage[0].install:
            finding = Finding(rule="EV102", severity=Severity.ERROR, message="no app==2.5", where="app")
            raise FindingsError("some packages cannot be had", (finding,))
        return workshop.solve(spec)

    workshop.locking = locking
    place.write_text(SPEC.replace("app==2.0", "app==2.5"))
    assert fixed(place, workshop) == SPEC.replace("app==2.0", "app==3.0")


def built_for_another(held: Lock, hint: str) -> tuple[Finding, ...]:
    """As the proof has it of a compiled file, while the third version of `lib` is locked."""
    found = rules.WHEEL_NUMPY.finding("app was built before", hint=hint, between=("app", "lib"))
    return (found,) if held.pins["lib"] == "3.0" else ()


def test_what_an_error_names_as_its_cure_is_tried_before_all_else(place: pathlib.Path) -> None:
    """Neither the day moves, nor what has no part in it, nor a version that would not do either."""
    place.write_text(SPEC.replace('"lib"', '"lib==3.0", "other"'))
    workshop, tried = FakeWorkshop(), list[dict[str, str]]()

    def proved(spec: Spec, held: Lock) -> tuple[Finding, ...]:
        tried.append(dict(held.pins))
        return built_for_another(held, "pin lib<2, or an app that was built for this lib")

    workshop.proving = proved
    assert '"app==2.0", "lib==1.0", "other"' in fixed(place, workshop)
    assert tried[1:] == [{"app": "2.0", "lib": "1.0", "other": "3.0"}]


def test_a_cure_meets_what_all_errors_say_of_a_package(place: pathlib.Path) -> None:
    place.write_text(SPEC.replace('"lib"', '"lib==3.0"'))
    workshop, tried = FakeWorkshop(), list[str]()

    def proved(spec: Spec, held: Lock) -> tuple[Finding, ...]:
        tried.append(held.pins["lib"])
        hints = ("pin lib below 3, or take a newer app", "pin lib<2, or another app")
        return tuple(each for hint in hints for each in built_for_another(held, hint))

    workshop.proving = proved
    assert '"app==2.0", "lib==1.0"' in fixed(place, workshop)
    assert tried == ["3.0", "1.0"]


def test_what_would_have_to_be_built_comes_after_all_that_has_a_wheel(place: pathlib.Path) -> None:
    """A wheel of a package that is blamed later is taken, and a source only where no wheel helps."""
    place.write_text(SPEC.replace('"lib"', '"lib==3.0"'))

    class Sources(FakeWorkshop):
        def files(self, index: str, project: str) -> tuple[RemoteFile, ...]:
            return tuple(
                dataclasses.replace(file, file=file.file.replace("-py3-none-any.whl", ".tar.gz"))
                if file.file.startswith(("lib-1", "lib-2"))
                else file
                for file in super().files(index, project)
            )

    def proved(fine: Callable[[Mapping[str, str]], bool]) -> str:
        workshop = Sources()
        workshop.proving = lambda spec, held: (
            () if fine(held.pins) else built_for_another(held, "pin another")
        )
        return fixed(place, workshop, write=True)

    assert '"app==3.0", "lib==3.0"' in proved(lambda pins: pins["app"] == "3.0")
    place.write_text(SPEC.replace('"lib"', '"lib==3.0"'))
    assert '"app==2.0", "lib==2.0"' in proved(lambda pins: pins["lib"] == "2.0")


def test_a_pin_to_a_version_of_a_later_day_moves_to_one_that_was_there(place: pathlib.Path) -> None:
    """It is offered all the same, which is no reason to take another Python."""
    workshop = FakeWorkshop()

    def locking(spec: Spec) -> Lock:
        if "app==3.0" in spec.stage[0].install:
            finding = Finding(rule="EV102", severity=Severity.ERROR, message="no app==3.0", where="app")
            raise FindingsError("some packages cannot be had", (finding,))
        return workshop.solve(spec)

    workshop.locking = locking
    text = SPEC.replace("[base]", "as-of = 2023-01-01\n[base]")
    place.write_text(text.replace("app==2.0", "app==3.0"))
    assert fixed(place, workshop) == text


def test_a_cure_that_does_not_help_is_not_tried_again(place: pathlib.Path) -> None:
    place.write_text(SPEC.replace('"lib"', '"lib==3.0"'))
    workshop, progress = FakeWorkshop(), Recorder()
    other = rules.WHEEL_NUMPY.finding("lib itself is broken", between=("app", "lib"))
    workshop.proving = lambda spec, held: (
        () if held.pins["app"] == "3.0" else built_for_another(held, "pin lib<2") or (other,)
    )
    search_fix(place, budget=60, write=True, progress=progress, workshop=workshop)
    assert '"app==3.0", "lib==3.0"' in place.read_text()
    assert progress.said.count("try lib==1.0") == 1
