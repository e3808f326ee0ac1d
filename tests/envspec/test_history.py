"""The table of popular distributions that do not go together: what it says, and what it is made from."""

import pathlib

import pytest

from envspec.proof.history import table
from envspec.proof.history.refresh import History, find_pairs
from envspec.proof.history.table import breaks_with, known_pair
from envspec.proof.history.uses import certain_uses
from envspec.supply.pip_settings import parse_settings
from envspec.supply.wheel import Wheel
from tests.support.index import simple_index
from tests.support.wheels import wheel

APP = """\
import other
from lib import greet
from lib.parts import *
try:
    from lib import maybe
except ImportError:
    maybe = None
if True:
    from lib import perhaps

@other.decorator
def run():
    from lib import late
    return other.later

class Own(other.Base):
    inner = other.inner

VALUE = other.value
EITHER = other.one if greet else other.two
"""


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"app": {"1.0": {"lib": ["1.2", "2.0", "lib.greet"], "new": ["3.0", "2.9", "new.name"]}}}
    monkeypatch.setattr(table, "table", lambda: {"made": "2026-01-01", "pairs": known})


def test_what_surely_runs_is_used_and_nothing_else(tmp_path: pathlib.Path) -> None:
    with Wheel(
        wheel(tmp_path, "app", files={"app.py": APP, "tests/test_app.py": "import lib.wrong\n"})
    ) as app:
        used = certain_uses(app)
    assert used == {"other", "lib.greet", "other.decorator", "other.Base", "other.value"}


def test_the_table_answers_for_a_series(pairs: None) -> None:
    found = known_pair("app", "1.0.7", "lib")
    assert found is not None
    assert found.words == "up to 1.2, and not with 2.0, which has no lib.greet"
    assert known_pair("app", "1.1", "lib") is None
    assert known_pair("nobody", "1.0", "lib") is None


@pytest.mark.parametrize(
    ("provider", "version", "breaks"),
    [
        ("lib", "1.0", False),
        ("lib", "2.0", True),
        ("lib", "3.1", True),
        ("new", "2.0", True),
        ("new", "3.1", False),
    ],
)
def test_a_pair_breaks_on_one_side_alone(pairs: None, provider: str, version: str, *, breaks: bool) -> None:
    assert (breaks_with("app", "1.0", provider, version) is not None) is breaks


def test_pairs_are_found_in_wheels_alone(tmp_path: pathlib.Path, home: pathlib.Path) -> None:
    """What a requirement rules out is no news."""
    offered = [
        wheel(tmp_path, "app", "1.0", requires=["lib"], files={"app.py": "from lib import greet\n"}),
        wheel(tmp_path, "app", "1.1", requires=["lib<2"], files={"app.py": "from lib import greet\n"}),
        wheel(tmp_path, "lib", "1.5", files={"lib.py": "def greet(): ...\n"}),
        wheel(tmp_path, "lib", "2.0", files={"lib.py": "def welcome(): ...\n"}),
    ]
    index = simple_index(tmp_path / "simple", offered)
    history = History(parse_settings(f"global.index-url='{index}'"))
    found = find_pairs(["app", "lib"], history, until=float("inf"))
    assert found == {"app": {"1.0": {"lib": ("1.5", "2.0", "lib.greet")}}}


def test_the_table_that_is_shipped_is_small_and_dated() -> None:
    packed = pathlib.Path(table.__file__).with_name("data") / "pairs.json.xz"
    assert packed.stat().st_size < 2 << 20
    assert table.table()["made"] >= "2026"
    assert table.table()["pairs"]
