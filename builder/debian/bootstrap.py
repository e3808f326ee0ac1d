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

from builder.debian.request import EPOCH, MIRROR, Request, command
from envspec.supply.pip_settings import Machine
from envspec.system.errors import OutsideError
from envspec.system.home import disk, home, locked
from envspec.system.process import Completed, run
from envspec.system.progress import Progress

_NOT_THERE_YET = re.compile(
    r"Unable to locate package (\S+)|Package '?(\S+?)'? has no installation candidate"
)


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
