"""Which modules of a distribution are not what people install it for: tests, documents, vendored copies."""

from __future__ import annotations

import re

TESTS = ("test", "tests", "testing", "conftest")
DOCUMENTS = ("docs", "doc", "examples", "example", "benchmarks", "bench")
BUILDS = ("_build_utils", "_build_tools")
"""What the scripts that build a package are made of: installed beside it, and never imported."""
VENDORED = re.compile(r"_?vendor(?:ed)?|_vendor\w*|extern\w*|third_?party")


def is_stray(root: str) -> bool:
    """Whether a top-level name is one that wheels install by accident."""
    return root.partition(".")[0] in TESTS + DOCUMENTS


def is_test(module: str) -> bool:
    """Whether a module is part of the tests of the package that it lies in."""
    return any(is_test_name(part) for part in module.split(".")[1:])


def is_test_name(part: str) -> bool:
    """Whether a package or module of this name holds tests."""
    return part in TESTS or (part.startswith("_") and part.endswith("tests"))


def is_foreign_or_test(module: str, is_package: bool) -> bool:
    """Whether a module lies in a folder of tests, of copies of other projects or of what builds it."""
    left_out = any(is_test_name(folder) or folder in BUILDS for folder in _folders(module, is_package))
    return module.rpartition(".")[2] == "conftest" or left_out or is_copied(module, is_package)


def is_copied(module: str, is_package: bool) -> bool:
    """Whether a module lies in a folder of copies of other projects."""
    return any(VENDORED.fullmatch(folder) for folder in _folders(module, is_package))


def _folders(module: str, is_package: bool) -> list[str]:
    parts = module.split(".")
    return parts if is_package else parts[:-1]
