"""Reads a spec file: TOML to `Spec`, with every mistake named at once by key path and line."""

from __future__ import annotations

import difflib
import pathlib
import re
import tomllib
import typing
from collections.abc import Iterator, Sequence
from typing import Any

import pydantic

from envspec.spec.examples import example_of
from envspec.spec.lines import Lines, Path
from envspec.spec.model import FILE_NAME, Spec
from envspec.spec.part import Part
from envspec.spec.program import Program, Run, RunChanges
from envspec.spec.types import NAME, SHA256
from envspec.system.errors import Problem, SpecError
from envspec.system.quoting import listed, shortened
from envspec.system.reading import read_text

_KINDS = {
    "string_type": "text in quotes",
    "bool_type": "true or false, without quotes",
    "int_type": "a whole number, without quotes",
    "int_parsing": "a whole number, without quotes",
    "int_from_float": "a whole number",
    "float_type": "a number, without quotes",
    "float_parsing": "a number, without quotes",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a table",
    "mapping_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}
"""What a key holds, by the kind of pydantic's complaint."""

_FORMS = {
    NAME: "it has small letters and digits, with `.`, `_` and `-` between them, ",
    SHA256: "it has 64 digits from 0 to f, ",
}
"""What a pattern means, where an example does not tell it."""

LIMIT = 1 << 20
"""Largest spec in bytes. Real ones have a few thousand; a larger file is some other file."""


def find_spec(place: pathlib.Path | str | None) -> pathlib.Path:
    """The spec file that `place` means: a file, a folder that holds `envspec.toml`, or None for here.

    Raises `SpecError` when there is none.
    """
    path = pathlib.Path(place or ".")
    try:
        file, what = (
            (path / FILE_NAME, f"no {FILE_NAME} in this folder") if path.is_dir() else (path, "no such file")
        )
        found = file.is_file()
        if not found and file.exists():
            what = f"{file} is no file but something else"
    except OSError as error:  # a name that no file can have, or a folder that may not be read
        found, what = False, f"cannot be read: {error.strerror}"
    if not found:
        problem = Problem(path="", message=what)
        hint = "`envspec init .` writes a first spec of what is here, `envspec check .` needs none"
        raise SpecError(shortened(str(path)), (problem,), hint=hint)
    return file


def load_spec(place: pathlib.Path | str | None, variant: str | None = None) -> Spec:
    """Read and validate the spec at `place`, with a variant laid over it if one is named.

    Raises `SpecError` with every mistake found.
    """
    file = find_spec(place)
    return parse_spec(read_text(file, LIMIT), name=str(file), variant=variant)


def parse_spec(text: str, *, name: str = FILE_NAME, variant: str | None = None) -> Spec:
    """The spec that `text` describes; `name` is what messages call the file. Raises `SpecError`."""
    if not text.strip():
        raise SpecError(name, (Problem(path="", message="the file is empty"),), hint="see `envspec init`")
    lines = Lines(text)
    if excess := lines.excess:
        problem = Problem(path=spelled(excess.path), message=excess.message, line=excess.line)
        raise SpecError(name, (problem,))
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(name, (_syntax(error, text),)) from error
    try:
        spec = Spec.model_validate(data)
        return spec if variant is None else _varied(spec, variant, name)
    except pydantic.ValidationError as error:
        raise SpecError(name, tuple(_problems(error, lines))) from error


def _varied(spec: Spec, variant: str, name: str) -> Spec:
    if variant not in spec.variant:
        known = listed(sorted(spec.variant))
        problem = Problem(path=f"variant.{variant}", message=f"no such variant; the spec has: {known}")
        raise SpecError(name, (problem,))
    return spec.with_variant(variant)


def _syntax(error: tomllib.TOMLDecodeError, text: str) -> Problem:
    said = str(error)
    place = re.search(r" \(at line (\d+), column \d+\)$", said)
    line = int(place[1]) if place else text.count("\n") + 1
    return Problem(path="", message=f"not TOML: {said.removesuffix(place[0] if place else '')}", line=line)


def _problems(error: pydantic.ValidationError, lines: Lines) -> Iterator[Problem]:
    details = error.errors()
    deepest = max(len(detail["loc"]) for detail in details)
    for detail in details:
        path: Path = tuple(step for step in detail["loc"] if step != "[key]")
        if detail["type"] == "too_short" and deepest > len(path):
            continue  # pydantic counts only the valid items: an echo of their own mistakes
        yield Problem(path=spelled(path), message=_message(detail, path), line=lines.of(path))


def _message(detail: Any, path: Path) -> str:
    match detail["type"]:
        case "extra_forbidden":
            return _unknown(path)
        case "model_type" if path[-2:-1] == ("run",) and path[-1] not in _keys(path[:-1]):
            return _unknown(path)  # where a table would be another program
        case "missing":
            return "missing"
        case "value_error":
            return str(detail["ctx"]["error"])
        case "string_pattern_mismatch":
            words = _FORMS.get(detail["ctx"]["pattern"], "")
            return f"{shortened(repr(detail['input']))} is not possible: {words}{_written(path)}"
        case "tuple_type" | "list_type" if path[-1:] == ("command",):
            return f"is a list of words, {_written(path)}: no shell reads it"
        case kind if (what := _KINDS.get(kind)) is not None:
            return f"is {what}, {_written(path)}"
        case "too_long":
            found, most = detail["ctx"]["actual_length"], detail["ctx"]["max_length"]
            return f"has {found} entries; at most {most} are read"
        case _:
            said = str(detail["msg"])
            written = _written(path)
            return said[:1].lower() + said[1:] + (f", {written}" if written else "")


def _written(path: Path) -> str:
    example = example_of(path)
    return f"as in {example}" if example else ""


def _unknown(path: Path) -> str:
    near = difflib.get_close_matches(str(path[-1]), _keys(path[:-1]), n=1)
    return "unknown key" + (f", did you mean {near[0]}?" if near else "")


def _keys(path: Path) -> list[str]:
    """The keys known at `path`, found by walking the models."""
    model: Any = Spec
    for step in path:
        if isinstance(model, type) and issubclass(model, Part):
            fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
            model = fields.get(str(step), Program if issubclass(model, Run | RunChanges) else None)
        elif typing.get_args(model):
            model = typing.get_args(model)[-1 if isinstance(step, str) else 0]
        if optional := [kind for kind in typing.get_args(model) if _is_part(kind)]:
            model = optional[0] if type(None) in typing.get_args(model) else model
    return [field.alias or name for name, field in model.model_fields.items()] if _is_part(model) else []


def _is_part(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Part)


def path_of(text: str) -> Path:
    """The key path that `spelled` wrote; what is none gives a path that no spec holds."""
    return tuple(
        int(part[1:-1]) if part[0] == "[" else part for part in re.findall(r"\[\d+\]|[^.\[\]]+", text)
    )


def spelled(path: Sequence[str | int]) -> str:
    """A key path as a user would write it: `stage[1].install[0]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
