"""How many processors this process may really use: the scheduler's mask and the container's quota."""

from __future__ import annotations

import math
import os
import pathlib

CGROUP = pathlib.Path("/sys/fs/cgroup")


def available_cores(cgroup: pathlib.Path = CGROUP) -> int:
    """Whole cores to plan for, at least one: the affinity mask, lowered by the quota rounded up."""
    try:
        mask = len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux knows masks
        mask = os.cpu_count() or 1
    quota = _quota(cgroup)
    return max(1, mask if quota is None else min(mask, math.ceil(quota)))


def _quota(cgroup: pathlib.Path) -> float | None:
    """Cores granted by cgroup v2 (`cpu.max`) or v1 (`cpu.cfs_*_us`); None where there is no limit."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (cgroup / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    try:
        granted = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):  # "max" means no limit
        return None
    return granted if granted > 0 else None
