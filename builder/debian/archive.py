"""A suite's packages, as its archives list them: signed release files, then indexes known by their hash."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import hashlib
import lzma
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from builder.debian.control import read_paragraph
from builder.debian.lists import PackageList
from builder.debian.mirrors import Pocket
from builder.oci.store.network import Fetcher
from envspec.system.errors import OutsideError
from envspec.system.home import tool_home, write_atomic
from envspec.system.process import run_process
from envspec.system.scratch import scratch_folder
from envspec.system.seen import holds

_LARGEST = 1 << 30
"""Bytes of an index, uncompressed; Debian's own main has 50 million."""

_PIECE = 1 << 16
"""Packed bytes of a list of files that are inflated at once; they grow a thousandfold at most."""

_FORMS = ("xz", "gz")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A pocket as its signed release file describes it now."""

    pocket: Pocket
    fields: Mapping[str, str]

    def listed(self, names: Iterable[str]) -> tuple[str, str] | None:
        """The first of these files that it names, with its sha256; None where it names none."""
        hashes = dict(_hashes(self.fields))
        return next(((name, hashes[name]) for name in names if name in hashes), None)

    def packages(self, machine: str) -> tuple[str, str]:
        """Its list of packages for that processor (Debian's name of it), with its sha256.

        Raises `OutsideError` where it has none.
        """
        found = self.listed(f"main/binary-{machine}/Packages.{form}" for form in _FORMS)
        if found is None:
            raise OutsideError(f"Debian {self.pocket.suite} has no packages for {machine}")
        return found


def releases(pockets: Sequence[Pocket], fetcher: Fetcher) -> tuple[Release, ...]:
    """What the pockets are now, all asked at once.

    Raises `OutsideError` when an archive cannot be asked or its signature is wrong. A pocket that an archive
    does not have is passed over, unless it is the first.
    """
    with concurrent.futures.ThreadPoolExecutor(max(1, len(pockets))) as pool:
        jobs = [pool.submit(_release, each, fetcher, required=each is pockets[0]) for each in pockets]
        return tuple(found for job in jobs if (found := job.result()) is not None)


def package_lists(found: Iterable[Release], machine: str, fetcher: Fetcher) -> Iterator[PackageList]:
    """Each pocket's packages for that processor (Debian's name of it). Raises `OutsideError`."""
    for release in found:
        name, digest = release.packages(machine)
        text = _inflated(_kept(release, name, digest, fetcher), name.rpartition(".")[2])
        yield PackageList(text, release.pocket.archive)


def contents_lists(pockets: Sequence[Pocket], machine: str, fetcher: Fetcher) -> Iterator[Iterator[bytes]]:
    """Of each pocket the lines of its list of all files, by which package brings each, inflated bit by bit.

    Raises `OutsideError` as `releases` does; a pocket without such a list is passed over.
    """
    for release in releases(pockets, fetcher):
        found = release.listed([f"main/Contents-{machine}.gz"])
        if found is not None:
            yield _lines(_kept(release, *found, fetcher))


def _lines(packed: bytes) -> Iterator[bytes]:
    """The lines of a packed list, of which never more than a piece is inflated."""
    inflating, rest, size = zlib.decompressobj(31), b"", 0
    try:
        for start in range(0, len(packed), _PIECE):
            piece = inflating.decompress(packed[start : start + _PIECE])
            size += len(piece)
            if size > _LARGEST:
                raise OutsideError("a list of files is larger than any of Debian's")
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines
    except zlib.error as error:
        raise OutsideError(f"a list of files cannot be read ({error})") from error
    if not inflating.eof:
        raise OutsideError("a list of files cannot be read (it ends too early)")
    yield rest


def _release(pocket: Pocket, fetcher: Fetcher, *, required: bool) -> Release | None:
    address = f"{pocket.archive}/dists/{pocket.suite}/InRelease"
    signed = fetcher.read(address, missing_ok=not required)
    if signed is None:
        return None
    return Release(pocket=pocket, fields=read_paragraph(verified_release(signed, pocket)))


def verified_release(signed: bytes, pocket: Pocket) -> str:
    """The text of a release file that was signed by Debian. Raises `OutsideError`."""
    if shutil.which("gpgv") is None or not pocket.keyring.is_file():
        raise OutsideError(
            "the signatures of Debian's archive cannot be checked here",
            hint="install gpgv and debian-archive-keyring; a lock that lists the packages needs neither",
        )
    with scratch_folder("release") as folder:
        file = folder / "InRelease"
        text = folder / "Release"
        file.write_bytes(signed)
        done = run_process(["gpgv", "--keyring", pocket.keyring, "--output", text, file], timeout=60)
        if not done.ok:
            raise done.refusal or OutsideError(
                f"the release file of Debian {pocket.suite} is not signed by a key of {pocket.keyring.name}\n"
                f"{done.tail}",
                hint="the mirror may be broken or tampered with; or the keyring is too old",
            )
        return text.read_text(encoding="utf-8", errors="replace")


def _hashes(release: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for line in release.get("SHA256", "").splitlines():
        words = line.split()
        if len(words) == 3:
            yield words[2], words[0]


def _kept(release: Release, name: str, digest: str, fetcher: Fetcher) -> bytes:
    file = tool_home() / "debian" / "lists" / digest
    if holds(file, digest):
        return file.read_bytes()
    pocket = release.pocket
    place = f"{pocket.archive}/dists/{pocket.suite}/{name}"
    by_hash = release.fields.get("Acquire-By-Hash") == "yes"
    address = f"{place.rpartition('/')[0]}/by-hash/SHA256/{digest}" if by_hash else place
    fetched = fetcher.read(address)
    if fetched is None or hashlib.sha256(fetched).hexdigest() != digest:
        raise OutsideError(
            f"the list of packages of Debian {pocket.suite} is not the one its release file names",
            hint="the mirror is being updated: run again in some minutes",
        )
    write_atomic(file, fetched)
    return fetched


def _inflated(data: bytes, form: str) -> bytes:
    try:
        if form == "xz":
            return lzma.LZMADecompressor().decompress(data, _LARGEST)
        return zlib.decompressobj(31).decompress(data, _LARGEST)
    except (lzma.LZMAError, zlib.error, EOFError) as error:
        raise OutsideError(f"a list of packages cannot be read ({error})") from error
