"""A base bootstrapped from Debian's packages with mmdebstrap: no container registry, no network afterwards.

<home>/bases/<suite>-<key>.tar      the root file system, whole or absent

The same request on the same state of the archive gives the same bytes; a request made before is not made
again, so the archive's later changes come in only when the file is deleted.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
from collections.abc import Mapping

from builder.plan import Plan
from envspec.errors import OutsideError, Problem, SpecError
from envspec.home import disk, home, locked
from envspec.lock import Lock
from envspec.machine import Machine
from envspec.process import Completed, Words, run
from envspec.progress import Progress
from envspec.spec import Part, digest_of

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

_NOT_THERE_YET = re.compile(
    r"Unable to locate package (\S+)|Package '?(\S+?)'? has no installation candidate"
)


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


def tarball(wanted: Request, machine: Machine, progress: Progress) -> pathlib.Path:
    """The base's root file system, made now if it was not made before.

    Raises `OutsideError` when mmdebstrap is missing or the archive cannot be reached.
    """
    place = home() / "bases" / f"{wanted.key}.tar"
    with disk(place), locked(place):
        if not place.is_file():
            progress.step(f"bootstrap Debian {wanted.suite}")
            _bootstrap(wanted, machine, place)
    return place


def _bootstrap(wanted: Request, machine: Machine, place: pathlib.Path) -> None:
    if shutil.which("mmdebstrap") is None:
        raise OutsideError(
            "mmdebstrap, which makes a base from Debian packages, is not on this machine",
            hint="apt-get install mmdebstrap; or give [base] an image that your engine has or can pull",
        )
    building = place.with_name(f".{place.name}")
    try:
        mirror = [os.environ[MIRROR]] if MIRROR in os.environ else []
        done = run([*command(wanted, building), *mirror], env=environment(machine), timeout=1800)
        if not done.ok:
            raise _failure(wanted, done)
        building.replace(place)
    finally:
        building.unlink(missing_ok=True)


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


def environment(machine: Machine) -> Mapping[str, str]:
    """Variables of the bootstrap: the proxy and certificates of this machine, and a fixed time."""
    return {**machine.environment(), "SOURCE_DATE_EPOCH": EPOCH, "LC_ALL": "C.UTF-8"}


def _failure(wanted: Request, done: Completed) -> OutsideError:
    if missing := _NOT_THERE_YET.search(done.stderr):
        package = missing[1] or missing[2]
        return OutsideError(
            f"Debian {wanted.suite} has no package {package}", hint="correct its name in [base] apt"
        )
    if "cannot allocate" in done.stderr or "newuidmap" in done.stderr or "unshare" in done.stderr:
        return OutsideError(
            f"mmdebstrap may not make a root file system here\n{done.tail}",
            hint="run as root, or allow user namespaces (and install uidmap)",
        )
    return OutsideError(
        f"Debian {wanted.suite} could not be bootstrapped\n{done.tail}",
        hint=f"is its archive reachable? {MIRROR} names another one; a proxy is taken from pip's settings",
    )
