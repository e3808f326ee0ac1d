"""Compiles the modules that a service loads, and no others: most of a large package is never imported.

Compiling everything makes an image a fifth larger; compiling nothing makes every start compile anew, since
the service may not write where its packages are. `docs/docker.md` has the figures.

What loading a module loads is read off what it was compiled to: the imports that stand outside of functions.
So nothing is imported, and what a file compiles to depends on its text, its path and the Python alone.
It is a program too, whose OUT is the folder that compiled files are written below:

    OUT library                the standard library, without its tests
    OUT files FILE             the files whose paths that file lists in JSON
    OUT loaded JSON            what `{"site": FOLDER, "modules": []}` load of what is installed there; with
                               "cache", a folder, what that has is taken from there and what is new goes there
    OUT wheels FILE FOLDER     what the job in that file, for `compile_wheels`, loads of the wheels in the
                               folder; it is told in the file OUT/made.json
"""
# It is run at every edit, on hundreds of files: no pathlib, and what is slow to load comes where it is used.
# ruff: noqa: PTH103, PTH110, PTH113, PTH118, PTH120, PTH123

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CodeType
from typing import Any

from .packed import compiled, keep, kept, packed

UNUSED = {"dist-packages", "ensurepip", "idlelib", "lib2to3", "site-packages", "test", "tests", "tkinter"}
"""Folders in the standard library's that are not its own, or that no service loads."""

MADE = "made.json"
"""File of what was made of wheels."""

_FUNCTION = 0x1 | 0x2
"""CO_OPTIMIZED and CO_NEWLOCALS: a code object with both is a function's. Source: the `inspect` module."""

_OWN: frozenset[str] = getattr(sys, "stdlib_module_names", frozenset())
"""Modules that no package brings; older Pythons do not tell, and then nobody finds them."""


def main(arguments: list[str]) -> int:
    """The program: see the head of the file."""
    out, job, *words = arguments
    if job == "library":
        import sysconfig  # slow to load, and a payload is compiled again and again

        compile_library(sysconfig.get_path("stdlib"), out)
    elif job == "files":
        with open(words[0], "rb") as stream:
            for source in json.load(stream):
                compile_file(source, out)
    elif job == "loaded":
        compile_loaded(out=out, **json.loads(words[0]))
    else:
        with open(words[0], "rb") as stream:
            made = compile_wheels(folder=words[1], **json.load(stream))
        with open(f"{out}/{MADE}", "w", encoding="utf-8") as told:
            json.dump(made, told)
    return 0


def compile_library(top: str, out: str) -> None:
    """Compile the standard library in a folder; templates of code are skipped."""
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(set(folders) - UNUSED - {"__pycache__"})
        for source in (os.path.join(folder, name) for name in files if name.endswith(".py")):
            if os.path.isfile(source):
                compile_file(source, out)


def compile_file(source: str, out: str) -> None:
    """Compile a file where that was not done; one that does not compile is skipped."""
    place = beside(source)
    if not os.path.exists(place):
        with open(source, "rb") as stream:
            text = stream.read()
        code = compiled(text, source)
        if code is not None:
            os.makedirs(os.path.dirname(out + place), mode=0o755, exist_ok=True)
            _write(out + place, packed(text, code))


def beside(source: str) -> str:
    """Where Python looks for the compiled module of a source, by the path that no link leads over."""
    folder, name = os.path.split(source)
    return importlib.util.cache_from_source(os.path.join(os.path.realpath(folder), name))


def compile_loaded(site: str, modules: Iterable[str], out: str, cache: str | None = None) -> None:
    """Compile what importing the modules loads of what is installed, as far as it is not compiled there."""
    if cache:
        os.makedirs(cache, exist_ok=True)

    def imported(path: str, name: str) -> Iterable[str]:
        with open(f"{site}/{path}", "rb") as stream:
            text = stream.read()
        imports, body = _through(cache, text, f"{site}/{path}", name)
        place = beside(f"{site}/{path}")
        if body and not os.path.exists(place):
            os.makedirs(os.path.dirname(out + place), mode=0o755, exist_ok=True)
            _write(out + place, body)
        return imports

    reach(modules, lambda name: _installed(site, name), imported)


def _installed(site: str, name: str) -> str | None:
    return next((path for path in candidates(name) if os.path.isfile(f"{site}/{path}")), None)


