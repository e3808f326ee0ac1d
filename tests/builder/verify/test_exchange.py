"""Round trips of arrays, with the negative control: a binary that imports well and corrupts."""

from __future__ import annotations

import os
import pathlib
import shutil

import numpy as np
import pytest

from builder.judge import judge_subject

from .compiling import compiled
from .environments import Environment, errors

SCRAMBLE = """
static PyObject *scramble(PyObject *self, PyObject *given) {
    Py_buffer view;
    if (PyObject_GetBuffer(given, &view, PyBUF_WRITABLE) < 0) return NULL;
    %s
    PyBuffer_Release(&view);
    Py_RETURN_NONE;
}
static PyMethodDef methods[] = {{"scramble", scramble, METH_O, ""}, {0}};
"""
SOUNDFILE = """import numpy
import _sound


def write(target, wave, rate, **_):
    target.write(wave.tobytes())


def read(source, **_):
    data = bytearray(source.read())
    _sound.scramble(data)
    return numpy.frombuffer(bytes(data), "int16"), 16000
"""


def with_numpy(environment: Environment, *, registered: bool = True) -> None:
    """The real NumPy of these tests, by links."""
    home = pathlib.Path(np.__file__).parent
    for folder in (home, home.with_name("numpy.libs")):
        if folder.is_dir():
            shutil.copytree(folder, environment.site / folder.name, copy_function=_link)
    if registered:
        named = {f"numpy-{np.__version__}.dist-info/top_level.txt": "numpy\n"}
        environment.install("numpy", named, version=np.__version__, listed=False)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk
        shutil.copy2(source, target)


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        ("", {}),
        ("((char *)view.buf)[view.len / 2] ^= 1;", {"EV270:soundfile": "values changed"}),
        ("*(volatile char *)0 = 1;", {"EV271:soundfile": "SIGSEGV"}),
    ],
)
def test_a_binary_that_imports_and_corrupts_is_found_by_what_comes_back(
    environment: Environment, tmp_path: pathlib.Path, harm: str, found: dict[str, str]
) -> None:
    with_numpy(environment)
    data = compiled(tmp_path, name="_sound", declarations=SCRAMBLE % harm, methods="methods")
    environment.install("soundfile", {"soundfile.py": SOUNDFILE, "_sound.so": data}, requires=("numpy",))
    told = errors(judge_subject(environment.target))
    assert list(told) == list(found)
    assert all(words in told[place] for place, words in found.items())


def test_arrays_are_sent_through_a_numpy_without_metadata_as_well(
    environment: Environment, tmp_path: pathlib.Path
) -> None:
    with_numpy(environment, registered=False)
    harm = SCRAMBLE % "((char *)view.buf)[0] ^= 1;"
    data = compiled(tmp_path, name="_sound", declarations=harm, methods="methods")
    environment.install("soundfile", {"soundfile.py": SOUNDFILE, "_sound.so": data})
    assert "EV270:soundfile" in errors(judge_subject(environment.target))


def test_an_array_that_cannot_be_sent_is_an_error(environment: Environment) -> None:
    source = "def arange(*a, **k):\n    raise RuntimeError('no arrays here')\n"
    environment.install("numpy", {"numpy/__init__.py": source})
    environment.install("soundfile", {"soundfile.py": "import numpy\n"}, requires=("numpy",))
    assert list(errors(judge_subject(environment.target))) == ["EV271:soundfile"]
