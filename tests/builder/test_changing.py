"""`envspec add` and `envspec remove`: proved first, then spec and lock together; nothing of it otherwise."""

from __future__ import annotations

import concurrent.futures
import pathlib
import subprocess
import tomllib

import pytest

from builder.fix.change import Changed, add_packages, remove_packages
from builder.flow.pipeline import prove_proposal, run_pipeline
from builder.values.request import Request
from envspec.lockfile.lock import Lock, parse_lock
from envspec.spec.load import load_spec
from envspec.supply import pip_settings
from envspec.supply.pip_settings import PipSettings
from envspec.system.errors import EnvspecError, FindingsError, UsageError
from tests.support.index import simple_index
from tests.support.program import machine, run
from tests.support.projects import project
from tests.support.wheels import wheel

SPEC = """\
# ours
name = "daily"
python = "3.11"
[base]
host = true

[[stage]]
name = "web"
install = [
    "app==1.0",  # pinned
    "leaf",
]
"""


class Place:
    """A spec in a folder, with its lock and the index that it is solved from."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.file = folder / "envspec.toml"
        self.beside = folder / "envspec.lock"
        self.index = (folder / "simple").as_uri()

    def offer(self, name: str, version: str, *requires: str, code: str = "") -> None:
        files = {f"{name}/__init__.py": code} if code else None
        file = wheel(self.folder / "files", name, version, requires=requires, files=files)
        simple_index(self.folder / "simple", [file])

    def add(self, *words: str, **more: object) -> Changed:
        return add_packages(Request(spec=self.file), words, **more)  # type: ignore[arg-type]

    def remove(self, *names: str, **more: object) -> Changed:
        return remove_packages(Request(spec=self.file), names, **more)  # type: ignore[arg-type]

    @property
    def lock(self) -> Lock:
        return parse_lock(self.beside.read_text())

    @property
    def install(self) -> list[str]:
        found: list[str] = tomllib.loads(self.file.read_text())["stage"][0]["install"]
        return found

    @property
    def state(self) -> tuple[str, str, list[str]]:
        """All that a command which is refused has to leave as it was."""
        return (
            self.file.read_text(),
            self.beside.read_text(),
            sorted(each.name for each in self.folder.iterdir()),
        )


@pytest.fixture
def place(tmp_path: pathlib.Path, home: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A spec that was locked before the index got newer versions of all."""
    assert home
    place = Place(tmp_path / "daily")
    place.offer("lib", "2.0")
    place.offer("leaf", "1.0")
    place.offer("app", "1.0", "lib>=1")
    monkeypatch.setattr(pip_settings, "ask_pip", lambda: PipSettings(index_url=place.index))
    place.file.write_text(SPEC.replace('    "leaf",\n', ""))
    made = place.add("leaf", leave_open=True)
    assert made.refused is None, made.refused
    assert made.files == (str(place.file), str(place.beside))
    assert (place.file.read_text(), place.lock.pins) == (SPEC, {"app": "1.0", "leaf": "1.0", "lib": "2.0"})
    for name in ("leaf", "lib"):
        place.offer(name, "3.0")
    place.offer("extra", "1.0", "lib")
    place.offer("young", "1.0", "lib>=3")
    place.offer("old", "1.0", "lib<2")
    place.offer("app", "2.0", "lib>=1")
    return place


def test_a_name_is_pinned_to_the_version_found_and_nothing_else_moves(place: Place) -> None:
    done = place.add("extra")
    assert [str(each) for each in done.wordings] == ["added extra==1.0 to stage web"]
    assert done.lines == ("+ extra 1.0: stage web asks for extra==1.0",)
    assert place.file.read_text() == SPEC.replace('"leaf",\n', '"leaf",\n    "extra==1.0",\n')
    assert place.lock.pins == {"app": "1.0", "leaf": "1.0", "lib": "2.0", "extra": "1.0"}
    assert place.lock.fits(load_spec(place.file))


def test_what_was_let_go_and_stays_says_why(place: Place) -> None:
    done = run_pipeline(Request(spec=place.file, stop_after="lock", upgrade_packages=("app", "leaf")))
    assert [line.split(":")[0] for line in done.said] == ["~ leaf 1.0 -> 3.0", "app stays at 1.0"]
    assert done.said[1] == "app stays at 1.0: stage web asks for app==1.0"
    done = run_pipeline(Request(spec=place.file, stop_after="lock", upgrade_packages=("leaf",)))
    assert done.said == ("leaf stays at 3.0: its index has none that is newer, for this target",)


