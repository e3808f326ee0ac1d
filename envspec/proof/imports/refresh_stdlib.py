"""Refresh the table of the standard library's modules and names.

    python -m envspec.proof.imports.refresh_stdlib /path/to/python3.8 /path/to/python3.9 ...

Asks every interpreter what its modules hold after import, and writes `data/stdlib.json.xz`.
"""

from __future__ import annotations

import json
import lzma
import pathlib
import sys

from envspec.system import process

DATA = pathlib.Path(__file__).with_name("data") / "stdlib.json.xz"

_ASK = r"""
import importlib, io, json, os, pkgutil, re, sys, sysconfig, warnings
warnings.simplefilter("ignore")
root = sysconfig.get_paths()["stdlib"]
words = "tests? idlelib turtledemo lib2to3 __main__ __phello__ antigravity this msilib ensurepip".split()
skip = re.compile(r"(^|\.)(%s)(\.|$)" % "|".join(words))
foreign = "site-packages lib-dynload test. pip setuptools pkg_resources _distutils_hack wheel".split()
names = set(sys.builtin_module_names) | set(getattr(sys, "stdlib_module_names", ()))
for item in pkgutil.walk_packages([root], onerror=lambda _: None):
    names.add(item.name)
dynload = os.path.join(root, "lib-dynload")
if os.path.isdir(dynload):
    names |= {file.split(".")[0] for file in os.listdir(dynload)}
names = {name for name in names if not name.startswith(tuple(foreign))}
found = {}
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
    found[name] = sorted(known) + (["*"] if lazy else [])
for name, module in sorted(sys.modules.items()):  # such as os.path, which has no file of that name
    if "." in name and name not in found and name.partition(".")[0] in names and not skip.search(name):
        found[name] = sorted(dir(module))
print(json.dumps(["%d.%d" % sys.version_info[:2], found]))
"""

WINDOWS = (
    "winreg",
    "_winreg",
    "msvcrt",
    "winsound",
    "_winapi",
    "nt",
    "_msi",
    "_overlapped",
    "msilib",
    "_wmi",
)

STARTED = ("__main__", "_frozen_importlib", "_frozen_importlib_external")
"""Modules that every interpreter makes as it starts, from no file."""


def main(interpreters: list[str]) -> pathlib.Path:
    """Write the table: version to module to its names.

    None stands for a module whose names are unknown; a last name `*` says that there may be more names.
    """
    table: dict[str, dict[str, list[str] | None]] = {}
    for interpreter in interpreters:
        answer = process.run([interpreter, "-I", "-c", _ASK], timeout=300, check=True)
        version, modules = json.loads(answer.stdout.splitlines()[-1])
        there = {name: names for name, names in modules.items() if names is not False}
        for name in WINDOWS:
            there.pop(name, None)
        # What this build of Python happens to lack may be there in others.
        lacking = [name for name, names in modules.items() if names is False and name not in WINDOWS]
        there |= dict.fromkeys(lacking)
        there = dict.fromkeys(STARTED) | there
        table[version] = there
    DATA.parent.mkdir(exist_ok=True)
    text = json.dumps(table, sort_keys=True, separators=(",", ":"))
    DATA.write_bytes(lzma.compress(text.encode(), preset=9))
    return DATA


if __name__ == "__main__":
    print(main(sys.argv[1:]))  # noqa: T201 — a script's answer
