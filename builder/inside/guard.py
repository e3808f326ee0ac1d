"""The guard: after every stage, proves that no earlier pin was moved. Runs inside environments too.

Only the standard library, and what Python 3.8 understands.
"""

from __future__ import annotations

import pathlib
from typing import Collection, Dict, List, Mapping, Tuple

from .names import of_dist_info, same_version
from .record import read_record

_CODE = (".py", ".pyc", ".pth", ".so")
"""What Python runs: a README that two packages leave at the top harms nobody."""

SHARED = {"tests", "test", "docs", "doc", "examples", "benchmarks", "scripts"}
"""Top-level folders that careless packages share without harm."""

Found = Dict[str, List[Tuple[str, Mapping[str, str]]]]
"""By canonical name: the version of each distribution found, with its RECORD as path -> hash."""


def installed(site: pathlib.Path) -> Found:
    """Every distribution in `site`."""
    found: Found = {}
    for folder in sorted(site.glob("*.dist-info")):
        name, version = of_dist_info(folder.name)
        hashes = {path: digest for path, digest, _ in read_record(folder / "RECORD") or ()}
        found.setdefault(name, []).append((version, hashes))
    return found


def check(site: pathlib.Path, expected: Mapping[str, str], base: Collection[str] = ()) -> List[str]:
    """What is wrong in `site`, which must hold exactly `expected`, besides what came with the base image."""
    found = installed(site)
    wrong = []
    for name, version in sorted(expected.items()):
        versions = [entry[0] for entry in found.get(name, [])]
        if not versions:
            wrong.append(f"{name} {version} is gone")
        elif len(versions) > 1:
            wrong.append(f"{name} is there more than once: {', '.join(sorted(versions))}")
        elif not same_version(versions[0], version):
            wrong.append(f"{name} {version} became {versions[0]}")
    wrong.extend(f"{name} was never planned" for name in sorted(set(found) - set(expected) - set(base)))
    return wrong + clobbered(found)


def minds(path: str) -> bool:
    """Whether it matters which of two distributions has a file, by its path below site-packages."""
    top, _, below = path.partition("/")
    return top not in SHARED and top not in ("", "..") and bool(below or top.endswith(_CODE))


def clobbered(found: Found) -> List[str]:
    """Files that one distribution wrote over another's with other content."""
    owners: Dict[str, Tuple[str, str]] = {}
    wrong = []
    for name, entries in sorted(found.items()):
        for path, digest in entries[0][1].items():
            if not digest or not minds(path):
                continue
            other, content = owners.setdefault(path, (name, digest))
            if content != digest:
                wrong.append(f"{other} and {name} both bring {path}, with different content")
    return wrong
