"""The table of Debian packages, and how it is reduced."""

import pytest

from envspec.proof.abi.packages import SUITES, provider
from envspec.proof.abi.refresh_sonames import pairs, shortest


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize(
    ("soname", "package"),
    [("libGL.so.1", "libgl1"), ("libsndfile.so.1", "libsndfile1"), ("libgomp.so.1", "libgomp1")],
)
def test_known_libraries(suite: str, soname: str, package: str) -> None:
    assert provider(soname, suite=suite) == package


def test_a_renamed_package_is_known_by_suite() -> None:
    assert provider("libgthread-2.0.so.0", suite="bookworm") == "libglib2.0-0"
    assert provider("libgthread-2.0.so.0", suite="trixie") == "libglib2.0-0t64"


def test_unknown_libraries_and_suites() -> None:
    assert provider("libnothing.so.99") == ""
    assert provider("libGL.so.1", suite="sid") == "libgl1"


def test_every_package_that_brings_a_file_is_known() -> None:
    lines = ["usr/lib/x86_64-linux-gnu/libx.so.1 libs/libx-extra1,libs/libx1,libdevel/libx-dev"]
    assert list(pairs(lines)) == [("libx.so.1", "libx-extra1"), ("libx.so.1", "libx1")]


def test_the_soname_stands_for_the_file_it_links_to() -> None:
    pairs = [("libx.so.1", "libx1"), ("libx.so.1.2.3", "libx1"), ("libx.so.1.2.3", "other")]
    assert set(shortest(pairs)) == {("libx.so.1", "libx1"), ("libx.so.1.2.3", "other")}
