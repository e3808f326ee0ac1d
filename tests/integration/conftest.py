"""A small world for whole runs: a folder of tiny wheels as the only index, and a spec that needs them."""

import pathlib

import pytest

from tests.support.index import simple_index
from tests.support.program import machine
from tests.support.wheels import wheel

HERE = pathlib.Path(__file__).parent

SPEC = """\
name = "small"
python = "3.11"

[base]
host = true

[[stage]]
name = "first"
install = ["numbers-kit==1.0"]

[[stage]]
name = "second"
install = ["greeter==1.0"]

[smoke]
imports = ["greeter"]
attributes = ["greeter:hello"]
"""

NUMBERS = """\
VERSION = {}


def double(number):
    return number * 2
"""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here carries the marker of its tier."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("integration")


def spec_in(folder: pathlib.Path, text: str = SPEC) -> pathlib.Path:
    """A folder that holds the spec."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "envspec.toml").write_text(text)
    return folder


def shop_in(folder: pathlib.Path) -> list[pathlib.Path]:
    """The wheels that the index has: two versions of `numbers-kit`, and `greeter`, which needs it."""
    return [
        wheel(folder, "numbers-kit", "1.0", files={"numbers_kit.py": NUMBERS.format(1) + "#" * 3000}),
        wheel(folder, "numbers-kit", "2.0", files={"numbers_kit.py": NUMBERS.format(2)}),
        wheel(
            folder,
            "greeter",
            "1.0",
            requires=["numbers-kit>=1"],
            files={"greeter.py": "import numbers_kit\n\ndef hello():\n    return numbers_kit.VERSION\n"},
        ),
    ]


@pytest.fixture
def shop(tmp_path: pathlib.Path) -> str:
    """The address of the index."""
    return simple_index(tmp_path / "simple", shop_in(tmp_path / "files"))


@pytest.fixture
def env(tmp_path: pathlib.Path, shop: str) -> dict[str, str]:
    """A machine whose pip knows that index and no other."""
    return machine(tmp_path / "home", PIP_INDEX_URL=shop)


@pytest.fixture
def small(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with the small spec."""
    return spec_in(tmp_path / "small")
