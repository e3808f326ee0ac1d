"""Arrays of TOML that are written in proportion to their length."""

import tomllib
from collections.abc import Callable

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from envspec.system.toml import array_of
from tests.support.counting import is_linear


@given(st.lists(st.text(), max_size=5), st.booleans())
def test_an_array_is_read_as_it_was_given(texts: list[str], multiline: bool) -> None:
    written = tomlkit.dumps({"a": {"b": array_of(texts, multiline=multiline)}, "c": 1})
    assert tomllib.loads(written) == {"a": {"b": texts}, "c": 1}


def test_it_looks_as_people_write_it() -> None:
    assert tomlkit.dumps({"a": array_of(["x", "y"])}) == 'a = ["x", "y"]\n'
    assert tomlkit.dumps({"a": array_of(["x"], multiline=True)}) == 'a = [\n    "x",\n]\n'


@pytest.mark.parametrize("multiline", [True, False])
def test_its_cost_follows_its_length(multiline: bool) -> None:
    def written(size: int) -> Callable[[], object]:
        return lambda: tomlkit.dumps({"a": array_of(["x"] * size, multiline=multiline)})

    assert is_linear(written, 200)
