"""What is installed: one record a dist-info or egg-info, as its files say, without judging them."""

from __future__ import annotations

import importlib.machinery
import os
import re

from ..names import SEPARATORS, canonical_name
from ..record import read_record
from . import elf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .report import DistributionFacts, FoundDistribution

DESCRIPTION = 20000
"""Characters of a description that are kept, in the probe only."""
TAGGED = re.compile(r"\.(?:cpython|pypy)-?\d[^.]*\.so$")
"""How the name of a compiled module ends that is for one version of Python alone."""


def find_distributions(path: list[str]) -> list[FoundDistribution]:
    """Every distribution on the path, in its order; doubles included."""
    found = []  # type: list[FoundDistribution]
    for folder in path:
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        found += [
            read_distribution(folder, name) for name in names if name.endswith((".dist-info", ".egg-info"))
        ]
    brought = needed(found)
    if all(dist.get("requested") for dist in found if canonical_name(dist["name"]) in brought):
        # Where all was asked for, as from a list of all that was installed elsewhere, the marks say nothing.
        for dist in found:
            dist["requested"] = False
    return found


def needed(dists: list[FoundDistribution]) -> set[str]:
    """Canonical names of what distributions require, the requirements of extras left out."""
    return _names(word for dist in dists for word in dist["requires"] if "extra ==" not in word)


def optional(dists: list[FoundDistribution]) -> set[str]:
    """Canonical names of what distributions require in their extras."""
    return _names(word for dist in dists for word in dist["requires"] if "extra ==" in word)


def _names(words: Iterable[str]) -> set[str]:
    found = (re.match(r"[\w.-]*", word) for word in words)
    return {canonical_name(name.group()) for name in found if name}


def read_distribution(folder: str, entry: str) -> FoundDistribution:
    """One distribution. `files` are [path, hash, size] relative to `folder`; None without a list."""
    place = os.path.join(folder, entry)
    inside = os.path.isdir(place)
    kind = "dist-info" if entry.endswith(".dist-info") else "egg-info"
    text = contents(
        os.path.join(place, "METADATA" if kind == "dist-info" else "PKG-INFO") if inside else place
    )
    fields, description = headers(text or "")
    stem = entry.rpartition(".")[0]
    dist = {
        "folder": folder,
        "entry": entry,
        "kind": kind,
        "metadata": text is not None,
        "name": one(fields, "name") or stem.partition("-")[0],
        "version": one(fields, "version") or "",
        "stem_version": stem.partition("-")[2].partition("-")[0],
        "summary": one(fields, "summary") or "",
        "description": one(fields, "description") or description[:DESCRIPTION],
        "keywords": one(fields, "keywords") or "",
        "requires": fields.get("requires-dist", []),
        "requires_python": one(fields, "requires-python") or "",
        "external": fields.get("requires-external", []),
        "files": None,
        "listed": False,
        "top_level": [],
        "roots": [],
        "extensions": [],
    }  # type: FoundDistribution
    if inside:
        dist.update(beside(place, kind))
    dist["listed"] = dist["files"] is not None
    dist["roots"], dist["extensions"] = modules(dist)
    return dist


def beside(place: str, kind: str) -> Any:
    """What stands beside the metadata."""
    installer = (contents(os.path.join(place, "INSTALLER")) or "").strip()
    scripts = contents(os.path.join(place, "entry_points.txt")) or ""
    direct = contents(os.path.join(place, "direct_url.json")) or ""
    tags = headers(contents(os.path.join(place, "WHEEL")) or "")[0].get("tag", [])
    found = {
        "installer": installer,
        # uv marks everything that it installs as requested, so that only pip's mark says something.
        "requested": os.path.exists(os.path.join(place, "REQUESTED")) and installer == "pip",
        "top_level": (contents(os.path.join(place, "top_level.txt")) or "").split(),
        "tags": tags,
        "entry_points": scripts,
        "editable": '"editable": true' in direct or '"editable":true' in direct,
    }  # type: dict[str, Any]
    if kind == "dist-info":
        found["files"] = read_record(os.path.join(place, "RECORD"))
    else:
        listed = contents(os.path.join(place, "installed-files.txt"))
        if listed is not None:
            base = os.path.basename(place)
            found["files"] = [
                [os.path.normpath(os.path.join(base, line)), "", ""] for line in listed.split("\n") if line
            ]
    return found


