"""What installing a wheel puts where, as pip would put it; nothing is written here.

Source: the binary distribution format's installation rules (packaging.python.org), and pip's own order.
"""

from __future__ import annotations

import base64
import configparser
import csv
import dataclasses
import hashlib
import io
import posixpath
import re
import zlib
from collections.abc import Callable, Iterator

from installer.scripts import Script
from installer.utils import parse_entrypoints

from builder.oci.store import tar
from builder.wheels.packed import PackedWheel
from builder.wheels.prefix import Prefix
from envspec.supply.wheel import WheelError

INSTALLER = "envspec"
"""What the INSTALLER file says, as PEP 627 asks."""

_SCRIPT_NAME = re.compile(r"[^/\\\0]*[^/\\\0.][^/\\\0]*")
_LONGEST = 240  # bytes of one name: file systems end at 255


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class InstalledFile:
    """One file of an installed wheel."""

    path: str
    """Below the image's root, without a leading `/`."""
    executable: bool
    source: str | bytes
    """Name of the wheel's member that it is, or its content where that is made here."""
    identity: tuple[int, int]
    """Size and CRC-32: equal ones mean equal contents."""

    @property
    def size(self) -> int:
        """Bytes."""
        return self.identity[0]


def installed_files(
    wheel: PackedWheel, prefix: Prefix, trimmed: Callable[[str], bool] = lambda _: False
) -> tuple[InstalledFile, ...]:
    """Every file that the wheel becomes, by path; `trimmed` says which below site-packages stay out.

    Raises `WheelError` for a wheel that no installer should take.
    """
    found = {item.path: item for item in _members(wheel, prefix)}
    for item in _entry_points(wheel, prefix):
        found[item.path] = item
    site = f"{prefix.site[1:]}/"
    kept = {
        path: item
        for path, item in found.items()
        if not (path.startswith(site) and trimmed(path.removeprefix(site)))
    }
    info = f"{site}{wheel.dist_info}"
    record = f"{info}/RECORD"
    kept.pop(record, None)
    mark = f"{info}/INSTALLER"
    kept[mark] = _made(mark, f"{INSTALLER}\n".encode())
    kept[record] = _made(record, _record(wheel, prefix, kept, record))
    _refuse_inside_files(wheel, kept)
    return tuple(kept[path] for path in sorted(kept))


def _members(wheel: PackedWheel, prefix: Prefix) -> Iterator[InstalledFile]:
    for entry in wheel.entries:
        path, script = _target(wheel, prefix, entry.name)
        if script and (body := _with_interpreter(wheel, entry.name, prefix)) is not None:
            yield _made(path, body, executable=True)
            continue
        yield InstalledFile(
            path=path,
            executable=script or wheel.executable(entry.name),
            source=entry.name,
            identity=wheel.identity(entry.name),
        )


def _target(wheel: PackedWheel, prefix: Prefix, name: str) -> tuple[str, bool]:
    """Where a member goes, and whether it is one of the wheel's scripts."""
    top, _, rest = name.partition("/")
    if not top.endswith(".data") or not rest:
        return f"{prefix.site}/{name}"[1:], False
    if top.removesuffix(".data") != wheel.dist_info.removesuffix(".dist-info"):
        raise WheelError(wheel.file.name, f"{top} is no data folder of this wheel")
    scheme, _, inner = rest.partition("/")
    try:
        folder = prefix.scheme(scheme, wheel.metadata.name)
    except KeyError as error:
        raise WheelError(wheel.file.name, f"{name!r} asks for an unknown place") from error
    return f"{folder}/{inner}"[1:], scheme == "scripts"


def _with_interpreter(wheel: PackedWheel, name: str, prefix: Prefix) -> bytes | None:
    """The script with the target's interpreter in its first line; None where it does not ask for one."""
    body = next(wheel.plain(name), b"")
    if not body.startswith(b"#!python"):
        return None
    rest = wheel.read(name).partition(b"\n")[2]  # arguments of the first line go, as with pip
    return b"#!" + prefix.python.encode() + b"\n" + rest


def _entry_points(wheel: PackedWheel, prefix: Prefix) -> Iterator[InstalledFile]:
    member = f"{wheel.dist_info}/entry_points.txt"
    if member not in wheel:
        return
    try:
        declared = list(parse_entrypoints(wheel.text(member)))
    except (configparser.Error, ValueError, AssertionError, AttributeError, KeyError) as error:
        raise WheelError(wheel.file.name, f"entry_points.txt cannot be read ({error})") from error
    for name, module, attribute, section in declared:
        if not _SCRIPT_NAME.fullmatch(name) or len(name.encode()) > _LONGEST:
            raise WheelError(wheel.file.name, f"entry point {name!r} is no name of a program")
        if not all(part.isidentifier() for part in f"{module}.{attribute}".split(".")):
            raise WheelError(wheel.file.name, f"entry point {name!r} points to no object")
        file, body = Script(name, module, attribute, section).generate(prefix.python, "posix")
        yield _made(f"{prefix.root}/bin/{file}"[1:], body, executable=True)


def _made(path: str, body: bytes, *, executable: bool = False) -> InstalledFile:
    return InstalledFile(
        path=path, executable=executable, source=body, identity=(len(body), zlib.crc32(body))
    )


def _record(wheel: PackedWheel, prefix: Prefix, kept: dict[str, InstalledFile], record: str) -> bytes:
    """RECORD of what is installed: the wheel's own hashes for its files, new ones for what is made here."""
    own = wheel.record
    site = prefix.site[1:]
    rows = [(_below(record, site), "", "")]
    for path, item in kept.items():
        digest = _digest(item.source) if isinstance(item.source, bytes) else own.get(item.source, "")
        rows.append((_below(path, site), digest, str(item.size) if digest else ""))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(sorted(rows))
    return text.getvalue().encode()


def _below(path: str, site: str) -> str:
    """The path as RECORD has it: relative to site-packages."""
    inside = f"{site}/"
    return path.removeprefix(inside) if path.startswith(inside) else posixpath.relpath(path, site)


def _digest(body: bytes) -> str:
    code = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
    return f"sha256={code}"


def _refuse_inside_files(wheel: PackedWheel, kept: dict[str, InstalledFile]) -> None:
    """A path below another file cannot be: `a` and `a/b` in one wheel."""
    both = kept.keys() & tar.folders_above(kept)
    if both:
        raise WheelError(wheel.file.name, f"{min(both)} is both a file and a folder")
