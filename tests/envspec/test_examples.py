"""Examples in messages: every key of a spec has one, and each is a value that the key takes."""

import tomllib
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from envspec.spec.examples import example_of
from envspec.spec.model import spec_schema

SCHEMA = spec_schema()


def resolved(node: Any) -> Any:
    while "$ref" in node:
        node = SCHEMA["$defs"][node["$ref"].rpartition("/")[2]]
    return node


def keys(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every key of the schema with what it may hold; a variant has the keys of a spec."""
    node = resolved(node)
    for way in node.get("anyOf", ()):
        yield from keys(way, path)
    if "items" in node:
        yield from keys(node["items"], path)
    for key, value in node.get("properties", {}).items():
        yield (*path, key), value
        if key != "variant":
            yield from keys(value, (*path, key))
    more = node.get("additionalProperties")
    if isinstance(more, dict) and path:
        yield (*path, "own"), more
        yield from keys(more, (*path, "own"))


KEYS = {
    path: value for path, value in keys(SCHEMA) if path[-2:-1] != ("json",) and path[:2] != ("run", "own")
}


@pytest.mark.parametrize("path", KEYS, ids=[".".join(path) for path in KEYS])
def test_every_key_has_an_example_that_it_takes(path: tuple[str, ...]) -> None:
    example = example_of(path)
    assert example, "no example"
    (value,) = tomllib.loads(example).values()
    plain = str(value) if path[-1] == "as-of" else value
    jsonschema.validate(plain, {**KEYS[path], "$defs": SCHEMA["$defs"]})


def test_a_program_by_name_and_a_variant_have_the_same_keys() -> None:
    assert example_of(("run", "web", "port")) == example_of(("run", "port"))
    assert example_of(("variant", "cuda", "stage", 0, "install")) == example_of(("stage", 0, "install"))
    assert example_of(("nothing",)) == ""
