"""What the container grants this process: processors, memory, descriptors; by control groups and limits."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import pathlib
import resource
from collections.abc import Iterator

GROUPS = pathlib.Path("/sys/fs/cgroup")
MOST_DESCRIPTORS = 65536
"""More than these nothing here has use for."""
MEMBERSHIP = pathlib.Path("/proc/self/cgroup")


@dataclasses.dataclass(frozen=True)
class Grant:
    """The processors and the memory that may be used, as opposed to those that the machine has."""

    cores: int
    """Whole processors to plan for: the scheduler's mask, lowered by the quota rounded up; at least one."""
    memory: int
    """Bytes."""
    descriptors: int = 1024
    """Files and sockets that one process may have open."""


def read_grant(groups: pathlib.Path = GROUPS, membership: pathlib.Path = MEMBERSHIP) -> Grant:
    """The grant of this process, by the limits of its own control group and of every group around it."""
    quotas = [quota for group in _around(groups, membership, "cpu") if (quota := _quota(group)) is not None]
    limits = [limit for group in _around(groups, membership, "memory") if (limit := _limit(group))]
    return Grant(
        cores=max(1, min([_mask(), *(math.ceil(quota) for quota in quotas)])),
        memory=min([_physical(), *limits, *_address_space()]),
        descriptors=_descriptors(),
    )


def _around(groups: pathlib.Path, membership: pathlib.Path, controller: str) -> Iterator[pathlib.Path]:
    """The folders of this process's groups, from the outermost inwards.

    Inside a container the outermost folder is often the container's own group, whatever path the process is
    told: that path is then simply not there.
    """
    lines = []
    with contextlib.suppress(OSError):
        lines = [line.split(":", 2) for line in membership.read_text().splitlines()]
    for _, controllers, path in (line for line in lines if len(line) == 3):
        if controllers and controller not in controllers.split(","):
            continue
        base = groups / controller if controllers else groups
        steps = [step for step in path.split("/") if step]
        for depth in range(len(steps) + 1):
            if ".." not in steps[:depth]:
                yield base.joinpath(*steps[:depth])


def _quota(group: pathlib.Path) -> float | None:
    """Processors that a group grants: `cpu.max`, or `cpu.cfs_*_us` of version 1; None without a limit."""
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):  # "max" is no number: no limit
        quota, period = (group / "cpu.max").read_text().split()
        return int(quota) / int(period)
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        granted, each = (int((group / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
        return granted / each if granted > 0 else None  # -1 means no limit
    return None


def _limit(group: pathlib.Path) -> int | None:
    """Bytes that a group grants: `memory.max`, or `memory.limit_in_bytes` of version 1."""
    for name in ("memory.max", "memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            return int((group / name).read_text())
    return None


def _mask() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux knows masks
        return os.cpu_count() or 1


def _physical() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _address_space() -> list[int]:
    """Bytes that one process may map, where that is limited; it bounds what all of them plan for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return [] if soft == resource.RLIM_INFINITY else [soft]


def _descriptors() -> int:
    """Descriptors that one process can have: as many as it may allow itself."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)


def raise_descriptors() -> None:
    """Allow this process, and those that it starts, as many descriptors as were granted."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (_descriptors(), hard))
