"""`envspec simulate`: which words pip is given for what, and the two forms of the answer."""

import json
import pathlib
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from builder.cli import simulate
from envspec.order.model import PinMove, Simulation, StageOutcome
from envspec.supply import pip_settings
from envspec.system.errors import SpecError
from envspec.system.progress import SILENT
from tests.support.fakes import Recorder
from tests.support.index import simple_index
from tests.support.wheels import wheel

CHANGE = PinMove(name="numpy", before="1.23.5", after="2.4.6", because=("pandas 3.1.1 needs numpy>=2.3",))
GONE = PinMove(name="six", before="1.16.0", after="", because=("the stage removes it",))
FOUND = Simulation(
    stages=(
        StageOutcome(name="numeric", changes=(), installed={"numpy": "1.23.5"}, added=("numpy",)),
        StageOutcome(
            name="modelscope",
            changes=(CHANGE, GONE),
            installed={"numpy": "2.4.6", "scipy": "1.11.4"},
            unsatisfied=("scipy 1.11.4 needs numpy<1.28; numpy 2.4.6 is installed",),
        ),
        StageOutcome(name="last", changes=(), installed={}, problem="no matching distribution"),
    ),
    emulated=True,
)


def test_the_json_form_is_the_promised_one() -> None:
    """{"stages": [{"name", "changes": [{"name", "before", "after", "because"}], "installed"}], "final"}."""
    body = json.loads(json.dumps(FOUND.as_dict()))
    assert body.keys() == {"stages", "final"}
    assert body["stages"][0] == {"name": "numeric", "changes": [], "installed": {"numpy": "1.23.5"}}
    assert body["stages"][1]["changes"][0] == {
        "name": "numpy",
        "before": "1.23.5",
        "after": "2.4.6",
        "because": ["pandas 3.1.1 needs numpy>=2.3"],
    }
    assert body["final"] == body["stages"][-1]["installed"]


def test_people_read_what_moved_why_and_what_no_longer_holds() -> None:
    said = simulate.simulation_text(FOUND)
    assert "numpy 1.23.5 -> 2.4.6, because pandas 3.1.1 needs numpy>=2.3" in said
    assert "six 1.16.0 is removed, because the stage removes it" in said
    assert "unsatisfied: scipy 1.11.4 needs numpy<1.28; numpy 2.4.6 is installed" in said
    assert "pip would install nothing: no matching distribution" in said
    assert "is not on this machine" in said


@pytest.fixture
def shop(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """pip's only index: `user` needs a newer `base` than the first stage pins, `builds` newer setuptools."""
    files = tmp_path / "files"
    offered = [wheel(files, "base", version) for version in ("1.0", "2.0")]
    offered += [wheel(files, "user", requires=["base>=2"]), wheel(files, "setuptools", "99.0")]
    offered += [wheel(files, "builds", requires=["setuptools>=80"])]
    address = simple_index(tmp_path / "simple", offered)
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", address)
    pip_settings._asked.cache_clear()
    yield address
    pip_settings._asked.cache_clear()


def moved(found: Simulation) -> list[tuple[str, str, str]]:
    return [(change.name, change.before, change.after) for change in found.stages[-1].changes]


def test_the_stages_of_a_spec_run_in_order(tmp_path: pathlib.Path, shop: str) -> None:
    (tmp_path / "envspec.toml").write_text(
        'name = "x"\npython = "3.11"\n[base]\nhost = true\n[index.own]\nurl = "https://nowhere.example"\n'
        '[[stage]]\nname = "one"\ninstall = ["base==1.0"]\n'
        '[[stage]]\nname = "two"\ninstall = ["user"]\n[remove]\npackages = ["user"]\n'
    )
    found = simulate.simulate_place(tmp_path, None, None, SILENT)
    assert moved(found) == [("base", "1.0", "2.0"), ("user", "1.0", "")]
    assert found.final == {**found.base, "base": "2.0"}


def test_a_named_index_goes_where_the_machine_sends_it(
    tmp_path: pathlib.Path, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "file:///nowhere")
    monkeypatch.setenv("ENVSPEC_INDEX_OWN", shop)
    (tmp_path / "envspec.toml").write_text(
        'name = "x"\npython = "3.11"\n[base]\nhost = true\n[index.own]\nurl = "https://nowhere.example"\n'
        '[[stage]]\nname = "one"\ninstall = ["base"]\nindex = "own"\n'
    )
    found = simulate.simulate_place(tmp_path, None, None, SILENT)
    assert found.final == {**found.base, "base": "2.0"}


@pytest.mark.usefixtures("shop")
def test_the_pip_lines_of_a_dockerfile_are_stages(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text("FROM python:3.11-slim\nRUN pip install base==1.0\nRUN pip install user\n")
    found = simulate.simulate_place(file, None, None, SILENT)
    assert moved(found) == [("base", "1.0", "2.0")]
    assert found.stages[-1].changes[0].because == ("user 1.0 needs base>=2",)


@pytest.mark.usefixtures("shop")
def test_a_requirements_file_is_one_stage_and_ends_with_1_where_pip_does(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("base==1.0\nuser\n")
    (only,) = simulate.simulate_place(file, None, "3.11", SILENT).stages
    assert "base" in only.problem
    done = CliRunner().invoke(simulate.simulate, [str(file), "--quiet"], standalone_mode=False)
    assert done.return_value == 1


@pytest.mark.usefixtures("shop")
def test_the_setuptools_of_an_image_is_there_before_the_first_stage(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text("FROM python:3.11-slim\nRUN pip install setuptools\nRUN pip install builds\n")
    found = simulate.simulate_place(file, None, None, SILENT)
    assert found.base == {"setuptools": "79.0.1"}
    assert [stage.added for stage in found.stages] == [("builds",)]
    assert moved(found) == [("setuptools", "79.0.1", "99.0")]
    assert not found.moved
    assert simulate.simulation_text(found).startswith("the base brings setuptools 79.0.1\n")


def test_what_is_not_there_is_an_error_in_words(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SpecError):
        simulate.simulate_place(tmp_path, None, None, SILENT)


@pytest.mark.usefixtures("shop")
def test_sources_that_pip_would_build_are_left_out_and_named(tmp_path: pathlib.Path) -> None:
    file = wheel(tmp_path / "wheels", "own", "3.0")
    (tmp_path / "envspec.toml").write_text(
        'name = "x"\npython = "3.11"\n[base]\nhost = true\n'
        f'[[stage]]\nname = "one"\ninstall = ["./core", "./wheels/{file.name}", "base"]\n'
    )
    said = Recorder()
    found = simulate.simulate_place(tmp_path, None, None, said)
    assert found.final == {**found.base, "base": "2.0", "own": "3.0"}
    assert "./core is left out with what it requires: pip would build it first" in said.said
