"""Reads `Pipfile`. Source: https://pipenv.pypa.io/en/latest/pipfile.html."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

import pydantic
from packaging.utils import canonicalize_name

from envspec.ingest.draft import Draft, Wish
from envspec.ingest.drafting import Drafting, Step, minor_version
from envspec.ingest.entries import Entries, read_toml
from envspec.ingest.indexes import add_index, bare_url, is_public, plain_url
from envspec.ingest.procfile import program_of
from envspec.ingest.tools.steps import Steps
from envspec.spec.load import spelled
from envspec.spec.program import Program
from envspec.system.quoting import shortened

_TABLES = {"packages": "", "dev-packages": "dev"}
_SCRIPT = "is a command of the project's own: an image starts what `[run] command` says"
_PROPOSED = "is proposed as what an image starts, where nothing else says it"
_CHORES = {
    "test",
    "tests",
    "lint",
    "format",
    "fmt",
    "check",
    "typecheck",
    "types",
    "docs",
    "clean",
    "release",
}
"""Names of scripts that work on a project, and do not run it."""
_OWN = {"source", "requires", "pipenv", "scripts", "pipfile"}


def read_pipfile(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft that a Pipfile gives. Raises `SpecError`."""
    return pipfile_draft(file, wish).finish()


def pipfile_draft(file: pathlib.Path, wish: Wish) -> Drafting:
    """The same, for whoever has more to say of it. Raises `SpecError`."""
    entries = read_toml(file)
    drafting = Drafting(file, wish)
    for key in ("python_version", "python_full_version"):
        if said := entries.text("requires", key):
            drafting.python = drafting.python or minor_version(said)
            drafting.carry(f"{key} = {said}", entries.line("requires", key))
    drafting.choose_python(None, file.name)
    steps = Steps(drafting)
    indexes = _sources(entries, drafting, steps)
    for table in entries.table():
        if table in _OWN or not isinstance(entries.get(table), dict):
            continue
        variant = _TABLES.get(table, canonicalize_name(table))
        for name in entries.table(table):
            wanted = entries.take(table, name)
            line, size = entries.line(table, name), entries.size(table, name)
            _package(drafting, steps, indexes, variant, name, wanted, line, size)
    _scripts(entries, drafting)
    for path, size in entries.rest():
        if path[0] in {"pipenv", "requires"}:
            drafting.aside(spelled(path), entries.line(*path), size=size)
        else:
            drafting.leave(spelled(path), entries.line(*path), "is not carried over", size=size)
    return drafting


def _scripts(entries: Entries, drafting: Drafting) -> None:
    """Propose the one script that may be the program, and name all."""
    if not isinstance(entries.get("scripts"), dict):
        return
    names = list(entries.table("scripts"))
    program = _program(entries, names[0]) if len(names) == 1 else {}
    for name in names:
        line, size = entries.line("scripts", name), entries.size("scripts", name)
        drafting.leave(
            f"script {name} = {entries.take('scripts', name)}",
            line,
            _PROPOSED if program else _SCRIPT,
            size=size,
        )
    if program:
        drafting.run |= program
        drafting.proposed = (
            f"[run] starts `{shortened(' '.join(program['command']))}`, as the script {shortened(names[0])}"
            f" of {drafting.file.name} does: its own code, port and health are yours to add"
        )


def _program(entries: Entries, name: str) -> dict[str, Any]:
    """What a script starts; nothing where it is a developer's tool, or none that a spec can have."""
    said = entries.get("scripts", name)
    program = program_of(said) if isinstance(said, str) and said.strip() else {}
    if not program or program["command"][0] in {*_tools(entries), "pipenv"} or name.lower() in _CHORES:
        return {}
    try:
        Program.model_validate(program)
    except pydantic.ValidationError:
        return {}
    return program


def _tools(entries: Entries) -> Mapping[str, Any]:
    found = entries.get("dev-packages")
    return found if isinstance(found, dict) else {}


def _sources(entries: Entries, drafting: Drafting, steps: Steps) -> dict[str, str]:
    """Address by name of each source, empty for the public index; all but the first are asked besides."""
    indexes: dict[str, str] = {}
    for number in range(len(entries.list("source"))):
        line, size = entries.line("source", number), entries.size("source", number)
        entry = entries.row("source", number)
        name, url = str(entry.get("name", "")), str(entry.get("url", ""))
        address, why = plain_url(url)
        if not why and is_public(address):
            indexes[name] = ""
            drafting.carry(f"source {name}", line, size=size)
            continue
        if not why:
            indexes[name] = bare_url(address)
            drafting.index_names[bare_url(address)] = name
        kind = "index" if number == 0 else "extra"
        add_index(drafting, steps.main, kind, url, line, shown=f"source {name} {url}", size=size)
    return indexes


def _package(
    drafting: Drafting,
    steps: Steps,
    indexes: Mapping[str, str],
    variant: str,
    name: str,
    wanted: Any,
    line: int | None,
    size: int,
) -> None:
    table: Mapping[str, Any] = wanted if isinstance(wanted, dict) else {"version": wanted}
    shown = f"{name} = {wanted}"
    index = indexes.get(str(table.get("index", "")), "")
    if "index" in table and str(table["index"]) not in indexes:
        drafting.leave(shown, line, "is to come from a source that the file does not name", size=size)
        return
    step: Step = steps.of(variant, index)
    markers = [str(table["markers"])] if "markers" in table else []
    markers += [
        f"{key} {table[key]}"
        for key in ("sys_platform", "python_version", "platform_machine")
        if key in table
    ]
    tail = f" ; {' and '.join(markers)}" if markers else ""
    listed = table.get("extras")
    extras = [extra for extra in listed if isinstance(extra, str)] if isinstance(listed, list) else []
    title = name + (f"[{','.join(extras)}]" if extras else "")
    if "git" in table:
        revision = f"@{table['ref']}" if "ref" in table else ""
        below = f"#subdirectory={table['subdirectory']}" if "subdirectory" in table else ""
        word = f"{title} @ git+{str(table['git']).removeprefix('git+')}{revision}{below}{tail}"
    elif "file" in table and "://" in str(table["file"]):
        word = f"{title} @ {table['file']}{tail}"
    elif "path" in table or "file" in table:
        place = str(table.get("path") or table.get("file"))
        word, why = drafting.source(
            place + (f"[{','.join(extras)}]" if extras else ""), marker=tail.strip(" ;")
        )
        if why:
            drafting.leave(shown, line, why, size=size)
            return
        word = f"-e {word}" if table.get("editable") is True else word
    else:
        version = str(table.get("version", "*"))
        bare = "" if version == "*" else version if version[:1] in tuple("<>=!~") else f"=={version}"
        word = f"{title}{bare}{tail}"
    drafting.require(step, word, line, shown=shown, size=size)
