"""Projects without a spec: what others describe, checked and locked as it is."""

from __future__ import annotations

import gc
import pathlib
from collections.abc import Iterator

import pytest

from builder.flow.pipeline import run_pipeline
from builder.flow.project import open_project
from builder.values.request import Request
from envspec.lockfile.lock import read_lock
from envspec.supply import pip_settings
from envspec.system.errors import UsageError
from tests.support.index import sha256, simple_index
from tests.support.wheels import wheel

pytestmark = [
    pytest.mark.usefixtures("home"),
    # The Docker SDK leaves the connection that it could not make to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """What a test leaves to the garbage collector is collected while its own warnings are heeded."""
    yield
    gc.collect()


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    """A folder for descriptions, on a machine whose index has two versions of `lib`."""
    wheels = [wheel(tmp_path / "files", "lib", version) for version in ("1.0", "2.0")]
    monkeypatch.setenv("PIP_INDEX_URL", simple_index(tmp_path / "simple", wheels))
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine")
    pip_settings._asked.cache_clear()
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "pinned.txt").write_text(f"lib==1.0 --hash=sha256:{sha256(wheels[0])}\n")
    yield tmp_path / "project"
    pip_settings._asked.cache_clear()


def asked(place: pathlib.Path, phase: str, *, locked: bool = False) -> Request:
    return Request(spec=place, stop_after=phase, locked=locked, offline=False)


def test_a_description_is_a_project_with_a_spec_in_memory(folder: pathlib.Path) -> None:
    project = open_project(folder / "pinned.txt", None)
    assert project.spec.stage[0].install == ("lib==1.0",)
    assert project.lock_file == folder / "envspec.lock"
    assert project.text is not None


def test_checking_writes_nothing(folder: pathlib.Path) -> None:
    report = run_pipeline(asked(folder / "pinned.txt", "prove", locked=True))
    assert report.failure is None
    assert [place.name for place in folder.iterdir()] == ["pinned.txt"]


def test_locking_writes_the_lock_that_the_description_holds(folder: pathlib.Path) -> None:
    report = run_pipeline(asked(folder / "pinned.txt", "lock"))
    assert report.failure is None
    lock = read_lock(folder / "envspec.lock")
    assert lock is not None
    assert (lock.pins, lock.resolver) == ({"lib": "1.0"}, "pinned.txt")


def test_what_holds_no_versions_is_solved(folder: pathlib.Path) -> None:
    (folder / "open.txt").write_text("lib\n")
    run_pipeline(asked(folder / "open.txt", "lock"))
    lock = read_lock(folder / "envspec.lock")
    assert lock is not None
    assert lock.pins == {"lib": "2.0"}


def test_what_names_nothing_to_install_is_refused_with_its_notes(folder: pathlib.Path) -> None:
    (folder / "Dockerfile").write_text("FROM a\nRUN make\n")
    with pytest.raises(UsageError, match="names nothing that a spec could install") as caught:
        open_project(folder / "Dockerfile", None)
    assert "make (line 2)" in caught.value.message


def test_a_folder_is_read_without_a_spec(folder: pathlib.Path) -> None:
    (folder / "pinned.txt").rename(folder / "requirements.txt")
    project = open_project(folder, None)
    assert (project.file, project.lock_file) == (folder / "requirements.txt", folder / "envspec.lock")
    assert project.spec.name == "project"
    (folder / "envspec.toml").write_text(
        'name = "own"\npython = "3.11"\n[[stage]]\nname = "a"\ninstall = ["lib"]\n'
    )
    assert open_project(folder, None).spec.name == "own"


def test_findings_point_at_the_line_of_the_description(folder: pathlib.Path) -> None:
    (folder / "open.txt").write_text("# needs\n\n\n\n\n\n\n\n\n\n\n\nlib\n")
    report = run_pipeline(asked(folder / "open.txt", "lock"))
    places = [report.place(finding) for finding in report.findings if finding.rule == "EV001"]
    assert [(place.short, place.text) for place in places if place] == [("open.txt:13", "")]


def test_a_place_that_a_description_does_not_have_has_no_line(folder: pathlib.Path) -> None:
    (folder / "open.txt").write_text("lib\n")
    report = run_pipeline(asked(folder / "open.txt", "lock"))
    assert report.source is not None
    assert report.source.line("base.image") is None
