"""Pins: what a description holds still by version and sha256, so that a lock can be made without solving."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envspec.ingest.draft import Pin
from envspec.ingest.drafting import Drafting, Step, pip_requirement
from envspec.ingest.locks.held import own_pins
from envspec.system.quoting import listed


def hashed_pins(drafting: Drafting) -> dict[str, Any]:
    """The fields of a draft whose every word has a version and its digests.

    None, with a remark, where some have none. Trees need none that are installed without what they require.
    """
    by = listed(list(dict.fromkeys(name for step in drafting.installs for name in step.hashed_in)))
    if drafting.pins:
        if by != "none":
            drafting.remark(f"hashes of {by} are left: the lock that counts is {drafting.pinned_by}")
        return {}
    own = {pin.word: pin for pin in own_pins(drafting, [step for step in drafting.installs if step.alone])}
    words = [(word, step) for step in drafting.installs for word in step.requirements]
    told = [word for word, step in words if word in step.hashes]
    if not told:
        return {}
    pins: dict[str, Pin] = {}
    bare: list[str] = []
    for word, step in words:
        if (pin := _pin(word, step)) is not None:
            pins[pin.name] = pin  # the last version counts, as it does for the spec
        elif word not in own:
            bare.append(word)
    if lacking := [word for word in dict.fromkeys(bare) if not _held(word, pins)]:
        drafting.remark(
            f"hashes are given for {len(told)} of {len(words)} packages: no lock can be kept of them,"
            f" as no version with a sha256 is given for {listed(lacking)}"
        )
        return {}
    return {"pins": (*pins.values(), *own.values()), "pinned_by": by}


def _pin(word: str, step: Step) -> Pin | None:
    """The pin of a word; None where it has no version, or no digest."""
    parsed, files = pip_requirement(word), step.hashes.get(word)
    versions = list(_versions(parsed)) if parsed is not None else []
    if parsed is None or not files or not versions or versions[0].endswith(".*"):
        return None
    name = canonicalize_name(parsed.name)
    return Pin(name=name, version=versions[0], files=files, index_url=step.index_url)


def _versions(parsed: Requirement) -> Iterator[str]:
    return (part.version for part in parsed.specifier if part.operator in {"==", "==="})


def _held(word: str, pins: Mapping[str, Pin]) -> bool:
    """Whether what is pinned meets a word, which may itself have no digest: what is installed stays."""
    parsed = pip_requirement(word)
    pin = pins.get(canonicalize_name(parsed.name)) if parsed is not None and not parsed.url else None
    return parsed is not None and pin is not None and parsed.specifier.contains(pin.version, prereleases=True)
