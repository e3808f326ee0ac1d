"""What a base of Debian packages is made of, as a plan or a lock asks for it."""

from __future__ import annotations

import pathlib
import re

from builder.values.plan import Plan
from envspec.lockfile.lock import Lock
from envspec.spec.model import Part, digest_of
from envspec.system.errors import Problem, SpecError
from envspec.system.process import Words

EPOCH = "1577836800"
"""SOURCE_DATE_EPOCH of every base, 2020-01-01: no file's time says when it was made."""


PYTHON = {"bullseye": "3.9", "bookworm": "3.11", "trixie": "3.13"}
"""The Python of each suite. Source: the suites' own package lists."""


ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}
"""Debian's name of a processor."""


MIRROR = "ENVSPEC_DEBIAN_MIRROR"
"""Environment variable with the address of the archive to take packages from; never part of the base."""


APT = re.compile(r"[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?")
"""What may stand in `[base] apt`: a package, and maybe its version."""


ALWAYS = ("ca-certificates", "python3")


LEFT_OUT = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/lintian/*",
)
"""Files that no service reads; licences are kept."""


class Request(Part):
    """What a base is made of."""

    suite: str
    python: str
    machine: str
    apt: tuple[str, ...]

    @property
    def key(self) -> str:
        """Name of its content: equal requests give equal keys."""
        recipe = {"command": [str(word) for word in command(self, pathlib.Path("base"))], "epoch": EPOCH}
        digest = digest_of({"request": self.model_dump(mode="json"), "recipe": recipe})
        return f"{self.suite}-{digest.removeprefix('sha256:')[:12]}"


def request(plan: Plan | Lock) -> Request:
    """What a plan, or a lock, with a `debian` base asks for.

    Raises `SpecError` when that suite has another Python, or is not known.
    """
    suite = plan.base.debian or ""
    if (has := PYTHON.get(suite)) != plan.python:
        known = ", ".join(f"{name} (Python {version})" for name, version in PYTHON.items())
        what = f"Debian {suite} has Python {has}" if has else f"{suite!r} is no suite that this program knows"
        problem = Problem(path="base.debian", message=f"{what}, the spec wants {plan.python}")
        raise SpecError("the plan", (problem,), hint=f"known suites: {known}; or give [base] an image")
    return Request(suite=suite, python=plan.python, machine=plan.machine, apt=packages(plan))


def packages(plan: Plan | Lock) -> tuple[str, ...]:
    """The Debian packages that a base has besides. Raises `SpecError` for what is no package's name."""
    for name in plan.base.apt:
        if not APT.fullmatch(name):
            raise SpecError("the plan", (Problem(path="base.apt", message=f"{name!r} is no package"),))
    return tuple(sorted(plan.base.apt))


def reference(wanted: Request) -> str:
    """Name of the base's image in an engine."""
    return f"envspec/base:{wanted.key}"


def command(wanted: Request, target: pathlib.Path) -> Words:
    """mmdebstrap's command line. What would say where and how it ran is left out of the result."""
    words: Words = ["mmdebstrap", "--format=tar", "--variant=minbase", "--quiet"]
    words += [f"--architectures={ARCHITECTURE[wanted.machine]}"]
    words += [f"--include={','.join((*ALWAYS, *wanted.apt))}"]
    words += ["--aptopt=APT::Install-Recommends false"]
    # Where a suite wants /usr merged, it is so from the start: the program that merges brings 46 MB of Perl.
    words += ["--hook-directory=/usr/share/mmdebstrap/hooks/maybe-merged-usr"]
    words += [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    words += ["--dpkgopt=path-include=/usr/share/doc/*/copyright"]
    words += ['--customize-hook=rm -f "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/resolv.conf']
    words += ['--customize-hook=rm -f "$1"/etc/hostname "$1"/var/cache/ldconfig/aux-cache']
    words += [
        '--customize-hook=rm -rf "$1"/var/log/* "$1"/var/cache/apt/archives "$1"/var/cache/debconf/*-old'
    ]
    # Which archive it was made from is this machine's business: the base names none.
    words += ['--customize-hook=rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d']
    return [*words, wanted.suite, target]
