"""What setuptools reads: `[tool.setuptools.dynamic]`, `setup.cfg`, and the static parts of `setup.py`.

`setup.py` is read as syntax and never run. Source: https://setuptools.pypa.io/en/latest/userguide/.
"""

from __future__ import annotations

import ast
import configparser
import pathlib
from collections.abc import Iterator, Mapping

from packaging.utils import canonicalize_name

from envspec.ingest import scripts
from envspec.ingest.draft import Draft, Wish
from envspec.ingest.drafting import Drafting, is_file
from envspec.ingest.entries import Entries
from envspec.ingest.requirements import Requirements
from envspec.ingest.tools.steps import Steps
from envspec.system.errors import Problem, SpecError
from envspec.system.reading import read_text

LIMIT = 512 << 10
"""Largest `setup.py` or `setup.cfg` in bytes."""

_TOP = ("tool", "setuptools", "dynamic")

_OTHER = {
    "setup_requires": "is what its build needs, and the build brings that itself",
    "tests_require": "is for its tests: name it in a variant",
    "dependency_links": "names pages that pip asks no more: give an index, or the package by its address",
}
"""What else says of packages, and why it is not carried over."""

_COMPUTED = "is computed: what it gives is known when the file runs, which it never does here"


def dynamic_files(entries: Entries, what: str) -> list[tuple[str, str, int | None]]:
    """The files from which it fills in dependencies: variant, file and line each."""
    if what == "dependencies":
        return _files(entries, "", (*_TOP, "dependencies"))
    found = []
    for extra in entries.table(*_TOP, "optional-dependencies"):
        found += _files(entries, canonicalize_name(extra), (*_TOP, "optional-dependencies", extra))
    return found


def _files(entries: Entries, variant: str, path: tuple[str, ...]) -> list[tuple[str, str, int | None]]:
    named = entries.get(*path, "file")
    if isinstance(named, str):
        entries.take(*path, "file")
        return [(variant, named, entries.line(*path, "file"))]
    return [(variant, text, line) for text, line in entries.texts(*path, "file")]


