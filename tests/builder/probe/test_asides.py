"""What of a distribution is for its makers, told by the names of modules alone."""

from __future__ import annotations

import pytest

from builder.inside.probe import asides


@pytest.mark.parametrize("root", ["tests", "docs.conf", "benchmarks"])
def test_what_wheels_install_by_accident_is_stray(root: str) -> None:
    assert asides.is_stray(root)
    assert not asides.is_stray(f"pkg.{root}")


@pytest.mark.parametrize(
    ("module", "is_package", "aside"),
    [
        ("pkg.tests", True, True),
        ("pkg.tests.deep", False, True),
        ("pkg.testing", False, False),
        ("pkg._core_tests.x", False, True),
        ("pkg._vendor.six", False, True),
        ("pkg.third_party.x", False, True),
        ("pkg.vendors.x", False, False),
        ("pkg.conftest", False, True),
        ("pkg._build_utils.x", False, True),
        ("pkg.setup", False, False),
        ("pkg.contests.x", False, False),
    ],
)
def test_modules_in_folders_of_tests_and_copies_are_not_read(
    module: str, is_package: bool, aside: bool
) -> None:
    """Wherever the environment lies: a folder `tests` above it says nothing."""
    assert asides.is_foreign_or_test(module, is_package) is aside
