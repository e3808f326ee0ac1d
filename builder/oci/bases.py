"""Which base a plan means, and getting it."""

from __future__ import annotations

from builder.base import debian as suites
from builder.oci.base import Base
from builder.oci.blobs import Blobs
from builder.oci.debian import base as debian_base
from builder.oci.debian import locked, mirrors
from builder.oci.fetch import Fetcher
from builder.plan import Plan
from envspec.errors import OutsideError
from envspec.progress import Progress
from envspec.wheelhouse import Wheelhouse


def obtain(plan: Plan, store: Wheelhouse, blobs: Blobs, fetcher: Fetcher, progress: Progress) -> Base:
    """The base of a plan, its layers in the store of blobs.

    Raises `SpecError` when it cannot have the plan's Python, `OutsideError` when it cannot be had.
    """
    if plan.base.debian:
        return _debian(plan, store, blobs, fetcher, progress)
    raise OutsideError(
        f"image {plan.base.image} cannot be had without an engine: no registry is asked",
        hint=f'[base] debian = "{_suite(plan.python)}" makes a base from Debian packages, with no registry',
    )


def _suite(python: str) -> str:
    return next((suite for suite, version in suites.PYTHON.items() if version == python), "bookworm")


def _debian(plan: Plan, store: Wheelhouse, blobs: Blobs, fetcher: Fetcher, progress: Progress) -> Base:
    wanted = suites.request(plan)
    pockets = mirrors.pockets(wanted.suite)
    packages = plan.base.packages or locked.recall(wanted, pockets, fetcher)
    if not all(map(store.has, packages)):
        progress.step(f"fetch Debian {wanted.suite}")
        locked.fetch(packages, pockets, store, fetcher)
    layer = debian_base.layer(wanted.suite, packages, plan.machine, store, blobs)
    python = next((package.version for package in packages if package.name == f"python{plan.python}"), "")
    return Base(
        name=f"debian:{wanted.suite}",
        machine=suites.ARCHITECTURE[plan.machine],
        layers=(layer,),
        version=python.partition(":")[2].partition("-")[0] if ":" in python else python.partition("-")[0],
    )
