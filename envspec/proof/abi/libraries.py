"""EV130: libraries that compiled files need and nobody has, told once for each file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from envspec.proof.abi.binary import Binary
from envspec.proof.abi.packages import providers
from envspec.proof.nvidia.libraries import is_optional
from envspec.system import rules
from envspec.system.finding import Finding, Severity
from envspec.system.quoting import listed, with_version

_NUMBER = re.compile(r"(?<=[a-z])\d+(?=\.(?:abi3\.)?so$)")
"""A version at the end of a file's own name, as in `libtorchcodec_core6.so`."""
_LINE = re.compile(r"\[base\] apt = \[(.*?)\]")
_NAMED = 6
"""Libraries that a message names."""


def missing_libraries(
    lacking: Mapping[str, Sequence[str]],
    binaries: Mapping[str, Sequence[Binary]],
    versions: Mapping[str, str],
    suite: str,
) -> Iterator[Finding]:
    """A finding for each file of `lacking`, which has the missing libraries of a file by its path.

    Files that are built for one of several versions of a library, such as torchcodec's for FFmpeg 4 to 7,
    want one of them alone: they are told as one, and only where none has what it wants. A file that is no
    module is loaded when its package needs it, so what it lacks is told and does not count. Neither does what
    packages are known to do without, unless an import fails because of it, which is another rule.
    """
    for package, files in binaries.items():
        for group in _alternatives([file.path for file in files]):
            broken = [path for path in group if path in lacking]
            if not broken or (len(group) > 1 and len(broken) < len(group)):
                continue
            modules = {file.path for file in files if file.elf and file.elf.python_inits}
            wanted = [library for path in broken for library in lacking[path]]
            weighs = len(group) > 1 or not modules.isdisjoint(broken)
            weighs = weighs and not all(is_optional(library, broken[0]) for library in wanted)
            if len(broken) == 1:
                message = lacks(package, versions, lacking[broken[0]])
            else:
                either = ", ".join(dict.fromkeys(lacking[path][0] for path in broken))
                needs = f"{with_version(package, versions)} needs one of {either}"
                message = f"{needs}, and no wheel and no base has any"
            yield rules.WHEEL_LIBRARY.finding(
                message,
                hint=what_brings(wanted, suite),
                where=broken[0],
                severity=None if weighs else Severity.INFO,
            )


def lacks(package: str, versions: Mapping[str, str], libraries: Sequence[str]) -> str:
    """That a file of a package needs libraries that nobody has."""
    needs = f"{with_version(package, versions)} needs {listed(libraries, most=_NAMED)}"
    return f"{needs}, which neither a wheel nor the base has"


def what_brings(libraries: Sequence[str], suite: str) -> str:
    """What brings libraries, as the line of a spec where Debian packages do."""
    packages = providers(libraries, suite=suite)
    if packages:
        line = ", ".join(f'"{package}"' for package in packages)
        return f"[base] apt = [{line}] brings {'it' if len(libraries) == 1 else 'them'}"
    return f"install what provides {listed(libraries, most=_NAMED)}"


def packages_brought(hint: str) -> tuple[str, ...]:
    """The Debian packages that a hint of `what_brings` names; none in other hints."""
    line = _LINE.match(hint)
    return tuple(re.findall(r'"([^"]+)"', line[1])) if line else ()


def _alternatives(paths: Sequence[str]) -> Iterator[list[str]]:
    """The files of a package, those together whose names differ in one number alone."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        groups.setdefault(_NUMBER.sub("#", path), []).append(path)
    return iter(groups.values())
