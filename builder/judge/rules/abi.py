"""Judges compiled modules by their bytes: those that do not fit the NumPy installed, run or not."""

from __future__ import annotations

import contextlib
import mmap
import pathlib
from collections.abc import Iterator, Mapping

from packaging.version import Version

from builder.judge.facts import Distribution, Facts
from envspec.proof.abi import numpy
from envspec.system import rules
from envspec.system.finding import Finding, Severity

SPEAKERS = 2
"""How many modules of one distribution are read."""
LARGE = 64 * 1024 * 1024
"""Bytes above which a file is a library of kernels and not the module that speaks to NumPy."""


REFUSED = "_ARRAY_API not found"
"""What NumPy 2 prints where a module asks for the interface of NumPy 1. Source: its `npy_2_compat.h`."""

Built = Mapping[str, Mapping[str, numpy.NumpyFacts]]
"""What compiled modules were built with, by the canonical name of their distribution and by module."""


def read_numpy_builds(facts: Facts, root: pathlib.Path | None) -> Built:
    """What the bytes of compiled modules say, of each distribution that speaks to NumPy.

    `root` is the folder under which the environment's files lie on this machine; nothing is read without.
    """
    found: dict[str, dict[str, numpy.NumpyFacts]] = {}
    if root is None:
        return found
    for dist in facts.by_name().values():
        folder = root / dist.folder.lstrip("/")
        files = dict(zip(dist.extensions, (folder / path for path in dist.extension_files), strict=True))
        if dist.key != "numpy":
            found[dist.key] = {module: _facts(files[module]) for module in _speakers(files)}
    return found


def wanted_numpy(built: Mapping[str, numpy.NumpyFacts]) -> str:
    """The NumPy that a distribution's modules were built for, as a specifier; empty where it is not known."""
    headers = {each.headers for each in built.values() if each.headers}
    oldest = [each.oldest for each in built.values() if each.oldest]
    parts = [f">={max(oldest, key=Version)}"] if oldest else []
    return ",".join([*parts, "<2"] if headers == {1} else parts)


def judge_numpy_builds(facts: Facts, built: Built) -> Iterator[Finding]:
    """Findings about compiled modules whose headers, C interface or struct sizes ask for another NumPy.

    A module that was imported all the same may fail when it is used: that is a warning. Where NumPy refused
    it its interface while it was imported, whatever it does with arrays crashes: that is an error.
    """
    installed = facts.by_name().get("numpy")
    if installed is None:
        return
    worked = {each.module for each in facts.imports if not each.failed}
    heard = {each.module.partition(".")[0] for each in facts.imports if REFUSED in each.output}
    failed = {each.module.partition(".")[0] for each in facts.imports if each.failed}
    for key, dist in facts.by_name().items():
        if not failed.intersection(each.partition(".")[0] for each in dist.roots):
            refused = bool(heard.intersection(each.partition(".")[0] for each in dist.roots))
            yield from _of_distribution(dist, built.get(key, {}), installed.version, worked, refused=refused)


def _of_distribution(
    dist: Distribution,
    built: Mapping[str, numpy.NumpyFacts],
    version: str,
    worked: set[str],
    *,
    refused: bool,
) -> Iterator[Finding]:
    fits = ((module, numpy.fit(each, version)) for module, each in built.items())
    for module, fit in [pair for pair in fits if not pair[1]][:1]:
        latent = module in worked and not refused
        more = "; it was imported all the same, and may fail in use" if latent else ""
        if module in worked and refused:
            more = "; NumPy refused it while it was imported, and what it does with arrays crashes"
        yield rules.NUMPY_LATENT.finding(
            f"{module} of {dist.name} {dist.version} {fit.why}{more}",
            hint=f"install numpy{fit.wants}, or a build of {dist.name} for numpy {version}",
            where=module,
            between=(dist.key, "numpy"),
            severity=Severity.WARNING if latent else None,
        )


def _speakers(files: dict[str, pathlib.Path]) -> list[str]:
    """The smallest modules that speak to NumPy: what is built together is built against the same NumPy."""
    found: list[str] = []
    for module, path in sorted(files.items(), key=lambda item: _size(item[1])):
        if 0 < _size(path) <= LARGE and _mentions(path):
            found.append(module)
        if len(found) == SPEAKERS:
            break
    return found


def _size(path: pathlib.Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _mentions(path: pathlib.Path) -> bool:
    with contextlib.suppress(OSError, ValueError), _mapped(path) as data:
        return data.find(b"_ARRAY_API") >= 0
    return False


def _facts(path: pathlib.Path) -> numpy.NumpyFacts:
    """What a file's bytes say; nothing for a file that cannot be read, which the import judges."""
    with contextlib.suppress(OSError, ValueError), _mapped(path) as data:
        return numpy.read_numpy(data)
    return numpy.NO_FACTS


@contextlib.contextmanager
def _mapped(path: pathlib.Path) -> Iterator[mmap.mmap]:
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data
