"""The base of a plan with a Debian suite: its packages found, fetched and laid out as one layer.

Both backends that make images take their base from here, so one lock means one base, to the last byte.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from builder.debian.layer import known_layer, make_layer, packages_key
from builder.debian.request import DebianRequest, debian_request
from builder.oci.store.blobs import Blobs, Layer
from builder.values.plan import Plan
from envspec.lockfile.lock import DebianPackage
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.progress import Progress

if TYPE_CHECKING:
    from builder.oci.store.network import Fetcher

MakeFetcher = Callable[[], "Fetcher"]
"""Gives what asks the network; called only when something is missing: pip's settings take their time."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class DebianBase:
    """A base made of Debian packages."""

    suite: str
    packages: tuple[DebianPackage, ...]
    """By name: those of the lock, or as this machine found them first where the lock lists none."""
    layer: Layer
    """The whole of it, in the store of blobs."""


def obtain_base(
    plan: Plan, store: Wheelhouse, blobs: Blobs, network: MakeFetcher, progress: Progress
) -> DebianBase:
    """The base of a plan with a `debian` base, its packages in the wheelhouse and its layer in the store.

    Raises `SpecError` when that suite has another Python, `DebError` for a package that must not be unpacked,
    and `OutsideError` when a package cannot be had.
    """
    request = debian_request(plan)
    packages = plan.base.packages or _packages_found_first(request, network)
    layer = known_layer(packages, plan.machine, blobs)
    if layer is None:
        _fetch_missing(request.suite, packages, store, network, progress)
        layer = make_layer(request.suite, packages, plan.machine, store, blobs)
    return DebianBase(suite=request.suite, packages=packages, layer=layer)


def base_image_name(plan: Plan) -> str:
    """Name of the base's image in an engine: equal packages, laid out in the same way, give equal names.

    A lock that lists no packages has a name by what it asks for; what an engine has under such a name is
    compared with the layer before it is used. Raises `SpecError` when that suite has another Python.
    """
    request = debian_request(plan)
    key = packages_key(plan.base.packages, plan.machine) if plan.base.packages else request.key
    return f"envspec/base:{request.suite}-{key[:12]}"


def _packages_found_first(request: DebianRequest, network: MakeFetcher) -> tuple[DebianPackage, ...]:
    from builder.debian import locked, mirrors  # most locks list their packages

    return locked.recall_packages(request, lambda: mirrors.archive_pockets(request.suite), network)


def _fetch_missing(
    suite: str,
    packages: Sequence[DebianPackage],
    store: Wheelhouse,
    network: MakeFetcher,
    progress: Progress,
) -> None:
    if all(map(store.has, packages)):
        return
    from builder.debian import locked, mirrors

    progress.step(f"fetch Debian {suite}")
    locked.fetch_packages(packages, mirrors.archive_pockets(suite), store, network())
