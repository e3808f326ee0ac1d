"""Builds for other Pythons than this one: the newest of Debian, and free-threaded ones where one is here."""

import json
import os
import pathlib
import shutil
import subprocess
from typing import Any

import pytest

from envspec.system.interpreter import known_interpreter
from tests.support.index import simple_index
from tests.support.paths import ROOT
from tests.support.program import machine, run
from tests.support.wheels import wheel

from .conftest import spec_in

SPEC = """\
name = "young"
python = "{}"

[base]
host = true

[[stage]]
name = "numeric"
install = [{}]
"""
MODULE = """
#include <Python.h>
static PyModuleDef_Slot slots[] = {{ {} {{0, NULL}} }};
static struct PyModuleDef module = {{ PyModuleDef_HEAD_INIT, "speedy", NULL, 0, NULL, slots }};
PyMODINIT_FUNC PyInit_speedy(void) {{ return PyModuleDef_Init(&module); }}
"""
DECLARED = "{Py_mod_gil, Py_MOD_GIL_NOT_USED},"
BUILD = ("build-image", "--backend", "virtualenv", "--format", "json", "--quiet")


def built(folder: pathlib.Path, found: pathlib.Path, env: dict[str, str]) -> dict[str, Any]:
    """The report of an environment whose interpreter stands first on PATH."""
    done = run(*BUILD, folder, env={**env, "PATH": f"{found.parent}{os.pathsep}{env['PATH']}"})
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.network
@pytest.mark.slow
def test_the_newest_python_of_debian_ships_with_numpy(tmp_path: pathlib.Path) -> None:
    done = subprocess.run([ROOT / "scripts" / "python", "3.14"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"there is no Python 3.14 here: {done.stderr.strip().splitlines()[-1:]}")
    folder = spec_in(tmp_path / "young", SPEC.format("3.14", '"numpy==2.3.5", "idna==3.10"'))
    env = {**os.environ, "ENVSPEC_HOME": str(tmp_path / "home")}
    report = built(folder, pathlib.Path(done.stdout.strip()), env)
    assert report["verification"]["python"].startswith("3.14.")


@pytest.fixture(params=["3.13t", "3.14t"])
def threaded(request: pytest.FixtureRequest) -> tuple[str, pathlib.Path]:
    """A free-threaded Python of this machine, by its line and its place."""
    found = known_interpreter(request.param)
    if found is None:
        pytest.skip(f"there is no Python {request.param} here, and Debian has none")
    return request.param, found


@pytest.mark.parametrize(("slots", "speaks"), [(DECLARED, False), ("", True)])
def test_a_free_threaded_build_has_wheels_and_a_rule_of_its_own(
    tmp_path: pathlib.Path, threaded: tuple[str, pathlib.Path], slots: str, speaks: bool
) -> None:
    python, found = threaded
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no gcc here")
    source, library = tmp_path / "speedy.c", tmp_path / "speedy.so"
    source.write_text(MODULE.format(slots))
    include = subprocess.run(
        [found, "-I", "-c", "import sysconfig; print(sysconfig.get_path('include'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    subprocess.run([compiler, "-shared", "-fPIC", f"-I{include}", "-o", library, source], check=True)
    number = python.replace(".", "")
    processor = os.uname().machine
    files = {f"speedy.cpython-{number}-{processor}-linux-gnu.so": library.read_bytes()}
    plain = f"cp{number.removesuffix('t')}"
    own, other = (f"{plain}-{abi}-linux_{processor}" for abi in (f"cp{number}", plain))
    offered = [
        wheel(tmp_path / "files", "speedy", files=files, tag=own),
        wheel(tmp_path / "files", "speedy", files={"speedy.py": ""}, tag=other),
    ]
    env = machine(tmp_path / "home", PIP_INDEX_URL=simple_index(tmp_path / "simple", offered))
    report = built(spec_in(tmp_path / "threads", SPEC.format(python, '"speedy==1.0"')), found, env)
    site = next(pathlib.Path(report["environment"]["reference"]).glob("lib/*/site-packages"))
    assert site.parent.name == f"python{python}"
    rules = [each["rule"] for each in report["findings"]]
    assert ("EV248" in rules) is speaks
