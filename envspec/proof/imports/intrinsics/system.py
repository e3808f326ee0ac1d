"""The interpreter, the machine and the environment: `sys`, `os`, `platform`."""

from __future__ import annotations

import collections
import re
from collections.abc import Mapping
from typing import NoReturn

from envspec.proof.imports.frame import Frame
from envspec.proof.imports.intrinsics.answer import Answer
from envspec.proof.imports.values import NONE, UNKNOWN, External, Fault, Known, Raised, Value, constant
from envspec.proof.imports.world import World

_VersionInfo = collections.namedtuple("_VersionInfo", "major minor micro releaselevel serial")
_NEWEST_MICRO = 99  # which patch release will run is unknown; a new one is likelier than an old one
_USUAL = re.compile(
    r"(?i)(PATH|HOME|USER(NAME|PROFILE)?|LOGNAME|SHELL|PWD|LANG(UAGE)?|LC_.*|TERM|TMP(DIR)?|TEMP|HOST(NAME)?|DISPLAY|TZ|EDITOR"
    r"|CI|PYTHON.*|VIRTUAL_ENV|CONDA.*|.*_PROXY|.*(_BUNDLE|_CERT_FILE)|XDG_.*|LD_.*|CUDA.*|NVIDIA.*|OMP_.*|MKL_.*|OPENBLAS_.*"
    r"|KUBERNETES.*|AWS_.*|GOOGLE_.*|AZURE_.*)$"
)
"""Variables that systems, shells, images and orchestrators set by themselves."""

CONSTANTS: Mapping[str, Value] = {
    "typing.TYPE_CHECKING": Known(False),
    "typing_extensions.TYPE_CHECKING": Known(False),
    "sys.platform": Known("linux"),
    "os.name": Known("posix"),
    "os.sep": Known("/"),
    "sys.byteorder": Known("little"),
    "sys.maxsize": Known(2**63 - 1),
}


def versions(version: tuple[int, ...]) -> Mapping[str, Value]:
    """What a Python says about its own version."""
    major, minor = version
    return {
        "sys.version_info": Known(_VersionInfo(major, minor, _NEWEST_MICRO, "final", 0)),
        "sys.hexversion": Known((major << 24) + (minor << 16) + (_NEWEST_MICRO << 8) + 0xF0),
        "sys.version": Known(f"{major}.{minor}.{_NEWEST_MICRO} (main) [GCC]"),
    }


def _system(*_: object) -> Value:
    return Known("Linux")


def _implementation(*_: object) -> Value:
    return Known("CPython")


def _exit(_: World, __: object, ___: object, frame: Frame) -> NoReturn:
    message = "the module ends the program"
    fault = Fault(kind="raised", wanted=message, owner="", where=frame.where)
    raise Raised(External("SystemExit"), message, fault)


def _variable(world: World, args: list[Value], *_: object) -> Value:
    """A variable that only those set who know of it is not set."""
    known, name = constant(args[0])
    if not known or not isinstance(name, str) or name in world.modules.variables or _USUAL.match(name):
        return UNKNOWN
    return args[1] if len(args) > 1 else NONE


BARE_CALLS: dict[str, Answer] = {
    "platform.system": _system,
    "platform.python_implementation": _implementation,
    "sys.exit": _exit,
    "exit": _exit,
    "quit": _exit,
}
"""Answers to calls without arguments by position."""

CALLS: dict[str, Answer] = BARE_CALLS | {"os.environ.get": _variable, "os.getenv": _variable}
"""Answers to calls with some."""
