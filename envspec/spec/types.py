"""The forms of what a spec's keys may hold: names, versions, paths, requirements, each with its check."""

from __future__ import annotations

import datetime as dt
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from envspec.spec.cards import architecture
from envspec.spec.python import LINE, parse_python
from envspec.spec.python import PATTERN as PYTHON
from envspec.system.limits import PART, PATH, PATTERN
from envspec.system.quoting import shortened

OWN_INDEX = "default"
"""Name of the machine's own index, to which a variant sends back a stage that takes from a named one."""
RESERVED_INDEXES = (OWN_INDEX, "spec")
"""What locks call the machine's own index, and wheels that the spec lists; no index may be called so."""

INDEX_VARIABLES = "ENVSPEC_INDEX_"
"""Beginning of the environment variables that send named indexes elsewhere."""

_DEPTH = 64
"""Levels of a trial's JSON; no request has more."""

_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
"""Of a path: no hidden name, and no way up."""

MODULE = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"
"""Dotted name of a module, as a pattern."""


NAME = r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$"
"""Name of a spec, a stage, an index or a program, as a pattern."""

SHA256 = r"^[0-9a-f]{64}$"
"""A digest, as a pattern."""


def index_variable(index: str) -> str:
    """Name of the environment variable that redirects a named index."""
    return INDEX_VARIABLES + re.sub(r"[^A-Z0-9]", "_", index.upper())


def _card(word: str) -> str:
    architecture(word)
    return word


def _python(text: str) -> str:
    return str(parse_python(text))


def bounded(kind: str, text: str, most: int, length: int | None = None) -> None:
    """Raise `ValueError` with a sentence where a text, or its `length` in bytes, is more than is read."""
    if (found := len(text) if length is None else length) > most:
        unit = "characters" if length is None else "bytes"
        raise ValueError(f"{_echoed(text)}: {kind} has at most {most:,} {unit}, not {found:,}")


def _echoed(text: str) -> str:
    return repr(shortened(text))


def relative_path(text: str) -> str:
    """The text, which is a path that does not lead out. Raises `ValueError` with a sentence."""
    bounded("a path", text, PATH)
    path = pathlib.PurePosixPath(text)
    for part in path.parts:
        bounded("a part of a path", part, PART, len(os.fsencode(part)))
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{_echoed(text)} leaves the folder of the spec")
    return text


def _pattern(text: str) -> str:
    bounded("a pattern", text, PATTERN)
    if text.startswith("/") or ".." in text.split("/"):
        raise ValueError(f"{_echoed(text)} must be a pattern below site-packages, such as '**/tests/**'")
    return text


def _printable(text: str) -> str:
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("control characters and line breaks do not belong here")
    return text


def _moment(value: Any) -> Any:
    if not isinstance(value, dt.date):  # a number would be read as seconds since 1970
        raise ValueError(f"{shortened(repr(value))} is no date: write it as 2024-04-01, without quotes")
    return value


def _own_name(name: str) -> str:
    if name in RESERVED_INDEXES:
        raise ValueError(f"{name} is the machine's own index, or the spec's own wheels: choose another name")
    return name


def _shallow(value: Any) -> Any:
    level: list[Any] = [value]
    for _ in range(_DEPTH):
        level = [inner for part in level for inner in _inside(part)]
    if level:
        raise ValueError(f"nested deeper than {_DEPTH} levels")
    return value


def _inside(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, list) else []


_OUR_VARIABLES = {
    "PATH": "it begins with the environment's own programs",
    "PYTHONHOME": "the interpreter finds its library by itself",
    "PYTHONPATH": "the payload is found by it",
    "VIRTUAL_ENV": "it is where the environment stands",
}
"""Variables that every environment has from us, with what they are for."""


def _not_ours(env: Mapping[str, str]) -> Mapping[str, str]:
    for name in env:
        if name in _OUR_VARIABLES:
            raise ValueError(f"{name} is set by the builder, and {_OUR_VARIABLES[name]}: leave it out")
    return env


Line = Annotated[str, AfterValidator(_printable)]
Name = Annotated[str, StringConstraints(pattern=NAME, max_length=100)]
PackageName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$", max_length=200)
]
RelativePath = Annotated[Line, AfterValidator(relative_path)]
Module = Annotated[str, StringConstraints(pattern=rf"^{MODULE}$")]
Sha256 = Annotated[str, StringConstraints(pattern=SHA256)]
AptPackage = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?$")]
ImageName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([A-Za-z0-9._/:-]*[A-Za-z0-9])?(@sha256:[0-9a-f]{64})?$")
]
PythonVersion = Annotated[str, AfterValidator(_python), Field(json_schema_extra={"pattern": PYTHON})]
PythonLine = Annotated[str, StringConstraints(pattern=LINE)]
Libc = Literal["glibc", "musl"]
Machine = Annotated[str, StringConstraints(pattern=r"^(x86_64|aarch64)$")]
Suite = Annotated[str, StringConstraints(pattern=r"^[a-z]+$")]
SizeText = Annotated[str, StringConstraints(pattern=r"^\d{1,9}(\.\d{1,3})? ?(kB|MB|GB|KiB|MiB|GiB)$")]
Moment = Annotated[dt.date | dt.datetime, BeforeValidator(_moment)]
ModelName = Annotated[str, StringConstraints(pattern=rf"^({_PART}/{_PART}|\./({_PART}/)*{_PART})$")]
IndexName = Annotated[Name, AfterValidator(_own_name)]
EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]
EnvTable = Annotated[Mapping[EnvName, Line], AfterValidator(_not_ours)]
Pattern = Annotated[Line, AfterValidator(_pattern)]
Owner = Annotated[Line, StringConstraints(pattern=r"^([a-z_][a-z0-9_-]{0,31}|\d{1,9})(:\d{1,9})?$")]
"""Name or number of a user, with a group's number where wanted."""
WebPath = Annotated[str, StringConstraints(pattern=r"^/[\w/.~%+@:,;=?&-]*$", max_length=1000)]
"""Path of a request, with its query."""
JsonObject = Annotated[Mapping[str, Any], AfterValidator(_shallow)]
JsonValue = Annotated[Any, AfterValidator(_shallow)]
CardName = Annotated[Line, StringConstraints(min_length=1, max_length=100), AfterValidator(_card)]
