"""The guard: after every stage, proves that no earlier pin was moved. Runs inside environments too.

Only the standard library, and what Python 3.8 understands. `python guard.py EXPECTED.json` reads
`{"pins": {name: version}, "base": [name]}`, prints what is wrong, a line each, and then ends with 1.
"""

from __future__ import annotations

import csv
import json
import pathlib
import re
import sys
import sysconfig
from typing import Collection, Dict, List, Mapping, Tuple

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
        name, _, version = folder.name[: -len(".dist-info")].partition("-")
        canonical = re.sub(r"[-_.]+", "-", name).lower()
        found.setdefault(canonical, []).append((version, record(folder / "RECORD")))
    return found


def record(file: pathlib.Path) -> Mapping[str, str]:
    """Path -> hash of a RECORD; empty where there is none."""
    try:
        with file.open(newline="", encoding="utf-8", errors="replace") as stream:
            return {row[0]: row[1] for row in csv.reader(stream) if len(row) == 3}
    except (OSError, csv.Error):
        return {}


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


def same_version(one: str, other: str) -> bool:
    """Whether two spellings mean one version; folder names cannot hold every character."""
    return re.sub(r"[-_+]", ".", one).lower() == re.sub(r"[-_+]", ".", other).lower()


def clobbered(found: Found) -> List[str]:
    """Files that one distribution wrote over another's with other content."""
    owners: Dict[str, Tuple[str, str]] = {}
    wrong = []
    for name, entries in sorted(found.items()):
        for path, digest in entries[0][1].items():
            top, _, below = path.partition("/")
            if not digest or top in SHARED or top == ".." or not (below or top.endswith(_CODE)):
                continue
            other, content = owners.setdefault(path, (name, digest))
            if content != digest:
                wrong.append(f"{other} and {name} both bring {path}, with different content")
    return wrong


def main() -> int:
    """The program: see the head of the file."""
    expected = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    site = pathlib.Path(sysconfig.get_paths()["purelib"])
    wrong = check(site, expected["pins"], expected.get("base", ()))
    sys.stdout.write("".join(f"{line}\n" for line in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
