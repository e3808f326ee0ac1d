"""A program as it is started inside: its words, its variables, and whether there is anything to start.

What is known of one is a table: `command`, and where there are any `port`, `health`, `env`, `folder`, `user`
and `lasting` (`builder/values/program.py`). In its words `{host}` and `{port}` stand for where it listens.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

MAIN = "main"
"""The program that an image starts, whose own variables are the image's."""


def words(command: Sequence[str], host: str, port: int | None) -> list[str]:
    """The command where the program listens there."""
    hosted = [word.replace("{host}", host) for word in command]
    return hosted if port is None else [word.replace("{port}", str(port)) for word in hosted]


def refusal(command: str, error: OSError) -> str:
    """Why a command could not be run. What the kernel calls absent may be the interpreter of a script."""
    import shutil  # every start and every look at its health would pay for it

    said = "%s cannot be run: %s" % (command, error.strerror)
    try:
        with open(shutil.which(command) or command, "rb") as stream:
            first = stream.readline(200)
    except (OSError, ValueError):
        return said
    words = first[2:].split() if first.startswith(b"#!") else []
    interpreter = words[0].decode("utf-8", "replace") if words else ""
    if interpreter and not os.path.exists(interpreter):
        said += (
            " (it begins with #!%s, which is not here: name its Debian package in `apt` of [base])"
            % interpreter
        )
    return said


def variables(
    name: str, programs: Mapping[str, Any], common: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, str]:
    """The variables of a program, where `given` are those of a container.

    An image holds those of its environment, `common`, and over them the main program's. Another program has
    its own over `common` instead; what somebody gave the container otherwise wins over all of them.
    """
    found = dict(given)
    mains = programs.get(MAIN, {}).get("env", {})
    own = programs[name].get("env", {})
    if name != MAIN:
        for key, value in mains.items():
            if found.get(key) == value:
                found.pop(key)
                if key in common:
                    found[key] = common[key]
    for key, value in own.items():
        if found.get(key) in (None, common.get(key)):
            found[key] = value
    return found


def missing(command: Sequence[str], env: Mapping[str, str], folder: str | None) -> str:
    """Why a command cannot be started, in words; empty where it can."""
    import shutil

    first = command[0]
    place = os.path.join(folder or ".", first) if "/" in first else first
    found = shutil.which(place, path=env.get("PATH", os.defpath))
    if found is None:
        if "/" in first and os.path.exists(place):
            return "%s may not be run" % first
        return "there is no program %s" % first
    if os.path.basename(first).startswith("python") and len(command) > 1:
        return _missing_code(found, command, env, folder)
    return ""


def _missing_code(python: str, command: Sequence[str], env: Mapping[str, str], folder: str | None) -> str:
    """Why an interpreter has nothing to run: a module or a file that is not there."""
    for place, word in enumerate(command[1:], 1):
        if word == "-m" and place + 1 < len(command):
            return _missing_module(python, command[place + 1], env, folder)
        if not word.startswith("-"):
            there = os.path.exists(os.path.join(folder or ".", word))
            return "" if there else "there is no file %s for %s to run" % (word, command[0])
        if word not in _PLAIN:
            return ""  # code on the command line, or an option with a word of its own
    return ""


_PLAIN = ("-b", "-bb", "-B", "-d", "-E", "-I", "-O", "-OO", "-P", "-q", "-s", "-S", "-u", "-v")
"""Options of the interpreter that stand alone. Source: python(1)."""

_FIND = """
import importlib.util, sys
try:
    there = importlib.util.find_spec(sys.argv[1])
    if there is not None and there.submodule_search_locations is not None:
        there = importlib.util.find_spec(sys.argv[1] + ".__main__")
        sys.exit(0 if there else "%s is a package without __main__" % sys.argv[1])
except ModuleNotFoundError as error:
    sys.exit("there is no module %s" % (error.name or sys.argv[1]))
sys.exit(0 if there else "there is no module %s" % sys.argv[1])
"""


def _missing_module(python: str, module: str, env: Mapping[str, str], folder: str | None) -> str:
    """Why a module cannot be run; asked of the interpreter itself, as only the packages above are imported.

    Where one of those fails otherwise, its program says why better.
    """
    import subprocess

    try:
        done = subprocess.run(
            [python, "-c", _FIND, module],
            env=dict(env),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    last = said[-1] if said else ""
    told = done.returncode == 1 and last.startswith(("there is no module ", module + " is a package without"))
    return last if told else ""
