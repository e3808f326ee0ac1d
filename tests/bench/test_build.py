"""The builds that are compared: the project under test, and the Dockerfiles written by hand for it."""

import dataclasses
import pathlib
import shutil
import urllib.request

import pytest

from bench import build
from bench.project import Project, Stack, text
from bench.ways import Recipe, Style, index
from envspec.spec.load import parse_spec
from envspec.supply.pip_settings import PipSettings


@pytest.mark.parametrize("stack", [build.SMALL, build.LARGE])
def test_every_state_is_a_spec(stack: Stack) -> None:
    for late in stack.late:
        spec = parse_spec(text(stack, f'image = "{build.BASE}"', late, stack.early[-1]))
        assert spec.service is not None
        assert spec.service.source == "app"
        assert late in spec.stage[-1].install
        assert stack.early[-1] in spec.stage[0].install
    assert len(stack.late) == len(stack.early) == len(set(stack.late))


def test_a_stack_that_the_example_no_longer_has() -> None:
    gone = dataclasses.replace(build.SMALL, late=("gone==1",))
    with pytest.raises(ValueError, match='has no "gone==1"'):
        text(gone, "image", "gone==2", build.SMALL.early[0])


@pytest.fixture
def project(home: pathlib.Path, tmp_path: pathlib.Path) -> Project:
    """A project in its first state, with the example's own lock."""
    made = Project(tmp_path / "one", build.SMALL, build.SMALL.base, tmp_path / "locks")
    kept = tmp_path / "locks" / "0-0.lock"
    kept.parent.mkdir()
    shutil.copy(build.SMALL.example / "envspec.lock", kept)
    made.state(0, 0)
    return made


@pytest.fixture
def store(project: Project) -> None:
    """Empty files in place of all wheels."""
    for stage in project.plan.stages:
        for wheel in stage.wheels:
            file = project.store.path(wheel)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()


def test_an_edit_changes_the_payload(project: Project) -> None:
    edited = project.folder / "app" / "service" / "edited.py"
    project.edit()
    before = edited.read_text()
    project.edit()
    assert edited.read_text() != before


def steps(recipe: Recipe, project: Project) -> list[str]:
    recipe.write(project)
    lines = (project.folder / "Dockerfile").read_text().splitlines()
    return [line.split()[0] for line in lines if line.startswith(("COPY", "RUN"))]


def test_pip_a_stage_is_given_settings_and_never_their_values(project: Project) -> None:
    recipe = Recipe("base", Style.PIP, settings={"PIP_INDEX_URL": "http://secret"})
    assert recipe.options == ["--build-arg", "PIP_INDEX_URL"]
    assert steps(recipe, project) == ["RUN", *["COPY", "RUN"] * 3, "COPY"]
    written = (project.folder / "Dockerfile").read_text()
    assert "ARG PIP_INDEX_URL\n" in written
    assert "secret" not in written
    assert "numpy==1.23.5\n" in (project.folder / "stage-1" / "requirements.txt").read_text()


def test_a_way_may_change_its_style(project: Project, store: None) -> None:
    assert steps(Recipe("base", Style.UV), project) == ["RUN", *["RUN"] * 3, "COPY"]
    assert steps(Recipe("base", Style.UV_AT_ONCE), project) == ["RUN", "RUN", "COPY"]
    assert [folder.name for folder in project.folder.glob("stage-*")] == ["stage-1"]
    assert steps(Recipe("base", Style.WHEELHOUSE), project) == ["RUN", "COPY", *["COPY", "RUN"] * 3, "COPY"]
    assert len(list((project.folder / "wheels").glob("*.whl"))) == len(
        [wheel for stage in project.plan.stages for wheel in stage.wheels]
    )


def test_folders_of_this_machine_are_served(tmp_path: pathlib.Path) -> None:
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "a.whl").write_bytes(b"wheel")
    machine = PipSettings(index_url="http://index/simple", find_links=(str(tmp_path / "wheels"),))
    with index(machine) as settings:
        assert settings.keys() == {"PIP_INDEX_URL", "PIP_FIND_LINKS"}
        with urllib.request.urlopen(f"{settings['PIP_FIND_LINKS']}a.whl") as answer:
            assert answer.read() == b"wheel"