def _through(cache: str | None, text: bytes, path: str, name: str) -> tuple[list[str], bytes]:
    """What `module_facts` says, by way of what the cache has of it."""
    if cache is None:
        return module_facts(text, path, name)
    known = kept(cache, text, path)
    with contextlib.suppress(OSError, ValueError), open(known, "rb") as stream:
        return json.loads(stream.readline()), stream.read()
    imports, body = module_facts(text, path, name)
    keep(known, json.dumps(imports).encode() + b"\n" + body)
    return imports, body


def compile_wheels(
    wheels: Mapping[str, Mapping[str, str]],
    folder: str,
    site: str,
    modules: Iterable[str],
    known: Mapping[str, list[str]],
) -> dict[str, tuple[list[str], str]]:
    """What importing the modules loads of wheels, as far as it is not known: imports and contents, by path.

    `wheels` has by the name of each wheel's file in `folder` the members that are modules, by the paths that
    they get below `site`; `known` has the imports of modules that were compiled before. Contents are in
    base64; they are empty for what does not compile.
    """
    import base64
    import zipfile

    places = {path: (wheel, member) for wheel, held in wheels.items() for path, member in held.items()}
    opened: dict[str, zipfile.ZipFile] = {}
    made: dict[str, tuple[list[str], str]] = {}

    def imported(path: str, name: str) -> Iterable[str]:
        if path in known:
            return known[path]
        wheel, member = places[path]
        if wheel not in opened:
            opened[wheel] = zipfile.ZipFile(f"{folder}/{wheel}")
        imports, body = module_facts(opened[wheel].read(member), f"{site}/{path}", name)
        made[path] = imports, base64.b64encode(body).decode()
        return imports

    reach(modules, lambda name: next(filter(places.__contains__, candidates(name)), None), imported)
    return made


def candidates(name: str) -> Iterator[str]:
    """Where a module of that name may stand, below site-packages: as a package first, as Python does."""
    base = name.replace(".", "/")
    yield f"{base}/__init__.py"
    yield f"{base}.py"


def reach(
    modules: Iterable[str],
    find: Callable[[str], str | None],
    imported: Callable[[str, str], Iterable[str]],
) -> set[str]:
    """The files of all that importing the modules loads.

    `find` gives the file of a module, relative to site-packages, by its dotted name, or None.
    `imported` gives the names that a file imports, which is asked once of each, with the module's name.
    """
    seen: set[str] = set()
    reached: set[str] = set()
    todo = sorted(modules, reverse=True)
    while todo:
        parts = todo.pop().split(".")
        for number in range(1, len(parts) + 1):  # what stands above a module is loaded before it
            name = ".".join(parts[:number])
            if name in seen:
                continue
            seen.add(name)
            path = find(name)
            if path is not None:
                reached.add(path)
                todo += imported(path, name)
    return reached


def module_facts(text: bytes, path: str, name: str) -> tuple[list[str], bytes]:
    """What a module imports when it is loaded, and the file that Python loads instead of it.

    Both are empty for what does not compile.
    """
    code = compiled(text, path)
    if code is None:
        return [], b""
    package = name if path.endswith("/__init__.py") else name.rpartition(".")[0]
    imports = sorted({each for each in _imports(code, package) if each.partition(".")[0] not in _OWN})
    return imports, packed(text, code)


def _imports(code: CodeType, package: str) -> Iterator[str]:
    """Names that may be modules and are imported when the code of a module, or of a class in it, runs."""
    import dis

    before: list[Any] = [None, None]
    types_only = False
    until = -1
    for step in dis.get_instructions(code):
        if step.offset < until:
            continue
        if step.opname == "IMPORT_NAME":
            yield from _named(step.argval, before[0], before[1], package)
        if types_only and "IF_FALSE" in step.opname:
            until = step.argval
        if step.opname not in ("TO_BOOL", "CACHE", "EXTENDED_ARG", "NOT_TAKEN"):
            types_only = step.argval == "TYPE_CHECKING" and step.opname.startswith("LOAD_")
        before = [before[1], step.argval]
    for part in code.co_consts:
        if isinstance(part, CodeType) and part.co_flags & _FUNCTION != _FUNCTION:
            yield from _imports(part, package)


def _named(module: str, level: Any, names: Any, package: str) -> Iterator[str]:
    """The module of an import, and each name that is taken from it: it may be a module as well."""
    if isinstance(level, int) and level:
        above = package.split(".")[: len(package.split(".")) - level + 1] if package else []
        if not above:
            return
        module = ".".join([*above, module] if module else above)
    yield module
    if isinstance(names, tuple):
        yield from (f"{module}.{name}" for name in names if name != "*")


def _write(place: str, data: bytes) -> None:
    with open(place, "wb") as stream:
        stream.write(data)
