"""The indexes of `[tool.uv]`: in which order a spec asks them, and what becomes of each."""

from __future__ import annotations

import pathlib

import pytest
from pypi_simple import PYPI_SIMPLE_ENDPOINT

from envspec.ingest.draft import Draft, Wish
from envspec.ingest.pyproject import read_pyproject
from envspec.ingest.write import spec_text
from envspec.spec.load import parse_spec

HEAD = '[project]\nname = "x"\ndependencies = ["flask"]\n'
PUBLIC = PYPI_SIMPLE_ENDPOINT


def index(name: str, more: str = "", url: str = "") -> str:
    return f'[[tool.uv.index]]\nname = "{name}"\nurl = "{url or f"https://{name}.example/simple"}"\n{more}\n'


def drafted(tmp_path: pathlib.Path, text: str) -> Draft:
    file = tmp_path / "pyproject.toml"
    file.write_text(HEAD + text)
    return read_pyproject(file, Wish(python="3.12"))


BEST = '[tool.uv]\nindex-strategy = "unsafe-best-match"\n'
LAST = "default = true"


@pytest.mark.parametrize(
    ("text", "order"),
    [
        (index("a") + index("b"), {"a": "first", "b": "first"}),
        (index("a") + index("own", LAST) + index("b"), {"a": "first", "b": "first", "own": "default"}),
        (index("own", LAST) + index("z", LAST), {"own": "default"}),
        (index("a") + index("p", LAST, PUBLIC) + index("b"), {"a": "first", "b": "first"}),
        (index("a") + index("p", url=PUBLIC) + index("b"), {"a": "first", "b": "last"}),
        (index("p", url=PUBLIC) + index("own", LAST), {"own": "last"}),
        (index("a", "explicit = true") + index("b"), {"b": "first"}),
        (BEST + index("a") + index("own", LAST), {"own": "default", "a": True}),
        (BEST + index("a", 'format = "flat"', "https://a.example/l.html"), {"a": True}),
        (index("a", 'format = "flat"', "https://a.example/l.html"), {"a": "first"}),
        (
            '[tool.uv]\nindex-url = "https://own.example/s"\nextra-index-url = "https://a.example/s"\n',
            {"a-s": "first", "own-s": "default"},
        ),
    ],
)
def test_a_spec_asks_in_the_order_of_uv(
    tmp_path: pathlib.Path, text: str, order: dict[str, str | bool]
) -> None:
    spec = parse_spec(spec_text(drafted(tmp_path, text)))
    found = {name.replace("example", "own"): each.extra or "default" for name, each in spec.index.items()}
    assert list(found.items()) == list(order.items())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[tool.uv]\nindex-strategy = "unsafe-first-match"\n', "the first index that has a package counts"),
        (index("own", LAST) + index("z", LAST), "another index is the default"),
        (index("a", 'format = "flat"'), "not .html"),
        (index("a", f'format = "flat"\n{LAST}', "https://a.example/l.html"), "cannot stand in the place"),
        (index("a", url="./wheels"), "names a place of one machine"),
    ],
)
def test_what_a_spec_cannot_say_of_indexes_is_named(tmp_path: pathlib.Path, text: str, why: str) -> None:
    (left,) = [item for item in drafted(tmp_path, text).items if item.why]
    assert why in left.why


def test_indexes_count_also_where_all_that_is_asked_for_names_its_own(tmp_path: pathlib.Path) -> None:
    """What others require comes from them."""
    text = '[tool.uv.sources]\nflask = { index = "b" }\n' + index("a") + index("b", "explicit = true")
    spec = parse_spec(spec_text(drafted(tmp_path, text)))
    assert [(stage.index, stage.install) for stage in spec.stage] == [("b", ("flask",))]
    assert {name: each.extra for name, each in spec.index.items()} == {"a": "first", "b": False}
