"""What the container grants, read from trees of control groups, and how large the service then is."""

from __future__ import annotations

import os
import pathlib

import pytest

from service.settings import sizing
from service.settings.container import Grant, read_grant
from service.settings.environment import Settings
from service.settings.sizing import MIB, size_settings

WHOLE = read_grant(pathlib.Path("/absent"), pathlib.Path("/absent"))
"""What this machine grants without any control group."""


def tree(folder: pathlib.Path, member: str, **files: str) -> Grant:
    """The grant of a process whose `/proc/self/cgroup` is `member`, among groups that hold `files`."""
    (folder / "cgroup").write_text(member)
    for name, text in files.items():
        path = folder / "groups" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read_grant(folder / "groups", folder / "cgroup")


def test_without_groups_the_machine_is_granted() -> None:
    assert len(os.sched_getaffinity(0)) == WHOLE.cores
    assert WHOLE.memory > 64 * MIB


@pytest.mark.parametrize(
    ("quota", "cores"), [("50000 100000", 1), ("100000 100000", 1), ("max 100000", 0), ("x", 0)]
)
def test_version_2_quotas(tmp_path: pathlib.Path, quota: str, cores: int) -> None:
    assert tree(tmp_path, "0::/\n", **{"cpu.max": quota}).cores == (cores or WHOLE.cores)


@pytest.mark.parametrize(("limit", "memory"), [(f"{100 * MIB}\n", 100 * MIB), ("max\n", 0), ("", 0)])
def test_version_2_memory(tmp_path: pathlib.Path, limit: str, memory: int) -> None:
    assert tree(tmp_path, "0::/\n", **{"memory.max": limit}).memory == (memory or WHOLE.memory)


def test_the_tightest_of_the_groups_around_counts(tmp_path: pathlib.Path) -> None:
    """A pod may grant less than its container asks for."""
    limits = {
        "pod__memory.max": str(90 * MIB),
        "pod__main__memory.max": "max",
        "pod__main__cpu.max": "1000 1000",
    }
    assert tree(tmp_path, "0::/pod/main\n", **limits) == Grant(1, 90 * MIB, WHOLE.descriptors)


@pytest.mark.parametrize("path", ["/", "/docker/0123", "/../../elsewhere"])
def test_version_1(tmp_path: pathlib.Path, path: str) -> None:
    """The outermost folder is the container's own, whatever path it is told of."""
    member = f"4:memory:{path}\n2:cpu,cpuacct:{path}\n1:name=systemd:{path}\n0::{path}\n"
    limits = {
        "memory__memory.limit_in_bytes": str(80 * MIB),
        "cpu__cpu.cfs_quota_us": "100000\n",
        "cpu__cpu.cfs_period_us": "100000\n",
    }
    assert tree(tmp_path, member, **limits) == Grant(1, 80 * MIB, WHOLE.descriptors)


def test_version_1_without_limits(tmp_path: pathlib.Path) -> None:
    limits = {
        "memory__memory.limit_in_bytes": "9223372036854771712",
        "cpu__cpu.cfs_quota_us": "-1",
        "cpu__cpu.cfs_period_us": "100000",
    }
    assert tree(tmp_path, "4:memory:/\n2:cpu:/\n", **limits) == WHOLE


def test_a_large_container() -> None:
    found = size_settings(Settings(), Grant(8, 16384 * MIB))
    assert (found.threads, found.workers, found.admitted, found.cache_bytes) == (8, 16, 64, 64 * MIB)


def test_a_small_container() -> None:
    """Processors do not help where there is no memory for what would use them."""
    found = size_settings(Settings(), Grant(8, 256 * MIB))
    assert (found.threads, found.workers, found.web, found.codecs) == (8, 1, 1, 1)


def test_the_smallest_container_still_works() -> None:
    found = size_settings(Settings(), Grant(1, 64 * MIB))
    assert (found.threads, found.workers, found.admitted, found.cache_bytes) == (1, 1, 4, 0)


def test_what_was_set_stays() -> None:
    chosen = Settings(
        threads=3,
        workers=5,
        admitted=7,
        cache_bytes=0,
        web=2,
        codecs=3,
        connections=9,
        answer_bytes=1 << 20,
        live=2,
    )
    assert size_settings(chosen, Grant(1, 64 * MIB)) == chosen


@pytest.mark.parametrize("memory", [64, 128, 200, 400, 1024, 4096, 65536])
@pytest.mark.parametrize("cores", [1, 2, 8])
def test_all_parts_fit_into_what_is_granted(memory: int, cores: int) -> None:
    """Processes at rest, the cache, answers, and what the kernel may hold of every connection."""
    grant = Grant(cores, memory * MIB)
    found = size_settings(Settings(), grant)
    processes = (
        sizing.BASE_MEMORY
        + found.web * sizing.WEB_MEMORY
        + found.codecs * sizing.CODEC_MEMORY
        + found.workers * sizing.WORKER_MEMORY
    )
    assert found.cache_bytes is not None
    assert found.answer_bytes is not None
    held = found.cache_bytes + found.answer_bytes
    least = sizing.BASE_MEMORY + sizing.WEB_MEMORY + sizing.CODEC_MEMORY + sizing.WORKER_MEMORY
    assert processes + held <= max(grant.memory, least + sizing.LEAST_ANSWERS)


def test_few_descriptors_are_shared_out() -> None:
    found = size_settings(Settings(), Grant(2, 8192 * MIB, 64))
    assert found.admitted is not None
    assert found.connections + sizing.REQUEST_DESCRIPTORS * found.admitted + sizing.OWN_DESCRIPTORS <= 64 + 4
    assert found.admitted >= sizing.LEAST_ADMITTED
