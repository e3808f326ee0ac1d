"""All that is said of a set and the cards, driver and processor of its target, from facts of its wheels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from packaging.utils import canonicalize_name

from envspec.lockfile.lock import Lock
from envspec.proof.abi.binary import Binary
from envspec.proof.abi.level import level_findings
from envspec.proof.gpu.device import CardFile
from envspec.proof.gpu.judge import Around, card_findings
from envspec.proof.gpu.served import gpu_proof
from envspec.proof.gpu.unused import cardless_findings, use_findings
from envspec.spec.model import Spec
from envspec.supply.wheel import Wheel
from envspec.system.finding import Finding
from envspec.system.quoting import shown


def target_findings(
    spec: Spec,
    lock: Lock,
    wheels: Mapping[str, Wheel],
    binaries: Mapping[str, Sequence[Binary]],
    files: Mapping[str, Sequence[CardFile]],
) -> Iterator[Finding]:
    """EV170 to EV172, EV174, EV175 and EV180: the set held against the machine that it is meant for."""
    versions = lock.pins
    yield from level_findings(spec.target.cpu, binaries, versions)
    if spec.target.gpu == ():
        yield from cardless_findings(versions, files, {name: _sizes(wheels[name]) for name in wheels}, shown)
        return
    requested = frozenset(canonicalize_name(name) for stage in spec.stage for name in stage.names)
    yield from card_findings(
        gpu_proof(spec, versions, files),
        Around(requested=requested, linked=_linked(binaries), compat=_has_compat(spec)),
    )
    if spec.target.gpu:
        yield from use_findings(versions, files, lock.machine, requested, lambda name: _python(wheels[name]))


def _sizes(wheel: Wheel) -> dict[str, int]:
    sizes = {entry.name: entry.size for entry in wheel.entries}
    return {path: sizes[name] for path, name in wheel.library.items()}


def _linked(binaries: Mapping[str, Sequence[Binary]]) -> frozenset[str]:
    """Packages whose libraries files of others are linked with."""
    owners = {
        item.elf.soname: package
        for package, items in binaries.items()
        for item in items
        if item.elf and item.elf.soname
    }
    return frozenset(
        owners[soname]
        for package, items in binaries.items()
        for item in items
        if item.elf
        for soname in item.elf.needed
        if owners.get(soname, package) != package
    )


def _has_compat(spec: Spec) -> bool:
    """Whether the base may bring driver libraries of its own, as NVIDIA's images and packages do."""
    image = spec.image or ""
    return "nvidia" in image or "cuda" in image or any("cuda-compat" in each for each in spec.base.apt)


def _python(wheel: Wheel) -> Iterator[bytes]:
    for entry in wheel.entries:
        if entry.name.endswith(".py") and entry.size <= 1 << 22:
            yield wheel.read(entry.name)
