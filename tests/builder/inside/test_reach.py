"""One module imported, or one name read, by a program that travels."""

import pathlib
import sys

import pytest

from builder.image import travelling
from envspec.system.process import run_process


@pytest.fixture
def site(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "__init__.py").write_text(
        "def __getattr__(name):\n"
        "    if name == 'lazy':\n        raise AttributeError('no such thing in the other package')\n"
        "    raise AttributeError(name)\n"
        "def __dir__():\n    return ['lazy']\n"
    )
    (tmp_path / "good" / "inner.py").write_text("import missing_neighbour\n")
    return tmp_path


@pytest.mark.parametrize(
    ("told", "well"),
    [
        ("good", True),
        ("good.inner", False),
        ("good.lazy", False),
        ("good.gone", True),
        ("nowhere.at.all", True),
    ],
)
def test_what_cannot_be_reached_fails_and_what_is_not_there_does_not(
    site: pathlib.Path, told: str, *, well: bool
) -> None:
    command = [sys.executable, "-c", travelling.program("reach"), told]
    assert run_process(command, env={"PYTHONPATH": str(site)}).ok is well
