"""The target: the Python and platform an environment is for, which need not be this machine's."""

from __future__ import annotations

import dataclasses
import functools
import platform
import re
from collections.abc import Iterator, Mapping

from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags, platform_tags
from packaging.utils import parse_wheel_filename

from envspec.spec.model import Spec
from envspec.spec.python_images import suite_of
from envspec.spec.types import Libc
from envspec.system.machine import want_linux

GLIBC = {
    "bullseye": (2, 31),
    "bookworm": (2, 36),
    "trixie": (2, 41),
    "forky": (2, 43),
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

MUSL = (1, 2)
"""Assumed of every base on musl. Source: Alpine's package lists; it has musl 1.2 since its 3.13 of 2021."""

_ON_MUSL = re.compile(r"(?<![a-z0-9])(alpine|musl)(?![a-z])")
"""Names of images that stand on musl, tags included: `python:3.12-alpine3.20`."""

_LEGACY = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
"""Names of platform tags before PEP 600."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A CPython on Linux with one C library: `glibc` or `musl` has its version, and the other is None."""

    python: str
    """Its line, such as `3.11`, or `3.14t` for a free-threaded build."""
    machine: str
    """`x86_64` or `aarch64`."""
    glibc: tuple[int, int] | None = None
    musl: tuple[int, int] | None = None
    patch: int | None = None
    """The one release of its line that is wanted; None where every one will do."""

    @property
    def platform(self) -> str:
        """Platform tag of PEP 600 or PEP 656: `manylinux_2_36_x86_64`, `musllinux_1_2_x86_64`."""
        return next(self.platforms())

    @property
    def libc(self) -> str:
        """The C library in words: `glibc 2.36`, `musl 1.2`."""
        return libc_words(self.glibc, self.musl)

    @property
    def version(self) -> tuple[int, int]:
        """The minor version of `python` as numbers."""
        major, minor = self._minor.split(".")
        return int(major), int(minor)

    @property
    def free_threaded(self) -> bool:
        """Whether it is a build without a global interpreter lock."""
        return self.python.endswith("t")

    @property
    def _minor(self) -> str:
        return self.python.removesuffix("t")

    def tags(self) -> tuple[Tag, ...]:
        """Tags of wheels that run here, best first.

        Free-threaded builds take none of the stable ABI of other builds (abi3), but from 3.15 on that of
        PEP 803 (abi3t).
        """
        platforms = list(self.platforms())
        interpreter = f"cp{self._minor.replace('.', '')}"
        return (
            *cpython_tags(self.version, abis=[self.abi], platforms=platforms),
            *compatible_tags(self.version, interpreter=interpreter, platforms=platforms),
        )

    @property
    def abi(self) -> str:
        """Tag of the ABI of its extension modules: `cp311`, `cp314t`, and `cp37m` for what was before 3.8."""
        return f"cp{self.python.replace('.', '')}" + "m" * (self.version < (3, 8))

    def platforms(self) -> Iterator[str]:
        """Platform tags of wheels that run here, newest first."""
        if self.musl is not None:  # source: PEP 656
            for minor in range(self.musl[1], -1, -1):
                yield f"musllinux_{self.musl[0]}_{minor}_{self.machine}"
        for minor in range(self.glibc[1], 4, -1) if self.glibc is not None else ():
            yield f"manylinux_2_{minor}_{self.machine}"
            if legacy := _LEGACY.get((2, minor)):
                yield f"{legacy}_{self.machine}"
        yield f"linux_{self.machine}"

    def rank(self, file_name: str) -> int | None:
        """How well the wheel of that name fits, 0 is best; None when it cannot run here."""
        ranks = _ranks(self)
        fitting = [ranks[tag] for tag in parse_wheel_filename(file_name)[3] if tag in ranks]
        return min(fitting, default=None)

    @property
    def release(self) -> str:
        """The full version that markers are judged by. A patch level that is left open counts as 0."""
        return f"{self._minor}.{self.patch or 0}"

    @property
    def newest(self) -> str:
        """The newest release that it may be: what a package asks of Python is asked of that."""
        return f"{self._minor}.99" if self.patch is None else self.release

    def markers(self) -> dict[str, str]:
        """Environment for PEP 508 markers."""
        return {
            "implementation_name": "cpython",
            "implementation_version": self.release,
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": self.release,
            "python_version": self._minor,
            "sys_platform": "linux",
        }

    def wants(self, marker: Marker | None, extras: frozenset[str] = frozenset()) -> bool:
        """Whether a requirement with that marker counts here, for a package taken with `extras`."""
        if marker is None:
            return True
        return any(marker.evaluate({**self.markers(), "extra": extra}) for extra in ("", *sorted(extras)))


def libc_words(glibc: tuple[int, int] | None, musl: tuple[int, int] | None) -> str:
    """A C library and its version, of which one is known: `glibc 2.36`, `musl 1.2`."""
    name, version = ("musl", musl) if musl is not None else ("glibc", glibc or (0, 0))
    return f"{name} {'.'.join(map(str, version))}"


@functools.lru_cache(maxsize=64)
def _ranks(target: Target) -> Mapping[Tag, int]:
    """Places of the target's tags, 0 is best: a list of some thousand, made once for all wheels."""
    return {tag: number for number, tag in enumerate(target.tags())}


def target_of(spec: Spec, libc: Libc | None = None) -> Target:
    """The target that a spec means; `libc` is what its base was seen to have, where somebody looked.

    Raises `OutsideError` where that is this machine, and it is no Linux.
    """
    wish = spec.python_wish
    if spec.base.host:
        want_linux(
            "`[base] host = true` means this machine, which has to run Linux",
            hint="give [base] a debian suite or an image",
        )
        return dataclasses.replace(host_target(wish.line), machine=spec.machine, patch=wish.patch)
    found = libc or spec.base.libc or _libc_by_name(spec)
    return Target(
        python=wish.line,
        machine=spec.machine,
        glibc=_release(spec) if found == "glibc" else None,
        musl=MUSL if found == "musl" else None,
        patch=wish.patch,
    )


def _libc_by_name(spec: Spec) -> Libc:
    name = (spec.image or "").partition("@")[0]
    return "musl" if spec.base.debian is None and _ON_MUSL.search(name) else "glibc"


def _release(spec: Spec) -> tuple[int, int]:
    image = spec.image or ""
    place = spec.base.debian or suite_of(image) or image.partition("@")[0]
    return next((glibc for release, glibc in GLIBC.items() if release in place), OLDEST_SUPPORTED)


def host_target(python: str) -> Target:
    """The machine that this program runs on, with that Python; glibc (0, 0) where it cannot be told."""
    musl = None
    if platform.libc_ver()[0] != "glibc":
        found = (re.match(r"musllinux_(\d+)_(\d+)_", tag) for tag in platform_tags())
        musl = next(((int(match[1]), int(match[2])) for match in found if match), None)
    glibc = host_glibc() if musl is None else None
    return Target(python=python, machine=platform.machine(), glibc=glibc, musl=musl)


def host_glibc() -> tuple[int, int]:
    """Version of glibc on this machine; (0, 0) where there is none."""
    name, version = platform.libc_ver()
    if name != "glibc":
        return 0, 0
    major, minor, *_ = version.split(".")
    return int(major), int(minor)
