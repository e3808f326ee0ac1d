"""What the proof and the probe both decide, each in its own code, is decided alike."""

from __future__ import annotations

import ast

import pytest

from builder.inside.names import absolute_module
from builder.inside.probe import asides
from envspec.proof.imports.link import is_aside
from envspec.proof.imports.modules import Modules
from envspec.proof.imports.source import Package

FILES = ("app/__init__.py", "app/inner.py", "app/sub/__init__.py", "app/sub/deep.py")


@pytest.mark.parametrize("module", ["app", "app.inner", "app.sub", "app.sub.deep"])
@pytest.mark.parametrize(
    "statement",
    [
        "from other import x",
        "from other.part import x",
        "from . import x",
        "from .part import x",
        "from .. import x",
        "from ..part.more import x",
        "from ... import x",
        "from ....part import x",
    ],
)
def test_a_relative_import_means_the_same_module_to_both(module: str, statement: str) -> None:
    package = Package(name="app", version="1.0", files=FILES, read=lambda _: b"")
    modules = Modules([package], python="3.11")
    (node,) = ast.parse(statement).body
    assert isinstance(node, ast.ImportFrom)
    home = module if modules.index.origins[module].is_package else module.rpartition(".")[0]
    expected = absolute_module(home, node.level, node.module or "") or ""
    assert modules.absolute(node.module or "", node.level, module) == expected


@pytest.mark.parametrize(
    "module",
    ["app.tests", "app.tests.test_x", "app.test", "app.testing.tools", "app.conftest", "app._own_tests"],
)
def test_what_the_probe_takes_for_tests_the_linker_does_too(module: str) -> None:
    assert asides.is_test(module)
    assert is_aside(module)


@pytest.mark.parametrize("module", ["app", "app.core", "app.testament", "app.contest", "app.latest"])
def test_what_is_no_test_is_one_to_neither(module: str) -> None:
    assert not asides.is_test(module)
    assert not is_aside(module)
