"""Lines of a TOML text: each key and item where it stands, in one pass, with what is too deep or too long."""

import tomllib
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from envspec.spec.lines import DEPTH, LONGEST_STRING, LONGEST_WORD, Lines
from tests.support.counting import is_linear

TEXT = """\
name = "x" # [ ] = "
a.b."c d".'e' = 1.5
[base]
"ho\\u0073t" = true
[[stage]]
install = [
  "x==1", # ]
  "y==2",
  { q = [1, 2
  , 3], r = "z" },
]
[stage.sub]
k = 1
[[stage]]
name = \"\"\"b
""x\"\"\"
w = 1979-05-27 07:32:00.5
[x.y]
z = '''a
'b'''
[x]
w = [[1], [2,
[3]]]
[[stage.inner]]
v = 1
[[stage.inner]]
v = 2
"""

PLACES: list[tuple[tuple[str | int, ...], int | None]] = [
    (("name",), 1),
    (("a", "b", "c d", "e"), 2),
    (("base", "host"), 4),
    (("stage",), 5),
    (("stage", 0), 5),
    (("stage", 0, "install"), 6),
    (("stage", 0, "install", 1), 8),
    (("stage", 0, "install", 2, "q", 2), 10),
    (("stage", 0, "install", 2, "r"), 10),
    (("stage", 0, "install", 3), 6),
    (("stage", 0, "sub", "k"), 13),
    (("stage", 1, "name"), 15),
    (("stage", 1, "w"), 17),
    (("x", "y", "z"), 19),
    (("x", "w", 1, 1, 0), 23),
    (("stage", 1, "inner", 1, "v"), 27),
    (("nothing",), None),
    ((), None),
]


@pytest.mark.parametrize(("path", "line"), PLACES)
def test_a_key_or_an_item_stands_on_its_line(path: tuple[str | int, ...], line: int | None) -> None:
    assert Lines(TEXT).of(path) == line


def test_the_text_that_the_places_are_in_is_toml() -> None:
    assert tomllib.loads(TEXT)["stage"][1]["inner"][1] == {"v": 2}


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("\nservice.json." + "a." * DEPTH + "b = 1", ("service",), 2),
        ("a = 1\nb = " + "[" * (DEPTH + 1), ("b", *[0] * (DEPTH + 1)), 2),
        ("a = " + "{b = " * (DEPTH + 1), ("a", *["b"] * DEPTH), 1),
        ("[" + "a." * DEPTH + "b]\n", ("a",), 1),
        ("port = " + "9" * (LONGEST_WORD + 1), ("port",), 1),
        ("a" * (LONGEST_WORD + 1) + " = 1", ("a" * (LONGEST_WORD + 1),), 1),
        ("a = ['', '" + "b" * LONGEST_STRING + "']", ("a", 1), 1),
        ('a = """' + "\n" * LONGEST_STRING + '"""', ("a",), 1),
    ],
    ids=["dotted", "arrays", "tables", "head", "number", "key", "item", "lines"],
)
def test_what_is_too_deep_or_too_long_is_found_where_it_stands(
    text: str, path: tuple[str | int, ...], line: int
) -> None:
    excess = Lines(text).excess
    assert excess is not None
    assert (excess.path, excess.line) == (path, line)


def test_what_is_as_deep_and_as_long_as_allowed_is_read() -> None:
    deep = "a = " + "[" * (DEPTH - 1) + "]" * (DEPTH - 1)
    long = f"\n{'b' * LONGEST_WORD} = '{'c' * (LONGEST_STRING - 2)}'\n"
    assert Lines(deep + long).excess is None
    assert tomllib.loads(deep + long)


@pytest.mark.parametrize(
    "kind", ["# y\n", "k{} = 1\n", "[[s]]\na = ['x', {{ b = 1 }}]\n", "z\n", '"', "[", "a."]
)
def test_the_pass_is_linear(kind: str) -> None:
    def lines(size: int) -> Any:
        text = "".join(kind.format(number) for number in range(size))
        return lambda: Lines(text)

    assert is_linear(lines, 500)


_VALUES = st.recursive(
    st.text() | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(min_size=1), _VALUES))
def test_whatever_is_written_as_toml_has_lines(data: dict[str, Any]) -> None:
    text = tomlkit.dumps(data)
    lines = Lines(text)
    ends = text.count("\n") + 1
    for path in _paths(tomllib.loads(text)):
        line = lines.of(path)
        assert line is not None
        assert 1 <= line <= ends
        assert lines.of((*path, -1)) == line


def _paths(data: Any, before: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    found = [(*before, key) for key, _ in items]
    return found + [path for key, value in items for path in _paths(value, (*before, key))]


@given(st.text(st.sampled_from("[]{}=.,'\"\n#a1 \\-"), max_size=60))
def test_any_text_at_all_is_read_to_its_end_or_fault(text: str) -> None:
    line = Lines(text).of(("a",))
    assert line is None or line >= 1
