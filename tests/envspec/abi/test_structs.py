"""Struct sizes read from machine code and from static type objects."""

import contextlib
import pathlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envspec.proof.abi import elf, structs
from tests.envspec.abi.conftest import Compile

# What Cython generates, reduced: a function that is called with names and a size, and a type object.
SOURCE = """
#include <stdio.h>
#include <stddef.h>
extern void *PyImport_ImportModule(const char *);
extern void *PyErr_Format(void *, const char *, ...);
extern size_t basicsize_of(void *, const char *);
static __attribute__((noinline))
int import_type(void *m, const char *module, const char *name, size_t size, int check) {
    size_t actual = basicsize_of(m, name);
    if (actual < size) {
        PyErr_Format(0, "%.200s.%.200s size changed, may indicate binary incompatibility. Expected %zd from C"
                        " header, got %zd from PyObject", module, name, size, actual);
        return -1;
    }
    return check;
}
int PyInit_user(void) {
    void *m = PyImport_ImportModule("numpy");
    int r = import_type(m, "numpy", "dtype", 96, 2);
    r += import_type(m, "numpy", "ndarray", 88, 1);
    void *g = PyImport_ImportModule("greenlet");
    return r + import_type(g, "greenlet", "greenlet", 152, 2);
}
"""
PROVIDER = """
#include <stddef.h>
struct type { size_t refs; void *kind; size_t size; const char *name; size_t basic; size_t item; };
struct type greenlet_type = { 1, NULL, 0, "greenlet.greenlet", 40, 0 };
struct type other_type = { 1, NULL, 0, "no type at all", 40, 0 };
int PyInit_provider(void) { return greenlet_type.basic + other_type.basic; }
"""


@pytest.fixture(scope="module")
def user(compile_shared: Compile) -> bytes:
    return compile_shared("user.so", SOURCE).read_bytes()


def test_sizes_that_a_cython_module_insists_on(user: bytes) -> None:
    found = {(need.module, need.name): need.size for need in structs.needs(elf.ElfReader(user))}
    assert found == {("numpy", "dtype"): 96, ("numpy", "ndarray"): 88, ("greenlet", "greenlet"): 152}


def test_sizes_that_static_types_have(compile_shared: Compile) -> None:
    data = compile_shared("provider.so", PROVIDER).read_bytes()
    assert structs.provided(elf.ElfReader(data)) == {"greenlet.greenlet": 40}


def test_a_module_without_the_check_needs_nothing(compile_shared: Compile) -> None:
    data = compile_shared("plain.so", "int f(void){return 1;}").read_bytes()
    assert structs.needs(elf.ElfReader(data)) == ()


def test_numpy_says_how_large_its_own_types_are() -> None:
    import numpy as np

    file = next(pathlib.Path(np.__file__).parent.glob("_core/_multiarray_umath*.so"))
    found = structs.provided(elf.ElfReader(file.read_bytes()))
    assert found["numpy.dtype"] == np.dtype.__basicsize__
    assert found["numpy.ndarray"] == np.ndarray.__basicsize__


@settings(max_examples=100, deadline=2000)
@given(data=st.data())
def test_any_damage_is_read_or_refused(user: bytes, data: st.DataObject) -> None:
    raw = bytearray(user)
    changes = st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255))
    for place, value in data.draw(st.lists(changes, min_size=1, max_size=20)):
        raw[place] = value
    with contextlib.suppress(elf.ElfError):
        reader = elf.ElfReader(bytes(raw))
        found = structs.needs(reader)
        assert all(size >= 16 for size in structs.provided(reader).values())
        assert all(need.size >= 16 for need in found)
