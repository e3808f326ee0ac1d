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
    re.compile(rf"(?:FileNotFoundError|No such file or directory): '({_NAME})'"),
    re.compile(rf"(?:unable to execute|[Cc]ould not find|can't find) ['\"]?({_NAME})['\"]?:? No such"),
    re.compile(rf"(?:^|[\s:])({_NAME}): (?:command )?not found", re.MULTILINE),
    re.compile(rf"\b({_NAME}) executable not found"),
    re.compile(rf"Unknown compiler\(s\): \[\['({_NAME})'"),
)
_TOOL = re.compile(
    r"(?i)\b(cargo|rustc|cmake|ninja|gfortran|swig|pkg-config|make)\b[^\n]{0,80}"
    r"(?:is not installed|not found|not on PATH|is required|missing)"
)
_NO_COMPILER = re.compile(r"command '[^']*\bfalse' failed")
"""What a build says that needs a compiler after all, and was to go without one."""
_CALLED = {"x86_64-linux-gnu-gcc": "gcc", "aarch64-linux-gnu-gcc": "gcc", "cc": "gcc", "c++": "g++"}
_CALLED |= {"x86_64-linux-gnu-g++": "g++", "aarch64-linux-gnu-g++": "g++"}
"""Programs by the names under which other packages than that of the plain name bring them."""


def missing_of(said: str) -> Missing | None:
    """What was missing first, by the words of compilers, linkers and pkg-config; None where none says so."""
    return next(_found(said), None)


def _found(said: str) -> Iterator[Missing]:
    if match := _HEADER.search(said):
        yield Missing(kind="header", name=match[1])
    if match := _LIBRARY.search(said):
        yield Missing(kind="library", name=match[1])
    if match := _CONFIG.search(said):
        yield Missing(kind="pkg-config file", name=next(filter(None, match.groups())))
    names = [match[1].rpartition("/")[2] for pattern in _PROGRAMS if (match := pattern.search(said))]
    names += [match[1].lower() for match in [_TOOL.search(said)] if match]
    names += ["gcc"] if _NO_COMPILER.search(said) else []
    for name in names:
        yield Missing(kind="program", name=_CALLED.get(name, name))
