"""What a base of Debian packages is asked to be, as a plan or a lock says it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from builder.values.plan import Plan
from envspec.lockfile.lock import DebianPackage, Lock
from envspec.spec.model import digest_of
from envspec.spec.part import Part
from envspec.system.errors import THE_SPEC, Problem, SpecError
from envspec.system.quoting import listed

PYTHON = {
    "bullseye": ("3.9",),
    "bookworm": ("3.11",),
    "trixie": ("3.13",),
    "forky": ("3.14", "3.13", "3.15"),
}
"""The Pythons of each suite, the one that it calls `python3` first. Source: the suites' own package lists."""

MIRROR = "ENVSPEC_DEBIAN_MIRROR"
"""Environment variable with the address of the archive to take packages from; never part of the base."""

APT = re.compile(r"[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?")
"""What may stand in `[base] apt`: a package, and maybe its version."""

ROOTS = (
    "base-files",
    "base-passwd",
    "ca-certificates",
    "dash",
    "libc-bin",
    "libstdc++6",
    "netbase",
    "python3",
    "tzdata",
    "zlib1g",
)
"""What every base has: its names and users, certificates, a shell, Python and the time zones, and the two
libraries beside glibc's own that wheels may count on (PEP 600's policy) and that Debian's images have."""

SCRIPTS_ONLY = frozenset(
    {
        "adduser",
        "awk",
        "cdebconf",
        "debconf",
        "debconf-2.0",
        "debianutils",
        "dpkg",
        "init-system-helpers",
        "install-info",
        "ucf",
    }
)
"""Packages that others depend on for their maintainer scripts alone, which are never run here."""


class DebianRequest(Part):
    """What a base of Debian packages is asked to be."""

    suite: str
    python: str
    machine: str
    """The processor, as specs name it."""
    apt: tuple[str, ...]
    """Packages besides those that every base has."""

    @property
    def roots(self) -> tuple[str, ...]:
        """The packages that it has whatever is asked for, `ROOTS` with the Python that is wanted."""
        own = self.python == PYTHON[self.suite][0]
        return tuple(name if own or name != "python3" else f"python{self.python}" for name in ROOTS)

    @property
    def key(self) -> str:
        """A digest: equal requests, read by the same rules, give equal keys."""
        rules = {
            "request": self.model_dump(mode="json"),
            "roots": self.roots,
            "without": sorted(SCRIPTS_ONLY),
        }
        return digest_of(rules).removeprefix("sha256:")


def debian_request(asker: Plan | Lock) -> DebianRequest:
    """What a plan, or a lock, with a `debian` base asks for.

    Raises `SpecError` when that suite has another Python, or is not known.
    """
    suite = asker.base.debian or ""
    if asker.python not in (has := PYTHON.get(suite, ())):
        known = ", ".join(f"{name} (Python {', '.join(all_of)})" for name, all_of in PYTHON.items())
        what = (
            f"Debian {suite} has Python {listed(has)}"
            if has
            else f"{suite!r} is no suite that this program knows"
        )
        problem = Problem(path="base.debian", message=f"{what}, the spec wants {asker.python}")
        raise SpecError(THE_SPEC, (problem,), hint=f"known suites: {known}; or give [base] an image")
    return DebianRequest(suite=suite, python=asker.python, machine=asker.machine, apt=apt_packages(asker))


def apt_packages(asker: Plan | Lock) -> tuple[str, ...]:
    """The Debian packages that a base has besides. Raises `SpecError` for what is no package's name."""
    for name in asker.base.apt:
        if not APT.fullmatch(name):
            raise SpecError(THE_SPEC, (Problem(path="base.apt", message=f"{name!r} is no package"),))
    return tuple(sorted(asker.base.apt))


def debian_hint(python: str, what: str) -> str:
    """What to do for want of an image: the suite that has that Python does `what`, where there is one."""
    suite = next((suite for suite, versions in PYTHON.items() if python in versions), None)
    if suite is None:
        return f"name an image that can be had and that has python{python}: no Debian suite has it"
    return f'[base] debian = "{suite}" {what}'


def python_release(packages: Iterable[DebianPackage], python: str) -> str:
    """The upstream version of that Python among the packages of a base; empty where it is not there."""
    found = next((each.version for each in packages if each.name == f"python{python}"), "")
    return found.rpartition(":")[2].partition("-")[0]
