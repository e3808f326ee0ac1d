"""Which Debian package provides a shared library, from tables that `refresh_sonames` writes."""

from __future__ import annotations

import functools
import gzip
import importlib.resources
from collections.abc import Iterable, Mapping

SUITES = ("bullseye", "bookworm", "trixie", "forky")
DEFAULT_SUITE = "bookworm"
NO_SUITE = ""
"""Stands for the suite of a base that takes no Debian packages, such as Alpine's."""


def provider(soname: str, *, suite: str = DEFAULT_SUITE) -> str:
    """The package to install for a library, such as `libgl1` for `libGL.so.1`; empty when none is known.

    A suite without a table is answered from the default one.
    """
    if suite == NO_SUITE:
        return ""
    return _table(suite if suite in SUITES else DEFAULT_SUITE).get(soname, "")


def providers(sonames: Iterable[str], *, suite: str = DEFAULT_SUITE) -> tuple[str, ...]:
    """The packages to install for libraries, each once; what nobody is known to provide is left out."""
    found = (provider(soname, suite=suite) for soname in sonames)
    return tuple(dict.fromkeys(package for package in found if package))


@functools.cache
def _table(suite: str) -> Mapping[str, str]:
    file = importlib.resources.files(__package__).joinpath("data", f"sonames-{suite}.tsv.gz")
    found: dict[str, str] = {}
    for line in gzip.decompress(file.read_bytes()).decode().splitlines():
        soname, package = line.split("\t")
        # Several packages may carry the same file: the plainest name is the one people mean.
        if soname not in found or len(package) < len(found[soname]):
            found[soname] = package
    return found
