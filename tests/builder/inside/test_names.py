"""Names as everything that runs inside compares them, held against the packaging library's."""

from __future__ import annotations

import importlib.util

import pytest
from packaging.utils import canonicalize_name

from builder.inside.names import absolute_module, canonical_name, of_dist_info, same_version


@pytest.mark.parametrize("name", ["Flask", "ruamel.yaml", "a__b-._c", "zope.interface", "x"])
def test_canonical_names_are_those_of_the_standard(name: str) -> None:
    assert canonical_name(name) == canonicalize_name(name)


def test_a_folder_tells_name_and_version() -> None:
    assert of_dist_info("My_Package-1.0+cpu.dist-info") == ("my-package", "1.0+cpu")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("2.0+cu12.1", "2.0+cu12_1", True), ("1.0RC1", "1.0rc1", True), ("1.0", "1.1", False)],
)
def test_versions_are_the_same_in_every_spelling(one: str, other: str, same: bool) -> None:
    assert same_version(one, other) is same


@pytest.mark.parametrize(
    ("package", "level", "module"),
    [("a.b.c", 1, "d"), ("a.b.c", 2, "d.e"), ("a.b.c", 3, ""), ("a.b", 0, "os.path"), ("a", 1, "")],
)
def test_relative_imports_mean_what_python_takes_them_for(package: str, level: int, module: str) -> None:
    expected = importlib.util.resolve_name("." * level + module, package)
    assert absolute_module(package, level, module) == expected


@pytest.mark.parametrize(("package", "level"), [("a.b", 3), ("", 1)])
def test_what_leads_out_of_the_top_means_nothing(package: str, level: int) -> None:
    assert absolute_module(package, level, "x") is None