def contents(path: str) -> str | None:
    """The text of a file; None where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return None


def headers(text: str) -> tuple[dict[str, list[str]], str]:
    """Fields by lower-case name, and the body."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    fields = {}  # type: dict[str, list[str]]
    last = None
    for line in head.split("\n"):
        if line[:1] in (" ", "\t") and last:
            fields[last][-1] += "\n" + line.strip().lstrip("|")
            continue
        name, colon, value = line.partition(":")
        if colon:
            last = name.strip().lower()
            fields.setdefault(last, []).append(value.strip())
    return fields, body


def one(fields: dict[str, list[str]], name: str) -> str:
    """The first value of a field, or nothing."""
    return fields.get(name, [""])[0]


def modules(dist: FoundDistribution) -> tuple[list[str], list[tuple[str, str]]]:
    """Import roots of a distribution, and its compiled modules as [module, path].

    A root is the shallowest regular package, or a single module, namespace packages looked through.
    """
    if dist["files"] is None:
        return roots_without_list(dist), []
    paths = [row[0].replace("\\", "/") for row in dist["files"]]
    packages = {path.rpartition("/")[0] for path in paths if path.endswith("/__init__.py")}
    roots = {}  # type: dict[str, None]
    compiled, foreign = [], []
    for path in paths:
        folder, _, name = path.rpartition("/")
        stem = name.partition(".")[0]
        if name.endswith(".py"):
            module = folder if name == "__init__.py" else path[:-3]
        elif name.endswith(".so"):
            module = (folder + "/" if folder else "") + stem
            if stem == "__init__":
                module = folder
        else:
            continue
        parts = module.split("/")
        if not all(part.isidentifier() for part in parts) or path.startswith(("../", "/")):
            continue
        if name.endswith(".so"):
            full = os.path.join(dist["folder"], path)
            exported = elf.initialises(full, parts[-1])
            if exported is False:
                continue
            if is_foreign(name):
                foreign.append((parts, path))
                continue
            compiled.append((".".join(parts), path))
        roots[shallowest(parts, packages)] = None
    # Beside modules for this Python those for another are left over; alone they are what there is.
    for parts, path in [] if compiled else foreign:
        compiled.append((".".join(parts), path))
        roots[shallowest(parts, packages)] = None
    return sorted(roots) or roots_without_list(dist, guess=False), compiled


def is_foreign(name: str) -> bool:
    """Whether the name of a compiled module says that it is for another Python (PEP 3149)."""
    tag = TAGGED.search(name)
    return tag is not None and tag.group() not in importlib.machinery.EXTENSION_SUFFIXES


def shallowest(parts: list[str], packages: set[str]) -> str:
    """The first regular package on the way to a module, or the module itself."""
    for depth in range(1, len(parts)):
        if "/".join(parts[:depth]) in packages:
            return ".".join(parts[:depth])
    return ".".join(parts)


def roots_without_list(dist: FoundDistribution, guess: bool = True) -> list[str]:
    """Top-level names by declaration, or by the distribution's name where a module of that name is there."""
    declared = [name.replace("/", ".") for name in dist["top_level"]]
    if declared or not guess:
        return [name for name in declared if present(dist["folder"], name) or dist.get("editable")]
    name = SEPARATORS.sub("_", dist["name"])
    return [each for each in dict.fromkeys([name, name.lower()]) if present(dist["folder"], each)]


def present(folder: str, name: str) -> bool:
    """Whether a top-level module of this name lies in the folder."""
    base = os.path.join(folder, *name.split("."))
    if os.path.isdir(base) or os.path.exists(base + ".py"):
        return True
    try:
        return any(entry.startswith(name + ".") and entry.endswith(".so") for entry in os.listdir(folder))
    except OSError:
        return False


def report(dist: FoundDistribution) -> DistributionFacts:
    """What leaves the probe: all but long texts and lists of files."""
    told = dist.copy()
    told.pop("description", None)
    told.pop("files", None)
    return told
