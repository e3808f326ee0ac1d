"""Judges what compiled modules ask of the processor and of the interpreter, whether they load here or not."""

from __future__ import annotations

import contextlib
import functools
import mmap
import pathlib
import re
from collections.abc import Iterator, Mapping

from builder.judge.facts import Distribution, Facts
from envspec.proof.abi import elf
from envspec.system import rules
from envspec.system.finding import Finding, Severity

STABLE_ABI = pathlib.Path(__file__).with_name("data") / "stable_abi.tsv"
"""Symbols of the stable ABI and the version that brought each (`refresh_stable_abi`)."""
SHOWN = 3
"""Symbols that a finding names; the rest is counted."""

Version = tuple[int, int]


def judge_binaries(facts: Facts, root: pathlib.Path | None) -> Iterator[Finding]:
    """Findings about processor levels and claims of a stable ABI.

    `root` is the folder under which the environment's files lie on this machine; nothing is read without.
    """
    if root is None:
        return
    for dist in facts.by_name().values():
        folder = root / dist.folder.lstrip("/")
        levels: dict[str, int] = {}
        for module, path in zip(dist.extensions, dist.extension_files, strict=True):
            found = _read(folder / path)
            if found is not None:
                levels[module] = found.cpu_level
                if path.endswith(".abi3.so"):
                    yield from _claims(module, found, dist)
        yield from _processor(levels, dist, facts.python.get("cpu_level", 0))


def _read(path: pathlib.Path) -> elf.Elf | None:
    """What a compiled file says of itself; None for one that cannot be read, which the import judges."""
    with (
        contextlib.suppress(OSError, ValueError),
        path.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        return elf.read_elf(data)
    return None


def _processor(levels: Mapping[str, int], dist: Distribution, here: int) -> Iterator[Finding]:
    """The finding about the module of a distribution that asks for the newest processor."""
    module = max(levels, key=lambda each: levels[each], default="")
    if not module or levels[module] <= 1:
        return
    wanted, beyond = f"x86-64-v{levels[module]}", 0 < here < levels[module]
    yield rules.PROCESSOR.finding(
        f"{module} of {dist.name} {dist.version} is compiled for processors of level {wanted}"
        + (f", and this one is of level x86-64-v{here}" if beyond else ""),
        hint=f"take a build of {dist.name} for older processors"
        if beyond
        else f"do not ship it to machines below {wanted}",
        where=module,
        severity=None if beyond else Severity.INFO,
    )


def _claims(module: str, found: elf.Elf, dist: Distribution) -> Iterator[Finding]:
    """Findings about a module that claims all Pythons from one version on and uses what some of them lack."""
    claimed = _claimed(dist)
    since = "every later Python" if claimed is None else f"every Python from 3.{claimed[1]} on"
    used = {each.name for each in found.undefined if re.match(r"_?Py[A-Z_]", each.name) and not each.weak}
    known = stable_abi()
    outside = sorted(used - known.keys())
    later = sorted(name for name in used & known.keys() if claimed and known[name] > claimed)
    for names, what in ((outside, "which the stable ABI lacks"), (later, "which came later")):
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            yield rules.STABLE_ABI.finding(
                f"{module} of {dist.name} {dist.version} claims {since} and uses "
                f"{', '.join(names[:SHOWN])}{more}, {what}",
                hint="it may not load in another Python: pin the interpreter, or tell its makers",
                where=module,
            )


def _claimed(dist: Distribution) -> Version | None:
    """The oldest Python that the wheel's tags claim; None where they tell none."""
    found = [re.match(r"cp3(\d+)-abi3-", tag) for tag in dist.tags]
    return min(((3, int(match[1])) for match in found if match), default=None)


@functools.cache
def stable_abi() -> Mapping[str, Version]:
    """Symbols of the stable ABI with the version that brought each."""
    rows = (line.split("\t") for line in STABLE_ABI.read_text("utf-8").splitlines())
    return {name: (int(major), int(minor)) for name, since in rows for major, minor in [since.split(".")]}
