"""Compares installed files with what the distributions' RECORDs promise; reads, never writes."""

from __future__ import annotations

import base64
import concurrent.futures
import hashlib
import json
import os
import sys
import warnings

from . import elf, namespaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .report import ComparedFiles, FoundDistribution, LooseModule

BLOCK = 1 << 20


def compare_files(dists: list[FoundDistribution], *, hashes: bool, jobs: int) -> ComparedFiles:
    """Missing, changed and shared files of all distributions that list theirs.

    `hashes` False compares sizes only.
    """
    claims = claimed(dists)
    kept = [(path, rows) for path, rows in claims.items() if not path.endswith((".pyc", ".pyo"))]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        states = list(pool.map(lambda item: examine(item[0], item[1], hashes), kept, chunksize=64))
    sizes = {}  # type: dict[str, int]
    found = {
        "missing": [],
        "changed": [],
        "shared": [],
        "checked": len(kept),
        "bytes": 0,
        "sizes": sizes,
        "listed": {label(dist): sum(row[0].endswith(".py") for row in dist["files"] or ()) for dist in dists},
    }  # type: ComparedFiles
    for (path, rows), state in zip(kept, states):  # noqa: B905
        sizes[rows[0][0]] = sizes.get(rows[0][0], 0) + state.get("size", 0)
        owners, differs = [row[0] for row in rows], state.get("differs", [])
        if state.get("missing"):
            empty = all(size == "0" for _, _, size in rows)
            found["missing"].append({"path": path, "owners": owners, "empty": empty})
        elif differs:
            found["changed"].append(
                {
                    "path": path,
                    "owners": owners,
                    "how": state["how"],
                    "grown": all(size.isdigit() and int(size) < state["size"] for _, _, size in rows),
                    "differs": differs,
                }
            )
        if len(set(owners)) > 1 and state.get("alike") is False:
            kin = kinship(path, set(owners), claims)
            found["shared"].append({"path": path, "owners": owners, "differs": differs, "kin": kin})
    found["bytes"] = sum(sizes.values())
    return found


def claimed(dists: list[FoundDistribution]) -> dict[str, list[tuple[str, str, str]]]:
    """By path, who lists a file: distribution, digest and size."""
    claims = {}  # type: dict[str, list[tuple[str, str, str]]]
    for dist in dists:
        for path, digest, size in dist["files"] or ():
            full = os.path.normpath(os.path.join(dist["folder"], path))
            claims.setdefault(full, []).append((label(dist), digest, size))
    return claims


def overwritten(dists: list[FoundDistribution]) -> set[str]:
    """Distributions of which a file that another lists as well is not as they installed it."""
    shared = ((path, rows) for path, rows in claimed(dists).items() if len({name for name, _, _ in rows}) > 1)
    states = (examine(path, rows, hashes=True) for path, rows in shared)
    return {name for state in states if state.get("alike") is False for name in state.get("differs", ())}


def kinship(path: str, owners: set[str], claims: dict[str, list[tuple[str, str, str]]]) -> float | None:
    """How alike the packages are whose `__init__.py` this is: shared Python files over all of them.

    None for every other file, and for one that only declares a namespace.
    """
    if os.path.basename(path) != "__init__.py" or namespaces.declares_namespace(path):
        return None
    folder = os.path.dirname(path) + "/"
    inside = [rows for file, rows in claims.items() if file.startswith(folder) and file.endswith(".py")]
    counts = [len(owners & {row[0] for row in rows}) for rows in inside]
    return sum(count == len(owners) for count in counts) / max(1, sum(count > 0 for count in counts))


def label(dist: FoundDistribution) -> str:
    """A distribution's name in facts about files."""
    return str(dist["name"])


def examine(path: str, rows: list[tuple[str, str, str]], hashes: bool) -> dict[str, Any]:
    """The state of one file against every claim on it."""
    try:
        size = os.stat(path).st_size
    except OSError:
        # Sources may be left out of an image: a `.pyc` in their place is imported as well.
        return {"missing": not (path.endswith(".py") and os.path.exists(path + "c"))}
    state = {"size": size, "alike": len({row[1:] for row in rows}) == 1}  # type: dict[str, Any]
    wrong = [owner for owner, _, claimed in rows if claimed and claimed != str(size)]
    if not wrong and hashes and any(digest for _, digest, _ in rows):
        wrong = [owner for owner, digest, _ in rows if digest and not agrees(path, digest)]
    if wrong:
        state["differs"] = wrong
        state["how"] = manner(path, size, [int(row[2]) for row in rows if row[2].isdigit()])
    return state


def agrees(path: str, digest: str) -> bool:
    """Whether the file has this RECORD digest; unknown algorithms are not held against it."""
    name, _, value = digest.partition("=")
    try:
        state = hashlib.new(name)
        with open(path, "rb") as stream:
            for block in iter(lambda: stream.read(BLOCK), b""):
                state.update(block)
    except (OSError, ValueError):
        return True
    return base64.urlsafe_b64encode(state.digest()).rstrip(b"=").decode() == value.rstrip("=")


def manner(path: str, size: int, claimed: list[int]) -> str:
    """How a changed file looks: `empty`, `zeros`, `broken`, `shorter`, or `edited`."""
    if size == 0:
        return "empty"
    try:
        with open(path, "rb") as stream:
            if not any(block.strip(b"\0") for block in iter(lambda: stream.read(BLOCK), b"")):
                return "zeros"
    except OSError:
        return "edited"
    if path.endswith((".py", ".json")) and not parses(path):
        return "broken"
    if path.endswith(".so") and elf.whole(path):
        return "edited"  # stripped, or patched: the loader reads it
    binary = not path.endswith((".py", ".pyi", ".txt", ".md", ".toml", ".cfg", ".json"))
    if binary and claimed and size < max(claimed):
        return "shorter"
    return "broken" if path.endswith(".so") and sys.platform == "linux" else "edited"


def parses(path: str) -> bool:
    """Whether a Python or JSON file is what its name says."""
    try:
        with open(path, "rb") as stream:
            data = stream.read()
        if path.endswith(".json"):
            json.loads(data.decode("utf-8"))
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compile(data, path, "exec", dont_inherit=True)
    except (OSError, ValueError, SyntaxError, RecursionError):
        return False
    return True


def ownerless(folders: list[str], dists: list[FoundDistribution]) -> list[LooseModule]:
    """Top-level modules in site folders that no distribution claims."""
    owned = {}  # type: dict[str, set[str]]
    blind = set()
    for dist in dists:
        names = owned.setdefault(dist["folder"], set())
        names.update(root.partition(".")[0] for root in dist["roots"])
        names.update(dist["top_level"])
        names.update(row[0].replace("\\", "/").partition("/")[0] for row in dist["files"] or ())
        if dist["files"] is None:
            blind.add(dist["folder"])
            names.add(dist["name"].lower().replace("-", "_"))
    found = []  # type: list[LooseModule]
    for folder in folders:
        for name in sorted(entries(folder)):
            stem = name.partition(".")[0]
            path = os.path.join(folder, name)
            importable = os.path.isfile(os.path.join(path, "__init__.py")) or (
                os.path.isfile(path) and name.endswith((".py", ".so"))
            )
            names = owned.get(folder, set())
            if importable and stem.isidentifier() and not {name, stem, stem.lower()} & names:
                found.append({"folder": folder, "name": stem, "path": path, "sure": folder not in blind})
    return found


def entries(folder: str) -> list[str]:
    """Names in a folder; nothing where it cannot be read."""
    try:
        return os.listdir(folder)
    except OSError:
        return []
