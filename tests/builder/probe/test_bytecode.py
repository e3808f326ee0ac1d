"""Compiled files of the standard library, lent to environments that have none."""

from __future__ import annotations

import os
import pathlib
import py_compile
import subprocess
import sys

from builder.inside.probe import bytecode

SHOW = "import sys, thing, parcel.inner; print(thing.VALUE, parcel.inner.__cached__)"


def library(folder: pathlib.Path) -> pathlib.Path:
    """A small library with compiled files beside its sources, and some of folders that nobody imports."""
    for name in ("thing.py", "parcel/__init__.py", "parcel/inner.py", "test/thing_test.py"):
        source = folder / name
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text("VALUE = 1\n")
        py_compile.compile(str(source), doraise=True)
    return folder


def seen(place: pathlib.Path, prefix: pathlib.Path) -> str:
    env = {**os.environ, "PYTHONPATH": str(place), "PYTHONPYCACHEPREFIX": str(prefix)}
    done = subprocess.run([sys.executable, "-c", SHOW], env=env, capture_output=True, text=True, timeout=60)
    return done.stdout.strip()


def test_what_is_lent_is_found_below_the_prefix_and_tests_are_not(tmp_path: pathlib.Path) -> None:
    place, prefix = library(tmp_path / "library"), tmp_path / "prefix"
    bytecode.lend(str(place), str(prefix))
    files = sorted(str(path.relative_to(prefix)) for path in prefix.rglob("*.pyc"))
    tag = sys.implementation.cache_tag
    below = str(place).lstrip("/")
    assert files == [f"{below}/{name}.{tag}.pyc" for name in ("parcel/__init__", "parcel/inner", "thing")]
    assert seen(place, prefix) == f"1 {prefix}/{below}/parcel/inner.{tag}.pyc"
    links = [path.is_symlink() for path in (prefix / below).rglob("*.pyc")]
    assert all(links), "none was made anew"


def test_a_changed_source_is_compiled_and_the_library_stays_as_it_was(tmp_path: pathlib.Path) -> None:
    place, prefix = library(tmp_path / "library"), tmp_path / "prefix"
    kept = place / "__pycache__" / f"thing.{sys.implementation.cache_tag}.pyc"
    before = kept.read_bytes()
    (place / "thing.py").write_text("VALUE = 22\n")
    bytecode.lend(str(place), str(prefix))
    assert seen(place, prefix).startswith("22 ")
    assert kept.read_bytes() == before


def test_an_environment_is_compiled_where_one_of_its_packages_is(tmp_path: pathlib.Path) -> None:
    (tmp_path / "parcel").mkdir()
    assert not bytecode.is_compiled([str(tmp_path)])
    (tmp_path / "parcel" / "__pycache__").mkdir()
    assert bytecode.is_compiled([str(tmp_path)])
