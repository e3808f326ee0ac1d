"""What packages require: from the wheel if it is stored, else from the index (PEP 658), kept by sha256."""

from __future__ import annotations

import contextlib

from envspec.lockfile.lock import File
from envspec.supply.core_metadata import WheelMetadata, parse_metadata
from envspec.supply.listings import read_metadata
from envspec.supply.page import RemoteFile
from envspec.supply.ranges import remote_metadata
from envspec.supply.sources import Sources
from envspec.supply.wheel import Wheel
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.disk import DiskError
from envspec.system.errors import OutsideError
from envspec.system.home import tool_home
from envspec.system.kept import Kept

_BYTES = "latin-1"
"""A text for any bytes: some packages write theirs in no encoding at all."""

_LARGE = 20 << 20
"""Bytes of a wheel from which on its metadata are read out of it, where its server gives parts of files."""


def of_wheel(wheel: File, store: Wheelhouse) -> bytes:
    """METADATA of a stored wheel. Raises `WheelError` when it cannot be read."""
    with Wheel(store.path(wheel)) as opened:
        return opened.read(f"{opened.dist_info}/METADATA")


def wheel_metadata(
    wheel: File, remote: RemoteFile | None, *, store: Wheelhouse, sources: Sources
) -> WheelMetadata:
    """What `wheel` says of itself. Fetches the whole wheel only where its index cannot serve the part.

    Raises `OutsideError`.
    """
    kept: Kept[str] = Kept(tool_home() / "metadata", str, packed=True)
    key = f"{wheel.sha256[:2]}/{wheel.sha256}"
    known = kept.get(key)
    if known is not None:
        return parse_metadata(known.encode(_BYTES))
    if remote is not None and not store.has(wheel):
        remote = sources.meant(remote)
    data = None if store.has(wheel) or remote is None else _served(remote, sources)
    if data is None and remote is not None and wheel.size >= _LARGE:
        data = _in_part(wheel, remote, store, sources)
    if data is None:
        if remote is not None and not store.has(wheel):
            store.bring(remote, wheel, sources)
        data = of_wheel(wheel, store)
    try:
        found = parse_metadata(data)
    except ValueError as error:
        raise OutsideError(
            f"{wheel.file} does not say what it is: {error}", hint="pin another version, or another index"
        ) from error
    with contextlib.suppress(DiskError):  # it costs the next run time, and this one nothing
        kept.put(key, data.decode(_BYTES))
    return found


def _served(remote: RemoteFile, sources: Sources) -> bytes | None:
    if not remote.url.startswith("http") or sources.offline:
        return None
    try:
        data = read_metadata(remote, sources.session)
    except OutsideError:
        return None
    return data if data is not None and data.startswith(b"Metadata-Version") else None


def _in_part(wheel: File, remote: RemoteFile, store: Wheelhouse, sources: Sources) -> bytes | None:
    if not remote.url.startswith("http") or sources.offline or store.has(wheel):
        return None
    try:
        return remote_metadata(wheel, remote, sources)
    except OutsideError:
        return None
