"""Keeping what a lock of another tool holds: its versions and files, looked up but not solved anew."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterable, Iterator, Mapping, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envspec.ingest.draft import Pin
from envspec.lockfile.lock import DEFAULT_INDEX
from envspec.resolve.graph import Node, needed
from envspec.resolve.solution import Solved
from envspec.spec.model import Spec
from envspec.spec.target import Target
from envspec.supply.core_metadata import WheelMetadata
from envspec.supply.page import RemoteFile
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import WORKERS
from envspec.system.errors import OutsideError
from envspec.system.quoting import listed


class UnkeptError(OutsideError):
    """A lock of another tool is not kept: it does not hold all that its spec needs, or another version."""


def refuse_unasked(spec: Spec, target: Target, pins: Sequence[Pin]) -> None:
    """Raise `UnkeptError` where the spec asks for what no pin gives: told before anything is fetched."""
    asked = [requirement for stage in spec.stage for requirement in stage.requirements]
    if lacking := list(_lacking(asked, {pin.name: pin.version for pin in pins}, target)):
        raise UnkeptError(f"it does not hold {listed(lacking)}, which the spec asks for")


def keep_pins(spec: Spec, sources: Sources, pins: Sequence[Pin]) -> tuple[Solved, ...]:
    """The pins as a solution: each with its files, as an index offers them or as the lock tells them.

    Raises `UnkeptError` where a file cannot be found anywhere.
    """
    indexes = {index.url: name for name, index in spec.index.items() if not (index.extra or index.default)}
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return tuple(pool.map(lambda pin: _found(pin, indexes, sources), pins))


def _found(pin: Pin, indexes: Mapping[str, str], sources: Sources) -> Solved:
    index = indexes.get(pin.index_url or "", DEFAULT_INDEX)
    wanted = {file.sha256: file for file in pin.files}
    try:
        offered = sources.files(index, pin.name)
    except OutsideError as error:
        if not any(file.url for file in pin.files):
            raise UnkeptError(f"the files of {pin.name} cannot be looked up: {error.message}") from error
        offered = ()
    files = [file for file in offered if file.sha256 in wanted]
    known = {file.sha256 for file in files}
    files += [
        RemoteFile(file=file.file, url=file.url, sha256=file.sha256, size=file.size)
        for file in pin.files
        if file.sha256 not in known and file.url and file.file.endswith((".whl", ".tar.gz", ".zip"))
    ]
    if not files:
        raise UnkeptError(
            f"no index offers a file of {pin.name} {pin.version} with the digests that it holds"
        )
    return Solved(name=pin.name, version=pin.version, index=index, files=tuple(files))


def refuse_gaps(
    roots: Iterable[Requirement],
    known: Mapping[str, WheelMetadata],
    versions: Mapping[str, str],
    target: Target,
    *,
    overridden: frozenset[str],
    without: frozenset[str],
) -> None:
    """Raise `UnkeptError` where what is kept needs something that is not."""
    waiting = [requirement for requirement in roots if target.wants(requirement.marker)]
    seen: set[Node] = set()
    lacking: dict[str, None] = {}
    while waiting:
        requirement = waiting.pop()
        node = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if node in seen or node[0] in without:
            continue
        seen.add(node)
        needs = list(needed(node, known, target))
        wanted = [need for need in needs if canonicalize_name(need.name) not in overridden | without]
        lacking |= dict.fromkeys(_lacking(wanted, versions, target, always=True))
        waiting += needs
    if lacking:
        raise UnkeptError(f"it does not hold {listed(list(lacking))}, which its packages need")


def _lacking(
    requirements: Iterable[Requirement],
    versions: Mapping[str, str],
    target: Target,
    *,
    always: bool = False,
) -> Iterator[str]:
    """The requirements that count here and that no version meets."""
    for requirement in requirements:
        version = versions.get(canonicalize_name(requirement.name))
        if not always and not target.wants(requirement.marker):
            continue
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            yield f"{requirement.name}{requirement.specifier}"
