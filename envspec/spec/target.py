"""The target: the Python and platform an environment is for, which need not be this machine's."""

from __future__ import annotations

import dataclasses
import functools
import platform
from collections.abc import Iterator, Mapping

from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from envspec.spec.model import Spec
from envspec.system.machine import want_linux

GLIBC = {
    "bullseye": (2, 31),
    "bookworm": (2, 36),
    "trixie": (2, 41),
    "focal": (2, 31),
    "jammy": (2, 35),
    "noble": (2, 39),
    "20.04": (2, 31),
    "22.04": (2, 35),
    "24.04": (2, 39),
}
"""Version of glibc by the release name that image tags carry. Source: the releases' own package lists."""

OLDEST_SUPPORTED = (2, 28)
"""Assumed for images whose release cannot be told: the oldest glibc that today's wheels are built for."""

_LEGACY = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
"""Names of platform tags before PEP 600."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A CPython on glibc Linux."""

    python: str
    """Minor version, such as `3.11`."""
    machine: str
    """`x86_64` or `aarch64`."""
    glibc: tuple[int, int]

    @property
    def platform(self) -> str:
        """Platform tag of PEP 600, such as `manylinux_2_36_x86_64`."""
        return f"manylinux_{self.glibc[0]}_{self.glibc[1]}_{self.machine}"

    @property
    def version(self) -> tuple[int, int]:
        """`python` as numbers."""
        major, minor = self.python.split(".")
        return int(major), int(minor)

    def tags(self) -> tuple[Tag, ...]:
        """Tags of wheels that run here, best first."""
        platforms = list(self.platforms())
        interpreter = f"cp{''.join(self.python.split('.'))}"
        return (
            *cpython_tags(self.version, platforms=platforms),
            *compatible_tags(self.version, interpreter=interpreter, platforms=platforms),
        )

    def platforms(self) -> Iterator[str]:
        """Platform tags of wheels that run here, newest first."""
        for minor in range(self.glibc[1], 4, -1):
            yield f"manylinux_2_{minor}_{self.machine}"
            if legacy := _LEGACY.get((2, minor)):
                yield f"{legacy}_{self.machine}"
        yield f"linux_{self.machine}"

    def rank(self, file_name: str) -> int | None:
        """How well the wheel of that name fits, 0 is best; None when it cannot run here."""
        ranks = _ranks(self)
        fitting = [ranks[tag] for tag in parse_wheel_filename(file_name)[3] if tag in ranks]
        return min(fitting, default=None)

    def markers(self) -> dict[str, str]:
        """Environment for PEP 508 markers. The patch level, unknown before the base is, counts as 0."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }

    def wants(self, marker: Marker | None, extras: frozenset[str] = frozenset()) -> bool:
        """Whether a requirement with that marker counts here, for a package taken with `extras`."""
        if marker is None:
            return True
        return any(marker.evaluate({**self.markers(), "extra": extra}) for extra in ("", *sorted(extras)))


@functools.lru_cache(maxsize=64)
def _ranks(target: Target) -> Mapping[Tag, int]:
    """Places of the target's tags, 0 is best: a list of some thousand, made once for all wheels."""
    return {tag: number for number, tag in enumerate(target.tags())}


def target_of(spec: Spec) -> Target:
    """The target that a spec means. Raises `OutsideError` where that is this machine, and it is no Linux."""
    if spec.base.host:
        want_linux(
            "`[base] host = true` means this machine, which has to run Linux",
            hint="give [base] a debian suite or an image",
        )
    glibc = host_glibc() if spec.base.host else _release(spec)
    return Target(python=spec.python, machine=spec.machine, glibc=glibc)


def _release(spec: Spec) -> tuple[int, int]:
    place = spec.base.debian or (spec.image or "").partition("@")[0]
    return next((glibc for release, glibc in GLIBC.items() if release in place), OLDEST_SUPPORTED)


def host_glibc() -> tuple[int, int]:
    """Version of glibc on this machine; (0, 0) where there is none."""
    name, version = platform.libc_ver()
    if name != "glibc":
        return 0, 0
    major, minor, *_ = version.split(".")
    return int(major), int(minor)
