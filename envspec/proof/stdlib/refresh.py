"""Refresh the table of the standard library's modules and names.

    python -m envspec.proof.stdlib.refresh /path/to/python3.6 ... "$(scripts/python 3.14)"

Asks every interpreter what its modules hold after import. Writes `data/modules.json.xz`, which has every
name, and `data/lost.txt`, which has the public names that a later Python no longer has.
"""

from __future__ import annotations

import dataclasses
import json
import lzma
import pathlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence

from envspec.proof.stdlib.table import WINDOWS
from envspec.system import process

DATA = pathlib.Path(__file__).with_name("data")

_ASK = r"""
import importlib, io, json, os, pkgutil, re, sys, sysconfig, types, warnings
warnings.simplefilter("ignore")
root = sysconfig.get_paths()["stdlib"]
words = "tests? idlelib turtledemo lib2to3 __main__ __phello__ antigravity this msilib ensurepip".split()
skip = re.compile(r"(^|\.)(%s)(\.|$)" % "|".join(words))
foreign = "site-packages lib-dynload pip setuptools pkg_resources wheel sitecustomize".split()
foreign += ["_distutils_hack", "_distutils_system_mod"]
foreign = re.compile(r"test\.|(%s)(\.|$)" % "|".join(foreign))

def public(module):
    # Without a list of its own a module means what it defines itself, or has from parts of itself.
    listed = getattr(module, "__all__", None)
    if listed:
        return list(listed)
    name = module.__name__
    homes = (name, "_" + name.rpartition(".")[2])
    found = []
    for key, value in vars(module).items():
        home = getattr(value, "__module__", None) or ""
        is_code = isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType))
        if is_code and not key.startswith("_") and (home in homes or home.startswith(name + ".")):
            found.append(key)
    return sorted(found)

names = set(sys.builtin_module_names) | set(getattr(sys, "stdlib_module_names", ()))
for item in pkgutil.walk_packages([root], onerror=lambda _: None):
    names.add(item.name)
dynload = os.path.join(root, "lib-dynload")
if os.path.isdir(dynload):
    names |= {file.split(".")[0] for file in os.listdir(dynload)}
names = {name for name in names if not foreign.match(name)}
asked = json.load(sys.stdin)
found, meant = {}, {}
real = sys.stdout
for name in sorted(names):
    if skip.search(name):
        found[name] = None
        continue
    sys.stdout = io.StringIO()
    try:
        module = importlib.import_module(name)
    except BaseException as error:
        gone = isinstance(error, ModuleNotFoundError) and error.name == name
        found[name] = False if gone else None
        continue
    finally:
        sys.stdout = real
    known = set(dir(module)) | set(getattr(module, "__all__", ()))
    lazy = callable(getattr(module, "__getattr__", None))
    if lazy:
        known |= {each for each in asked.get(name, ()) if hasattr(module, each)}
    found[name] = sorted(known) + (["*"] if lazy else [])
    meant[name] = public(module)
for name, module in sorted(sys.modules.items()):  # such as os.path, which has no file of that name
    if "." in name and name not in found and name.partition(".")[0] in names and not skip.search(name):
        found[name] = sorted(dir(module))
print(json.dumps(["%d.%d" % sys.version_info[:2], found, meant]))
"""

STARTED = ("__main__", "_frozen_importlib", "_frozen_importlib_external")
"""Modules that every interpreter makes as it starts, from no file."""

PRIVATE = re.compile(r"(^|\.)(_|tests?$)")
LEFT_OUT = re.compile(r"(turtledemo|ctypes\.macholib)\b")
"""Modules that some distributors leave out, Debian for one: they may be there, whatever a build says."""
OUTSIDE = re.compile(r"distutils\b|lib2to3\b|idlelib\b|turtledemo\b|xxlimited|ensurepip\b")
"""Modules whose lost names say nothing: setuptools brings its own distutils, nobody imports the others."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one interpreter says of its own standard library."""

    modules: Mapping[str, list[str] | None]
    """Module to its names; None where they are unknown.

    A last name `*` says that the module makes others when asked, but none that was public in an older Python.
    """
    public: Mapping[str, list[str]]
    """Module to the names that it means for others."""

    def has(self, module: str, name: str) -> bool:
        """Whether there may be such a name, or such a module inside of the module."""
        names = self.modules.get(module, [])
        return names is None or name in names or f"{module}.{name}" in self.modules


def main(interpreters: Sequence[str]) -> tuple[pathlib.Path, pathlib.Path]:
    """Ask interpreters, given from the oldest to the newest, and write both files."""
    answers: dict[str, Answer] = {}
    for interpreter in interpreters:
        version, answer = _ask(interpreter, [*answers.values()])
        if lacking := _lacking(answer, [*answers.values()][-1:]):
            raise SystemExit(
                f"{interpreter} lacks {', '.join(lacking)}: install the rest of Python {version}"
            )
        answers[version] = answer
    DATA.mkdir(exist_ok=True)
    table, lost = DATA / "modules.json.xz", DATA / "lost.txt"
    modules = {version: answer.modules for version, answer in answers.items()}
    text = json.dumps(modules, sort_keys=True, separators=(",", ":"))
    table.write_bytes(lzma.compress(text.encode(), preset=9))
    lost.write_text(
        "".join(f"{name}\n" for name in sorted(set(_lost([*answers.values()])))), encoding="utf-8"
    )
    return table, lost


def _ask(interpreter: str, before: Sequence[Answer]) -> tuple[str, Answer]:
    asked: dict[str, list[str]] = {}
    for answer in before:
        for module, names in answer.public.items():
            asked.setdefault(module, []).extend(names)
    done = process.run_process(
        [interpreter, "-I", "-c", _ASK], input_text=json.dumps(asked), timeout=300, check=True
    )
    version, modules, public = json.loads(done.stdout.splitlines()[-1])
    # What this build of Python happens to lack may be there in others.
    there = {name: names or None for name, names in modules.items() if name not in WINDOWS}
    for answer in before[-1:]:
        there = {name: None for name in answer.modules if LEFT_OUT.match(name)} | there
    return version, Answer(modules=dict.fromkeys(STARTED) | there, public=public)


def _lacking(answer: Answer, before: Sequence[Answer]) -> list[str]:
    """Packages that this Python should have, has not, and whose parts are therefore unknown."""
    inner = {module.partition(".")[0] for there in before for module in there.modules if "." in module}
    there = {module.partition(".")[0] for module in answer.modules if "." in module}
    unknown = {name for name in inner - there if answer.modules.get(name, []) is None}
    return sorted(unknown)


def _lost(answers: Sequence[Answer]) -> Iterator[str]:
    """Public names, and modules inside of others, that the last Python with their module surely has not."""
    for number, answer in enumerate(answers):
        later = list(reversed(answers[number + 1 :]))
        inner = [module.rpartition(".") for module in answer.modules if "." in module]
        pairs = [(module, name) for module, names in answer.public.items() for name in names]
        for module, name in [*pairs, *((parent, part) for parent, _, part in inner)]:
            if PRIVATE.search(f"{module}.{name}") or OUTSIDE.match(module):
                continue
            last = next((other for other in later if module in other.modules), None)
            if last is not None and not last.has(module, name):
                yield f"{module}.{name}"


if __name__ == "__main__":
    print(*main(sys.argv[1:]))  # noqa: T201 — a script's answer
