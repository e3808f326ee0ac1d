"""Which base a plan means, and getting it."""

from __future__ import annotations

import pathlib

import pydantic

from builder.base import debian as suites
from builder.oci import pulled, reference
from builder.oci.base import Base
from builder.oci.blobs import Blobs
from builder.oci.credentials import stored
from builder.oci.debian import base as debian_base
from builder.oci.debian import locked, mirrors
from builder.oci.fetch import Network
from builder.oci.registry import Registry
from builder.plan import Plan
from envspec.errors import OutsideError
from envspec.home import write_atomic
from envspec.progress import Progress
from envspec.spec import digest_of
from envspec.wheelhouse import Wheelhouse


def obtain(plan: Plan, store: Wheelhouse, blobs: Blobs, network: Network, progress: Progress) -> Base:
    """The base of a plan, its layers in the store of blobs.

    Raises `SpecError` when it cannot have the plan's Python, `OutsideError` when it cannot be had.
    """
    if plan.base.debian:
        return _debian(plan, store, blobs, network, progress)
    if plan.base.apt:
        raise OutsideError(
            f"Debian packages cannot be added to image {plan.base.image} without an engine",
            hint=f'[base] debian = "{_suite(plan.python)}" takes them, and needs no registry either',
        )
    try:
        return _pulled(plan, blobs, network, progress)
    except OutsideError as error:
        raise OutsideError(
            f"image {plan.base.image} cannot be had: {error.message}",
            hint=f'[base] debian = "{_suite(plan.python)}" makes a base from Debian packages',
        ) from error


def _pulled(plan: Plan, blobs: Blobs, network: Network, progress: Progress) -> Base:
    """The image of the plan, remembered by its digest: that one is never asked for again."""
    name, machine = plan.base.image or "", suites.ARCHITECTURE[plan.machine]
    key = digest_of([name, plan.base.digest, machine, plan.python]).removeprefix("sha256:")
    file = blobs.root / "bases" / f"{key}.json"
    known = _known(file) if plan.base.digest else None
    if known is not None and all(map(blobs.has, known.layers)):
        return known
    progress.step(f"pull {name}")
    found = reference.parse(name, plan.base.digest)
    with network.session() as session:
        asked = Registry(found, session, stored)
        base = pulled.pull(name, found.target, machine, plan.python, asked, blobs, progress)
    write_atomic(file, base.model_dump_json())
    return base


def _known(file: pathlib.Path) -> Base | None:
    try:
        return Base.model_validate_json(file.read_bytes())
    except (OSError, pydantic.ValidationError):
        return None


def _suite(python: str) -> str:
    return next((suite for suite, version in suites.PYTHON.items() if version == python), "bookworm")


def _debian(plan: Plan, store: Wheelhouse, blobs: Blobs, network: Network, progress: Progress) -> Base:
    wanted = suites.request(plan)
    pockets = mirrors.pockets(wanted.suite)
    packages = plan.base.packages or locked.recall(wanted, pockets, network)
    if not all(map(store.has, packages)):
        progress.step(f"fetch Debian {wanted.suite}")
        locked.fetch(packages, pockets, store, network)
    layer = debian_base.layer(wanted.suite, packages, plan.machine, store, blobs)
    python = next((package.version for package in packages if package.name == f"python{plan.python}"), "")
    return Base(
        name=f"debian:{wanted.suite}",
        machine=suites.ARCHITECTURE[plan.machine],
        layers=(layer,),
        version=python.partition(":")[2].partition("-")[0] if ":" in python else python.partition("-")[0],
    )