def test_a_version_that_the_spec_excludes_is_no_contradiction(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The word that excludes it is named, and what changes that: nothing else would."""
    monkeypatch.chdir(place.folder)
    wanted = Request(spec=place.file, stop_after="lock", upgrade_packages=("app==2.0",))
    refused = run_pipeline(wanted).failure
    assert isinstance(refused, UsageError)
    assert refused.message == "the spec pins app==1.0 (envspec.toml:10)"
    assert refused.hint == "`envspec add app==2.0` changes it"
    monkeypatch.chdir(place.folder.parent)
    refused = run_pipeline(wanted).failure
    assert refused is not None
    assert refused.hint == "`envspec add app==2.0 daily/envspec.toml` changes it"


def test_what_must_move_along_is_named_with_who_requires_it(place: Place) -> None:
    done = place.add("young", "extra[x]; python_version > '3'")
    assert "~ lib 2.0 -> 3.0: young 1.0 requires lib>=3" in done.lines
    assert place.install[2:] == ["young==1.0", 'extra[x]==1.0; python_version > "3"']
    assert place.lock.pins["leaf"] == "1.0"


def test_what_left_because_of_itself_says_so_and_extras_count(place: Place) -> None:
    place.offer("tied", "1.0", "leaf<2")
    place.offer("tied", "2.0")
    place.offer("full", "1.0", "lib; extra == 'all'")
    place.add("tied", leave_open=True)
    place.add("tied==1.0")
    place.file.write_text(place.file.read_text().replace("tied==1.0", "tied"))
    assert place.add("leaf>=3").lines[-1] == "~ tied 1.0 -> 2.0: tied 1.0 requires leaf<2"
    place.remove("app")
    assert "+ lib 3.0: full[all]==1.0 requires lib" in place.add("full[all]").lines


def test_open_and_limited_versions_stay_as_they_are_written(place: Place) -> None:
    place.add("extra>=0.5")
    place.add("young", leave_open=True)
    assert place.install[2:] == ["extra>=0.5", "young"]


def test_what_is_for_other_machines_stays_open(place: Place) -> None:
    done = place.add("extra; sys_platform == 'win32'")
    assert place.install[2:] == ["extra; sys_platform == 'win32'"]
    assert "extra" not in place.lock.pins
    assert done.files


def test_a_name_that_is_there_gets_the_version_that_is_given(place: Place) -> None:
    before = place.state
    assert str(*place.add("app").wordings) == "app==1.0 is in stage web already"
    assert place.state == before
    done = place.add("app==2.0")
    assert [str(*done.wordings), *done.lines] == [
        "changed app==1.0 to app==2.0 in stage web",
        "~ app 1.0 -> 2.0: stage web asks for app==2.0",
    ]
    assert '"app==2.0",  # pinned' in place.file.read_text()


def test_what_is_shown_alone_is_not_written(place: Place) -> None:
    before = place.state
    assert (place.add("extra", write=False).lines, place.remove("leaf", write=False).lines) == (
        ("+ extra 1.0: stage web asks for extra==1.0",),
        ("- leaf 1.0",),
    )
    assert place.state == before


@pytest.mark.parametrize(
    ("word", "rule", "said"),
    [
        ("old==1.0", "EV101", "lib"),
        ("nowhere", "EV102", "no file of nowhere"),
        ("extra==9", "EV102", "nearest are 1.0"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    place: Place, word: str, rule: str, said: str
) -> None:
    place.add("lib>=2")
    before = place.state
    refused = place.add(word).refused
    assert refused is not None
    assert [each.rule for each in refused.findings if each.severity.value == "error"] == [rule]
    assert any(said in each.message for each in refused.findings)
    assert refused.exit_code == 1
    assert place.state == before


def test_what_the_proof_refuses_is_not_written(place: Place) -> None:
    place.offer("broken", "1.0", code="from leaf import nothing\n")
    before = place.state
    refused = place.add("broken").refused
    assert refused is not None
    assert refused.phase == "prove"
    assert place.state == before


def test_errors_that_stood_before_hinder_nobody_and_new_ones_do(place: Place) -> None:
    place.offer("broken", "1.0", code="from leaf import nothing\n")
    place.offer("worse", "1.0", code="from leaf import more\n")
    place.file.write_text(SPEC.replace('"leaf"', '"leaf", "broken"'))
    run_pipeline(Request(spec=place.file, stop_after="lock"))
    done = place.add("extra")
    assert done.files
    assert done.lines[-1] == "`envspec check` refuses what it refused before: EV140"
    before = place.state
    assert place.add("worse").refused is not None
    assert place.state == before


def test_a_folder_is_own_code_wherever_one_stands(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    project(place.folder / "libs" / "core", "core", requires=["extra"])
    monkeypatch.chdir(place.folder / "libs")
    place.add("./core")
    assert place.install[2:] == ["./libs/core"]
    assert place.lock.pins["extra"] == "1.0"
    assert place.remove("core").wordings[0].text == "./libs/core"
    assert "extra" not in place.lock.pins


def test_what_is_removed_takes_what_only_it_needed(place: Place) -> None:
    done = place.remove("App")
    assert done.lines == ("- app 1.0", "- lib 2.0")
    assert place.install == ["leaf"]


def test_what_others_need_stays_in_the_lock_and_is_said(place: Place) -> None:
    place.add("lib")
    assert place.install[2:] == ["lib==2.0"]
    assert place.remove("lib").lines == ("lib stays in the lock: app 1.0 requires lib>=1",)
    with pytest.raises(UsageError, match=r"no stage, and in the lock because app 1\.0 requires lib"):
        place.remove("lib")


def test_a_name_that_no_stage_has_offers_those_like_it(place: Place) -> None:
    with pytest.raises(UsageError) as refused:
        place.remove("leav")
    assert refused.value.hint == "did you mean leaf?"


def test_all_are_named_who_require_what_cannot_be_removed(place: Place) -> None:
    """And counted where they are many: whoever removes the one that is named would meet the next."""
    place.add("extra")
    with pytest.raises(UsageError, match=r"app 1\.0 requires lib>=1, extra 1\.0 requires lib$") as refused:
        place.remove("lib")
    assert refused.value.hint.startswith("remove all that require it, or")
    place.add("lib")
    assert place.remove("lib").lines == (
        "lib stays in the lock: app 1.0 requires lib>=1, extra 1.0 requires lib",
    )
    many = [f"user{number}" for number in range(15)]
    for name in many:
        place.offer(name, "1.0", "lib")
    place.add(*many)
    with pytest.raises(UsageError, match=r" and 5 more$"):
        place.remove("lib")


def test_what_only_a_variant_has_is_left_to_its_user(place: Place) -> None:
    place.file.write_text(SPEC + '[variant.big]\n[[variant.big.stage]]\nname = "more"\ninstall = ["extra"]\n')
    with pytest.raises(UsageError, match="variant big"):
        place.remove("extra")
    assert place.add("young").lines[-1] == "variant big is locked anew when it is used next"


def test_a_variant_is_edited_alone_and_keeps_what_the_spec_s_lock_holds(place: Place) -> None:
    place.file.write_text(SPEC + '[variant.big]\n[[variant.big.stage]]\nname = "more"\ninstall = []\n')
    place.offer("leaf", "9.0")
    before = place.beside.read_text()
    done = add_packages(Request(spec=place.file, variant="big"), ["extra"])
    assert place.beside.read_text() == before
    assert [str(wording) for wording in done.wordings] == ["added extra==1.0 to stage more"]
    assert [line.split(":")[0] for line in done.lines] == ["+ extra 1.0"]
    held = parse_lock((place.folder / "envspec.big.lock").read_text())
    assert held.pins == {**place.lock.pins, "extra": "1.0"}
    assert held.fits(load_spec(place.file, "big"))
    with pytest.raises(UsageError, match="the spec itself names it"):
        remove_packages(Request(spec=place.file, variant="big"), ["app"])
    done = remove_packages(Request(spec=place.file, variant="big"), ["extra"])
    assert done.refused is None, done.refused
    assert parse_lock((place.folder / "envspec.big.lock").read_text()).pins == place.lock.pins


def test_a_spec_that_somebody_else_wrote_meanwhile_stays(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove = prove_proposal

    def slow(*words: object) -> object:
        place.file.write_text(SPEC + "# mine\n")
        return prove(*words)  # type: ignore[arg-type]

    before = place.beside.read_text()
    monkeypatch.setattr("builder.fix.change.prove_proposal", slow)
    with pytest.raises(FindingsError, match="changed meanwhile"):
        place.add("extra")
    assert place.state[:2] == (SPEC + "# mine\n", before)
    assert len(list(place.folder.iterdir())) == len({"files", "simple", "envspec.toml", "envspec.lock"})


def test_a_folder_that_may_not_be_written_to_leaves_both(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = place.state

    def refuses(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builder.fix.change.write_atomic", refuses)
    with pytest.raises(EnvspecError, match="denied"):
        place.add("extra")
    assert place.state == before


def called(place: Place, *words: object) -> subprocess.CompletedProcess[str]:
    env = machine(place.folder.parent / "home", PIP_INDEX_URL=place.index)
    return run("envspec", *words, env=env, cwd=place.folder)


def test_two_at_once_are_both_done(place: Place) -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda name: called(place, "add", name, "-q"), ["extra", "young"]))
    assert [(each.returncode, each.stderr) for each in done] == [(0, ""), (0, "")]
    assert sorted(place.install[2:]) == ["extra==1.0", "young==1.0"]
    assert place.lock.fits(load_spec(place.file))


def test_the_programs_say_what_they_did_and_end_as_others_do(place: Place) -> None:
    done = called(place, "add", "extra", "envspec.toml", "-q")
    assert (done.returncode, done.stdout.splitlines()[:2]) == (
        0,
        ["added extra==1.0 to stage web", "+ extra 1.0: stage web asks for extra==1.0"],
    )
    refused = called(place, "add", "nowhere", "--spec", ".", "-q")
    assert (refused.returncode, refused.stderr) == (1, "nothing was written\n")
    assert "index default has no file of nowhere" in refused.stdout
    assert "EV001" not in refused.stdout
    wrong = called(place, "remove", "envspec.toml", "-q")
    assert (wrong.returncode, "name a package" in wrong.stderr) == (2, True)
    moved = called(place, "lock", "--upgrade-package", "leaf", "-q")
    assert (moved.returncode, "~ leaf 1.0 -> 3.0\n" in moved.stdout) == (0, True)
    unknown = called(place, "lock", "--upgrade-package", "leav", "-q")
    assert "the lock has no leav" in unknown.stdout
    assert unknown.returncode == 2
