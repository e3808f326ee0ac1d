"""EV306 before a build: commands that nothing in the lock brings."""

import pathlib

import pytest

from envspec.system.finding import Finding
from tests.support.sets import Sets
from tests.support.wheels import wheel

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def sets(tmp_path: pathlib.Path) -> Sets:
    """A server with a program, and a package with modules alone."""
    made = Sets(tmp_path, ("EV306",))
    scripts = "[console_scripts]\nuvicorn = uvicorn:main\nipython = uvicorn:main\n"
    files = {"uvicorn.py": "", "uvicorn-1.0.dist-info/entry_points.txt": scripts}
    made.wheels.append(wheel(tmp_path, "uvicorn", files=files))
    made.add("shop")
    return made


def proved(sets: Sets, command: list[str], more: str = "", tables: str = "") -> list[Finding]:
    return sets.proved(f"[run]\ncommand = {command!r}\n{more}\n{tables}")


@pytest.mark.parametrize(
    "command",
    [
        ["uvicorn", "shop:app"],
        ["bash", "-c", "true"],  # the base's, which nobody knows here
        ["./uvicron"],
        ["/usr/bin/uvicron"],
        ["python", "-m", "shop.worker"],
        ["python3", "-m", "http.server"],
        ["python", "-c", "pass"],
        ["python"],
    ],
)
def test_what_is_there_or_may_be_is_not_told(sets: Sets, command: list[str]) -> None:
    assert proved(sets, command) == []


def test_a_slip_is_told_with_what_was_meant(sets: Sets) -> None:
    (found,) = proved(sets, ["uvicron", "shop:app"])
    assert (found.severity, found.where, found.hint) == ("warning", "run", "did you mean uvicorn?")


def test_a_module_that_nothing_brings_is_told(sets: Sets) -> None:
    (found,) = proved(sets, ["python", "-m", "shopp.worker"])
    assert "no package of the lock brings the module shopp" in found.message
    assert found.hint == "did you mean shop?"


@pytest.mark.parametrize(
    ("more", "tables"),
    [
        ('workdir = "/srv"', ""),
        ('volumes = ["/app"]', ""),
        ('env = { PYTHONSTARTUP = "x" }', '[[copy]]\nfrom = "src"\nto = "src"'),
    ],
)
def test_a_module_may_be_a_file_that_is_copied_or_mounted(sets: Sets, more: str, tables: str) -> None:
    assert proved(sets, ["python", "-m", "own"], more, tables) == []


def test_health_trials_and_other_programs_are_looked_at_too(sets: Sets) -> None:
    tables = (
        '[[run.trial]]\ncommand = ["uvicrn"]\n'
        '[run.worker]\ncommand = ["python", "-m", "nowhere"]\nhealth = { command = ["uvicron"] }\n'
    )
    assert [one.where for one in proved(sets, ["uvicorn"], tables=tables)] == [
        "run",
        "run.worker",
        "run.worker",
    ]
