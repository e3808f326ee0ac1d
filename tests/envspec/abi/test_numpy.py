"""Which NumPy a module was built for, read from its bytes, and the verdict."""

import pytest

from envspec.proof.abi import numpy
from envspec.proof.abi.numpy import NumpyFacts, fit
from envspec.proof.abi.structs import StructNeed
from tests.envspec.abi.conftest import Compile

# The check as NumPy's headers write it: a call through slot 211 of the API table and a compare.
CHECK = """
extern void **PyArray_API;
extern void *PyErr_Format(void *, const char *, ...);
int PyInit_user(void) {{
    if ({wanted} > ((unsigned (*)(void)) PyArray_API[211])()) {{
        PyErr_Format(0, "{message}", {wanted}, ((unsigned (*)(void)) PyArray_API[211])());
        return -1;
    }}
    return 0;
}}
"""
OLD = "module compiled against API version 0x%x but this version of numpy is 0x%x"
NEW = (
    "module was compiled against NumPy C-API version 0x%x (NumPy 1.20) "
    "but the running NumPy has C-API version 0x%x."
)


@pytest.mark.parametrize(("wanted", "oldest"), [(0xD, "1.16"), (0xE, "1.20"), (0xF, "1.22"), (0x10, "1.23")])
@pytest.mark.parametrize("level", ["-O1", "-O2", "-O3", "-Os"])
def test_headers_of_numpy_1(compile_shared: Compile, wanted: int, oldest: str, level: str) -> None:
    file = compile_shared("user.so", CHECK.format(wanted=wanted, message=OLD), level)
    assert numpy.read_numpy(file.read_bytes()) == NumpyFacts(headers=1, oldest=oldest)


def test_headers_of_numpy_2(compile_shared: Compile) -> None:
    file = compile_shared("user.so", CHECK.format(wanted=0xE, message=NEW))
    assert numpy.read_numpy(file.read_bytes()) == NumpyFacts(headers=2, oldest="1.20")


def test_the_words_alone_are_not_the_check(compile_shared: Compile) -> None:
    """Bindings of other languages carry the sentence without its format."""
    file = compile_shared("rust.so", 'const char *PyInit_x(void) { return "version {} (NumPy 1.20) but"; }')
    assert not numpy.read_numpy(file.read_bytes())


def test_what_is_no_elf_file_has_no_facts() -> None:
    assert not numpy.read_numpy(b"MZ" + bytes(200))


def test_facts_travel_through_libraries_of_the_same_wheel() -> None:
    deep = NumpyFacts(headers=1, oldest="1.20")
    found = numpy.inherited(
        {"pkg/lib.so": NumpyFacts(), "pkg/libmiddle.so": NumpyFacts(), "pkg/libdeep.so": deep},
        {"pkg/lib.so": ("libmiddle.so", "libc.so.6"), "pkg/libmiddle.so": ("libdeep.so", "libmiddle.so")},
        {"libmiddle.so": "pkg/libmiddle.so", "libdeep.so": "pkg/libdeep.so"},
    )
    assert found["pkg/lib.so"] == NumpyFacts(headers=1, oldest="1.20", through="pkg/libdeep.so")
    assert found["pkg/libdeep.so"] == deep


@pytest.mark.parametrize(
    ("facts", "version", "fits"),
    [
        (NumpyFacts(), "1.10", True),
        (NumpyFacts(headers=1, oldest="1.20"), "1.19.5", False),
        (NumpyFacts(headers=1, oldest="1.20"), "1.20.0", True),
        (NumpyFacts(headers=1, oldest="1.20"), "1.26.4", True),
        (NumpyFacts(headers=1, oldest="1.20"), "2.0.0", False),
        (NumpyFacts(headers=1, oldest=""), "1.16", True),
        (NumpyFacts(headers=2, oldest="1.23"), "1.22.4", False),
        (NumpyFacts(headers=2, oldest="1.23"), "1.23.5", True),
        (NumpyFacts(headers=2, oldest="1.23"), "2.2.6", True),
        (NumpyFacts(headers=2, oldest="2.3"), "2.2.6", False),
        (NumpyFacts(structs=(StructNeed(module="numpy", name="dtype", size=96),)), "2.0.2", False),
        (NumpyFacts(structs=(StructNeed(module="numpy", name="dtype", size=96),)), "1.26.4", True),
        (NumpyFacts(structs=(StructNeed(module="numpy", name="ndarray", size=88),)), "1.19.5", False),
        (NumpyFacts(structs=(StructNeed(module="numpy", name="ndarray", size=88),)), "1.20.3", True),
    ],
)
def test_the_verdict(facts: NumpyFacts, version: str, fits: bool) -> None:
    found = fit(facts, version)
    assert bool(found) is fits
    assert bool(found.why) is not fits
    assert bool(found.wants) is not fits


def test_real_sizes_stand_above_the_usual_ones() -> None:
    need = NumpyFacts(structs=(StructNeed(module="numpy", name="ufunc", size=232),))
    assert fit(need, "1.23.5")
    assert not fit(need, "1.23.5", sizes={"numpy.ufunc": 216})
