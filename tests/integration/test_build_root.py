"""Own C code that needs a header which is not here: built with Debian's packages, the same each time."""

import os
import pathlib
import shutil

import pytest

from envspec.lockfile.lock import read_lock
from tests.support.program import run

from .conftest import spec_in

pytestmark = [pytest.mark.network, pytest.mark.slow]

SPEC = """\
name = "native"
python = "3.11"
[base]
debian = "bookworm"
BUILD
[[stage]]
name = "one"
install = ["./counter"]
[smoke]
attributes = ["counter:version"]
"""

MODULE = """\
#include <Python.h>
#include <uthash.h>

static struct PyModuleDef module = { PyModuleDef_HEAD_INIT, "counter", NULL, -1, NULL };

PyMODINIT_FUNC PyInit_counter(void) {
    PyObject *made = PyModule_Create(&module);
    PyModule_AddStringConstant(made, "file", __FILE__);
    PyModule_AddIntConstant(made, "version", sizeof(UT_hash_handle) > 0);
    return made;
}
"""

SETUP = """\
from setuptools import Extension, setup
setup(name="counter", version="1.0", ext_modules=[Extension("counter", ["counter.c"])])
"""


def folder_of(place: pathlib.Path, build: str) -> pathlib.Path:
    """A spec with a small C extension, which needs the header of `uthash-dev`."""
    folder = spec_in(place, SPEC.replace("BUILD", build))
    tree = folder / "counter"
    tree.mkdir()
    (tree / "counter.c").write_text(MODULE)
    (tree / "setup.py").write_text(SETUP)
    return folder


def built(home: pathlib.Path) -> list[bytes]:
    """The bytes of all wheels of it that were built."""
    return [wheel.read_bytes() for wheel in sorted(home.glob("wheelhouse/**/counter-*.whl"))]


def test_a_missing_header_is_told_with_its_package_and_then_built_twice_to_equal_bytes(
    tmp_path: pathlib.Path, shared_home: pathlib.Path
) -> None:
    if pathlib.Path("/usr/include/uthash.h").exists():
        pytest.skip("this machine has the header that the test wants to miss")
    env = {**os.environ, "ENVSPEC_HOME": str(shared_home)}
    without = run("envspec", "lock", folder_of(tmp_path / "without", ""), env=env, timeout=300)
    assert without.returncode == 1, without.stdout + without.stderr
    assert "it needs the header uthash.h" in " ".join(without.stdout.split())
    assert 'build-apt = ["gcc", "uthash-dev"]' in " ".join(without.stdout.split())

    folder = folder_of(tmp_path / "with", 'build-apt = ["gcc", "uthash-dev"]')
    done = run("build-image", folder, "--backend", "oci", env=env, timeout=580)
    assert done.returncode == 0, done.stdout + done.stderr
    (first,) = built(shared_home)
    lock = read_lock(folder / "envspec.lock")
    assert lock is not None
    assert {"gcc", "uthash-dev"} <= {package.name for package in lock.build}
    assert not {"gcc", "uthash-dev"} & {package.name for package in lock.base.packages}

    shutil.rmtree(shared_home / "wheelhouse" / "built")
    for wheel in shared_home.glob("wheelhouse/**/counter-*.whl"):
        wheel.unlink()
    elsewhere = tmp_path / "else" / "where"
    elsewhere.parent.mkdir()
    shutil.copytree(folder, elsewhere)
    again = run("build-image", elsewhere, "--backend", "oci", "--locked", env=env, timeout=580)
    assert again.returncode == 0, again.stdout + again.stderr
    assert built(shared_home) == [first]