def read_setup(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft that a `setup.py` or `setup.cfg` gives, with the other beside it. Raises `SpecError`."""
    drafting = Drafting(file, wish)
    said = [_said(drafting.folder / name, needed=name == file.name) for name in ("setup.cfg", "setup.py")]
    drafting.name = next((text for parts in said for key, text, _ in parts if key == "name"), drafting.name)
    allowed = [text for parts in said for key, text, _ in parts if key == "python_requires"]
    drafting.choose_python(allowed[0] if allowed else None, file.name)
    steps = Steps(drafting)
    for name, parts in zip(("setup.cfg", "setup.py"), said, strict=True):
        _add(drafting, steps, parts, "" if name == file.name else name)
    if not is_project(drafting.folder):
        drafting.remark(
            f"{file.name} describes no package: it has neither metadata nor options of setuptools"
        )
        return drafting.finish()
    word = drafting.path(".")
    _, why = drafting.accepted(word) if word else ("", "stands outside the folder of the spec")
    if why:
        drafting.remark(f"the project's own code is not installed: {why}")
    else:
        drafting.step("project").requirements.append(word or ".")
        scripts.start(drafting, [text for parts in said for key, text, _ in parts if key == "!"], file.name)
    return drafting.finish()


def is_project(folder: pathlib.Path) -> bool:
    """Whether setuptools can build what stands in a folder. Raises `SpecError`."""
    if is_file(folder / "setup.py"):
        return True
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    _fill(parser, folder / "setup.cfg")
    return parser.has_section("metadata") or parser.has_section("options")


def add_setup(drafting: Drafting, steps: Steps, what: str) -> bool:
    """Add what `setup.cfg` and `setup.py` beside a project say of dependencies; whether they say anything."""
    found = False
    for name in ("setup.cfg", "setup.py"):
        parts = _said(drafting.folder / name)
        wanted = [part for part in parts if (part[0] == "") == (what == "dependencies")]
        wanted = [part for part in wanted if not part[0].startswith(("=", "~", "!"))]
        wanted = [part for part in wanted if part[0] not in {"python_requires", "name"}]
        _add(drafting, steps, wanted, name)
        found |= bool(wanted)
    return found


_Part = tuple[str, str, int | None]
"""What of it says something, text and line.

A variant, where `""` is always installed; `python_requires` and `name`; `=` and a key for what is computed,
`~` and a key for what says nothing that a spec takes; `!` for a program that the project has.
"""


def _add(drafting: Drafting, steps: Steps, parts: list[_Part], label: str) -> None:
    for key, text, line in parts:
        if key == "python_requires":
            drafting.carry(f"python_requires {text}", line, file=label)
        elif key.startswith("="):
            drafting.leave(f"{key[1:]} = {text}", line, _COMPUTED, file=label)
        elif key.startswith("~"):
            why = _OTHER.get(key[1:])
            if why:
                drafting.leave(f"{key[1:]} {text}", line, why, file=label)
            else:
                drafting.aside(key[1:], line, file=label)
        elif key == "!":
            drafting.carry(f"script {text}", line, file=label)
        elif key == "name":
            drafting.carry(f"name {text}", line, file=label)
        elif text.startswith("file:"):
            drafting.carry(text, line, file=label)
            for name in text.removeprefix("file:").split(","):
                Requirements(drafting, steps.of(key)).read(drafting.folder / name.strip())
        else:
            drafting.require(steps.of(key), text, line, file=label)


def _said(file: pathlib.Path, *, needed: bool = False) -> list[_Part]:
    if not needed and not is_file(file):
        return []
    text = read_text(file, LIMIT)
    return list(_of_cfg(file, text) if file.name == "setup.cfg" else _of_script(file, text))


def _of_cfg(file: pathlib.Path, text: str) -> Iterator[_Part]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    _fill(parser, file, text)
    lines: dict[str, int] = {}
    for number, written in enumerate(text.splitlines(), 1):
        lines.setdefault(written.strip(), number)

    def listed(section: str, key: str) -> Iterator[tuple[str, int | None]]:
        for said in parser.get(section, key, fallback="").splitlines():
            if (bare := said.strip()) and not bare.startswith("#"):
                yield bare, lines.get(bare)

    for bare, line in listed("options", "install_requires"):
        yield "", bare, line
    for bare, line in listed("options", "python_requires"):
        yield "python_requires", bare, line
    if name := parser.get("metadata", "name", fallback="").strip():
        yield "name", name, lines.get(f"name = {name}")
    for bare, line in listed("options.entry_points", "console_scripts"):
        yield "!", bare.partition("=")[0].strip(), line
    yield from _rest_of_cfg(parser, lines)
    if parser.has_section("options.extras_require"):
        for extra in parser.options("options.extras_require"):
            for bare, line in listed("options.extras_require", extra):
                yield canonicalize_name(extra), bare, line


def _fill(parser: configparser.ConfigParser, file: pathlib.Path, text: str | None = None) -> None:
    try:
        parser.read_string(read_text(file, LIMIT) if text is None else text, str(file))
    except (configparser.Error, ValueError) as error:
        message = f"no setup.cfg: {' '.join(str(error).split())}"
        raise SpecError(str(file), (Problem(path="", message=message),)) from error


def _rest_of_cfg(parser: configparser.ConfigParser, lines: Mapping[str, int]) -> Iterator[_Part]:
    for section in parser.sections():
        if section == "options.extras_require":
            continue
        if section == "options.entry_points":
            if set(parser.options(section)) - {"console_scripts"}:
                yield f"~[{section}]", "", lines.get(f"[{section}]")
            continue
        if section not in {"options", "metadata"}:
            yield f"~[{section}]", "", lines.get(f"[{section}]")
            continue
        for key in parser.options(section):
            value = parser.get(section, key)
            if key in _OTHER:
                yield f"~{key}", " ".join(value.split())[:100], lines.get(f"{key} =")
            elif key not in {"install_requires", "python_requires", "name"}:
                yield f"~{section}.{key}", "", lines.get(f"{key} = {value}".strip())


def _of_script(file: pathlib.Path, text: str) -> Iterator[_Part]:
    """What the call of `setup` says in literals, or in names that the file gives a literal once."""
    try:
        tree = ast.parse(text, str(file))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = getattr(error, "msg", None) or "it cannot be parsed"
        raise SpecError(
            str(file), (Problem(path="", message=f"no Python: {why}", line=getattr(error, "lineno", None)),)
        ) from error
    values = _assigned(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node.func) == "setup":
            for keyword in node.keywords:
                if keyword.arg in {"install_requires", "extras_require", "python_requires"}:
                    yield from _keyword(keyword.arg, keyword.value, values)
                elif keyword.arg == "entry_points" and isinstance(keyword.value, ast.Dict):
                    yield from _programs(keyword.value, values)
                elif keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                    yield "name", str(keyword.value.value), keyword.value.lineno
                elif keyword.arg:
                    yield f"~{keyword.arg}", ast.unparse(keyword.value)[:100], keyword.value.lineno


def _programs(table: ast.Dict, values: Mapping[str, ast.expr]) -> Iterator[_Part]:
    """The programs among the entry points that a call names in a literal."""
    for name, value in zip(table.keys, table.values, strict=True):
        if isinstance(name, ast.Constant) and name.value == "console_scripts":
            for key, text, line in _words("!", "entry_points", value, values):
                yield key, (text if key.startswith("=") else text.partition("=")[0].strip()), line
        else:
            yield "~entry_points", "", value.lineno


def _keyword(key: str, value: ast.expr, values: Mapping[str, ast.expr]) -> Iterator[_Part]:
    found = values.get(value.id, value) if isinstance(value, ast.Name) else value
    if key == "python_requires":
        if isinstance(found, ast.Constant) and isinstance(found.value, str):
            yield key, found.value, found.lineno
        return
    if key == "install_requires":
        yield from _words("", key, found, values)
        return
    if not isinstance(found, ast.Dict):
        yield f"={key}", ast.unparse(value)[:100], value.lineno
        return
    for name, inner in zip(found.keys, found.values, strict=True):
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            title, _, marker = name.value.partition(":")
            for variant, text, line in _words(canonicalize_name(title) if title else "", key, inner, values):
                yield variant, f"{text}; {marker}" if marker else text, line
        else:
            yield f"={key}", ast.unparse(inner)[:100], inner.lineno


def _words(variant: str, key: str, node: ast.expr, values: Mapping[str, ast.expr]) -> Iterator[_Part]:
    """The texts of a list, tuple or text, of names of such, and of sums of them."""
    seen = 0
    waiting = [node]
    while waiting:
        found = waiting.pop()
        seen += 1
        if isinstance(found, ast.Name) and found.id in values and seen < 1000:
            waiting.append(values[found.id])
        elif isinstance(found, ast.BinOp) and isinstance(found.op, ast.Add):
            waiting += [found.right, found.left]
        elif isinstance(found, ast.List | ast.Tuple):
            waiting += reversed(found.elts)
        elif isinstance(found, ast.Starred):
            waiting.append(found.value)
        elif isinstance(found, ast.Constant) and isinstance(found.value, str):
            for line in found.value.splitlines():
                if bare := line.strip():
                    yield variant, bare, found.lineno
        else:
            yield f"={key}", ast.unparse(found)[:100], getattr(found, "lineno", None)


def _assigned(tree: ast.Module) -> dict[str, ast.expr]:
    """Names of the module that are given a value exactly once."""
    found: dict[str, ast.expr] = {}
    often: set[str] = set()
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AugAssign | ast.AnnAssign) else targets
        for target in targets:
            if isinstance(target, ast.Name):
                once = target.id not in found and not isinstance(node, ast.AugAssign)
                value = getattr(node, "value", None)
                if once and value is not None:
                    found[target.id] = value
                else:
                    often.add(target.id)
    return {name: value for name, value in found.items() if name not in often}


def _called(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
