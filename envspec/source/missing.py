"""What a failed build says that it did not find: headers, libraries, programs, and what pkg-config knows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from envspec.supply.build_root import Missing

_NAME = r"[A-Za-z0-9][\w.+/-]{0,200}"

_HEADER = re.compile(
    rf"fatal error: '?({_NAME}\.(?:h|hh|hpp|hxx)|{_NAME})'?(?:: No such file or directory| file not found)"
)
_LIBRARY = re.compile(rf"(?:cannot find|unable to find library|library not found for) -l({_NAME})")
_CONFIG = re.compile(
    rf"Package '?({_NAME})'?,? (?:required by '[^']*', )?(?:was )?not found"
    rf"|No package '({_NAME})' found"
    rf"|Dependency \"({_NAME})\" not found, tried pkgconfig"
)
_PROGRAMS = (
    re.compile(rf"error: command '({_NAME})' failed: No such file"),
    re.compile(rf"unable to execute ['\"]?({_NAME})['\"]?:? No such"),
    re.compile(rf"\b({_NAME}) executable not found"),
    re.compile(rf"Unknown compiler\(s\): \[\['({_NAME})'"),
)
_FILES = (
    re.compile(rf"(?:FileNotFoundError|No such file or directory): '({_NAME})'"),
    re.compile(rf"(?:[Cc]ould not find|can't find) ['\"]?({_NAME})['\"]?:? No such"),
    re.compile(rf"(?:^|[\s:])({_NAME}): (?:command )?not found", re.MULTILINE),
)
"""What may be a program, or any file: it counts where a package is known that brings such a program."""
_TOOL = re.compile(
    r"(?:^|[\s'\"`/:(])"
    r"((?i:cargo|rustc|rust compiler|cmake(?! error| warning)|ninja|gfortran|swig|pkg-config)"
    r"|go|gcc|g\+\+|clang)"
    r"(?=$|[\s'\"`:,.;)])"
)
"""Programs that builds are known to want beyond Python."""
_ABSENT = re.compile(
    r"not found|No such file|not installed|[Cc]ould not find|[Uu]nable to find|[Mm]issing|not on PATH|"
    r"[Cc]an(?:not|'t) find|is required"
)
_NO_COMPILER = re.compile(r"command '[^']*\bfalse' failed")
"""What a build says that needs a compiler after all, and was to go without one."""
_CALLED = {"x86_64-linux-gnu-gcc": "gcc", "aarch64-linux-gnu-gcc": "gcc", "cc": "gcc", "c++": "g++"}
_CALLED |= {"x86_64-linux-gnu-g++": "g++", "aarch64-linux-gnu-g++": "g++", "rust compiler": "cargo"}
"""Programs by the names under which other packages than that of the plain name bring them."""


def missing_in(said: str) -> Iterator[Missing]:
    """What was missing, in the words of compilers, linkers, pkg-config and scripts: the likeliest first."""
    if match := _HEADER.search(said):
        yield Missing(kind="header", name=match[1])
    if match := _LIBRARY.search(said):
        yield Missing(kind="library", name=match[1])
    if match := _CONFIG.search(said):
        yield Missing(kind="pkg-config file", name=next(filter(None, match.groups())))
    yield from (_program(match[1]) for pattern in _PROGRAMS if (match := pattern.search(said)))
    yield from (_program(match[1], sure=False) for pattern in _FILES if (match := pattern.search(said)))
    named = (_TOOL.search(line) for line in said.splitlines() if _ABSENT.search(line))
    yield from (_program(match[1].lower()) for match in [next(filter(None, named), None)] if match)
    if _NO_COMPILER.search(said):
        yield _program("gcc")


def _program(path: str, *, sure: bool = True) -> Missing:
    name = path.rpartition("/")[2]
    return Missing(kind="program", name=_CALLED.get(name, name), sure=sure or bool(_TOOL.fullmatch(name)))
