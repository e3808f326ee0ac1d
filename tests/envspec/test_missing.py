"""What failed builds say that they missed, in the words of compilers, linkers, pkg-config and scripts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envspec.source.missing import missing_in
from envspec.supply.build_root import Missing

SAID = {
    "psycopg/psycopg.h:35:10: fatal error: libpq-fe.h: No such file or directory": "the header libpq-fe.h",
    "x.c:1:10: fatal error: 'openssl/ssl.h' file not found": "the header openssl/ssl.h",
    "a.cpp:2:10: fatal error: Eigen/Dense: No such file or directory": "the header Eigen/Dense",
    "/usr/bin/ld: cannot find -lpq: No such file or directory": "the library pq",
    "ld.lld: error: unable to find library -lssl": "the library ssl",
    "Package libffi was not found in the pkg-config search path.": "the pkg-config file libffi",
    "Package 'cairo', required by 'virtual:world', not found": "the pkg-config file cairo",
    "No package 'gtk+-3.0' found": "the pkg-config file gtk+-3.0",
    'meson.build:5:0: Dependency "openblas" not found, tried pkgconfig': "the pkg-config file openblas",
    "error: command 'gcc' failed: No such file or directory": "the program gcc",
    "error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory": "the program gcc",
    "error: command '/usr/bin/false' failed with exit code 1": "the program gcc",
    "Error: pg_config executable not found.": "the program pg_config",
    "/bin/sh: 1: mysql_config: not found": "the program mysql_config",
    "FileNotFoundError: [Errno 2] No such file or directory: 'krb5-config'": "the program krb5-config",
    "error: can't find Rust compiler\ncargo, the Rust package manager, is not installed": "the program cargo",
    "CMake Error: CMake was unable to find a build program\nCMake is required": "the program cmake",
    "../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc']]": "the program gcc",
}


def missing_of(said: str) -> Missing | None:
    """What it says first."""
    return next(missing_in(said), None)


@pytest.mark.parametrize(("said", "words"), SAID.items())
def test_each_way_to_say_it_is_understood(said: str, words: str) -> None:
    found = missing_of(f"running build_ext\n{said}\n")
    assert found is not None
    assert found.words == words


@pytest.mark.parametrize(
    "said",
    [
        "",
        "error: invalid command 'bdist_wheel'",
        "SyntaxError: invalid syntax",
        "x.c:3:5: error: unknown type name 'foo'",
        "ModuleNotFoundError: No module named 'numpy'",
        "make sure that the data is not missing",
    ],
)
def test_other_failures_are_not_taken_for_it(said: str) -> None:
    assert missing_of(said) is None


@pytest.mark.parametrize(
    ("said", "sure"),
    [
        ("FileNotFoundError: [Errno 2] No such file or directory: 'README.md'", False),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'swig'", True),
        ("Licence: not found", False),
        ("/bin/sh: 1: gfortran: not found", True),
        ("error: command 'frobnicate' failed: No such file or directory", True),
    ],
)
def test_a_file_that_is_not_found_need_not_be_a_program(said: str, sure: bool) -> None:
    found = missing_of(said)
    assert found is not None
    assert found.sure == sure


def test_a_header_counts_over_what_the_failure_made_of_it() -> None:
    said = "x.c:1:10: fatal error: a.h: No such file or directory\nerror: command 'gcc' failed: No such file"
    found = missing_of(said)
    assert found is not None
    assert found.kind == "header"


@given(st.text())
def test_any_words_are_read(said: str) -> None:
    list(missing_in(said))
