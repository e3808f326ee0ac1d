"""Judges compiled modules by their bytes: those that do not fit the NumPy installed, run or not."""

from __future__ import annotations

import contextlib
import mmap
import pathlib
from collections.abc import Iterator

from builder.verify import rules
from builder.verify.facts import Distribution, Facts
from envspec.abi import numpy
from envspec.finding import Finding, Severity

SPEAKERS = 2
"""Modules of one distribution that are read."""
LARGE = 64 * 1024 * 1024
"""Bytes above which a file is a library of kernels and not the module that speaks to NumPy."""


def judge(facts: Facts, root: pathlib.Path | None) -> Iterator[Finding]:
    """Findings about compiled modules whose headers, C interface or struct sizes ask for another NumPy.

    `root` is the folder under which the environment's files lie on this machine; nothing is read without.
    A module that was imported all the same may fail when it is used: that is a warning.
    """
    installed = facts.by_name().get("numpy")
    if root is None or installed is None:
        return
    worked = {each.module for each in facts.imports if not each.failed}
    failed = {each.module.partition(".")[0] for each in facts.imports if each.failed}
    for dist in facts.by_name().values():
        if dist.key != "numpy" and not failed.intersection(each.partition(".")[0] for each in dist.roots):
            yield from _of_distribution(dist, installed.version, root, worked)


def _of_distribution(
    dist: Distribution, version: str, root: pathlib.Path, worked: set[str]
) -> Iterator[Finding]:
    folder = root / dist.folder.lstrip("/")
    files = dict(zip(dist.extensions, (folder / path for path in dist.extension_files), strict=True))
    unfit: dict[str, numpy.Fit] = {}
    for module in _speakers(files):
        found = _fit(files[module], version)
        if not found:
            unfit.setdefault(module, found)
    for module, fit in list(unfit.items())[:1]:
        latent = module in worked
        yield rules.NUMPY_LATENT.finding(
            f"{module} of {dist.name} {dist.version} {fit.why}"
            + ("; it was imported all the same, and may fail in use" if latent else ""),
            hint=f"install numpy{fit.wants}, or a build of {dist.name} for numpy {version}",
            where=module,
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


def _fit(path: pathlib.Path, version: str) -> numpy.Fit:
    """What a file's bytes say; what cannot be read fits, for the import to judge."""
    with contextlib.suppress(OSError, ValueError), _mapped(path) as data:
        return numpy.fit(numpy.read(data), version)
    return numpy.FITS


@contextlib.contextmanager
def _mapped(path: pathlib.Path) -> Iterator[mmap.mmap]:
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data
