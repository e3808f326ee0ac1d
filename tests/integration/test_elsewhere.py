"""Whole programs as on macOS and Windows, as far as `tests/support/elsewhere.py` can be those."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.support.paths import ROOT

from .conftest import SPEC, spec_in

Call = Callable[..., subprocess.CompletedProcess[str]]
FOR_LINUX = SPEC.replace("host = true", 'image = "python:3.11-slim-bookworm"')
NAMES = {"darwin": "macOS", "win32": "Windows"}


@pytest.fixture(params=NAMES)
def system(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    return spec_in(tmp_path / "small", FOR_LINUX)


@pytest.fixture
def call(system: str, env: dict[str, str], folder: pathlib.Path, tmp_path: pathlib.Path) -> Call:
    """`call("envspec", ...)` on that system, in the spec's folder."""
    (tmp_path / "temporary").mkdir()
    env = {**env, "TMPDIR": str(tmp_path / "temporary")}  # Linux runs sweep what nobody has locked
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.support import elsewhere; "
    program += f"sys.argv.insert(1, {system!r}); elsewhere.main()"

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-c", program, *map(str, words)],
            cwd=folder, env=env, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


def test_what_needs_no_linux_works(call: Call, folder: pathlib.Path) -> None:
    (folder / "requirements.txt").write_text("greeter==1.0\n")
    assert call("envspec", "init", "requirements.txt", "--output", "new.toml").returncode == 0
    assert "greeter==1.0" in (folder / "new.toml").read_text()

    assert call("envspec", "lock").returncode == 0
    lock = (folder / "envspec.lock").read_text()
    done = call("envspec", "check", "--locked", "--report", "out", "--format", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["verdict"] == "sound so far"
    assert {"report.html", "report.json", "report.sarif"} <= {
        each.name for each in (folder / "out").iterdir()
    }
    assert (folder / "envspec.lock").read_text() == lock

    assert "FROM " in call("envspec", "render").stdout
    assert call("envspec", "explain", ".", "numbers-kit").stdout.startswith("numbers-kit 1.0")
    assert call("envspec", "diff", "envspec.lock", ".").returncode == 0
    assert "2 installed" in call("envspec", "simulate").stdout
    assert list(folder.glob(".*")) == []  # nothing half-written


def test_the_lock_is_that_of_linux(call: Call, folder: pathlib.Path, env: dict[str, str]) -> None:
    assert call("envspec", "lock").returncode == 0
    there = (folder / "envspec.lock").read_text()
    (folder / "envspec.lock").unlink()
    here = [str(pathlib.Path(sys.executable).parent / "envspec"), "lock", "-q"]
    assert subprocess.run(here, cwd=folder, env=env, capture_output=True).returncode == 0
    assert (folder / "envspec.lock").read_text() == there


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("build-image", "--backend", "virtualenv"), "the virtualenv backend builds for Linux"),
        (
            ("envspec", "verify", "--python", sys.executable),
            "environments are judged where they run, on Linux",
        ),
        (("envspec", "serve"), "is served in a virtual environment, which is built for Linux"),
        (("envspec", "fix"), "virtual environments, which are for Linux"),
        (("envspec", "lock", "--resolver", "pip-tools"), "pip-tools solves for the system that it runs on"),
    ],
    ids=lambda words: "-".join(words[:2]) if isinstance(words, tuple) else "",
)
def test_what_needs_linux_says_so(call: Call, system: str, words: tuple[str, ...], said: str) -> None:
    done = call(*words)
    assert done.returncode == 4, done.stdout + done.stderr
    told = " ".join((done.stdout + done.stderr).split())
    assert f"{said}, and this machine runs {NAMES[system]}" in told
    assert "hint: " in told


def test_a_base_that_is_this_machine_is_refused(call: Call, folder: pathlib.Path) -> None:
    spec_in(folder, SPEC)
    done = call("envspec", "check")
    assert done.returncode == 4
    assert "`[base] host = true` means this machine, which has to run Linux" in done.stdout + done.stderr
