"""What a base of Debian packages is asked to be, as a plan or a lock says it."""

from __future__ import annotations

import re

from builder.values.plan import Plan
from envspec.lockfile.lock import Lock
from envspec.spec.model import digest_of
from envspec.spec.part import Part
from envspec.system.errors import Problem, SpecError

PYTHON = {"bullseye": "3.9", "bookworm": "3.11", "trixie": "3.13"}
"""The Python of each suite. Source: the suites' own package lists."""

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
    def key(self) -> str:
        """A digest: equal requests, read by the same rules, give equal keys."""
        rules = {
            "request": self.model_dump(mode="json"),
            "roots": ROOTS,
            "without": sorted(SCRIPTS_ONLY),
        }
        return digest_of(rules).removeprefix("sha256:")


def debian_request(asker: Plan | Lock) -> DebianRequest:
    """What a plan, or a lock, with a `debian` base asks for.

    Raises `SpecError` when that suite has another Python, or is not known.
    """
    suite = asker.base.debian or ""
    if (has := PYTHON.get(suite)) != asker.python:
        known = ", ".join(f"{name} (Python {version})" for name, version in PYTHON.items())
        what = f"Debian {suite} has Python {has}" if has else f"{suite!r} is no suite that this program knows"
        problem = Problem(path="base.debian", message=f"{what}, the spec wants {asker.python}")
        raise SpecError("the plan", (problem,), hint=f"known suites: {known}; or give [base] an image")
    return DebianRequest(suite=suite, python=asker.python, machine=asker.machine, apt=apt_packages(asker))


def apt_packages(asker: Plan | Lock) -> tuple[str, ...]:
    """The Debian packages that a base has besides. Raises `SpecError` for what is no package's name."""
    for name in asker.base.apt:
        if not APT.fullmatch(name):
            raise SpecError("the plan", (Problem(path="base.apt", message=f"{name!r} is no package"),))
    return tuple(sorted(asker.base.apt))


def suite_with_python(python: str) -> str:
    """The suite of that Python, for hints; bookworm where there is none."""
    return next((suite for suite, version in PYTHON.items() if version == python), "bookworm")
