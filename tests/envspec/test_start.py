"""The programs start only with the code that belongs to them."""

import pathlib
import shutil
import subprocess
import sys

import pytest

from envspec.system.start import foreign_package
from tests.support.paths import ROOT

PROGRAM = "import sys; sys.path[:0] = sys.argv[1:]; from envspec.system.start import envspec; envspec()"


def start(*folders: pathlib.Path) -> subprocess.CompletedProcess[str]:
    """Start the program with these folders first on its path."""
    command = [sys.executable, "-I", "-c", PROGRAM, *map(str, folders)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("package", ["builder", "service"])
def test_another_package_of_the_name_is_said_to_stand_in_the_way(
    package: str, tmp_path: pathlib.Path
) -> None:
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text("raise SystemExit('never imported')\n")
    done = start(tmp_path, ROOT)
    assert done.returncode == 4
    assert (
        f"the package {package} in {tmp_path / package} is not the one that belongs to envspec" in done.stderr
    )
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_package_that_was_written_over_ours_is_noticed(tmp_path: pathlib.Path) -> None:
    """As pip does it when two distributions bring the same files."""
    for package in ("envspec", "builder", "service"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    assert start(tmp_path).returncode != 4
    (tmp_path / "builder" / "__init__.py").write_text('"""Builds houses."""\n')
    done = start(tmp_path)
    assert done.returncode == 4
    assert str(tmp_path / "builder") in done.stderr


def test_our_own_packages_are_ours() -> None:
    assert foreign_package("builder") is None
    assert foreign_package("service") is None
    assert foreign_package("no_such_package") is not None
