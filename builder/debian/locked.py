"""The packages of a base, held still: names, versions and hashes, and no archive's address."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterable, Sequence

from builder.debian import archive
from builder.debian.closure import Universe, package_closure
from builder.debian.mirrors import Pocket
from builder.debian.package import OfferedPackage, Relation
from builder.debian.request import DebianRequest
from builder.oci.store.network import Fetcher
from builder.values.tool import result_key
from envspec.lockfile.lock import DebianPackage
from envspec.supply.wheelhouse import WORKERS, Wheelhouse
from envspec.system.disk import DiskError
from envspec.system.errors import OutsideError
from envspec.system.home import tool_home
from envspec.system.kept import Kept
from envspec.system.processor import processor_of


def resolve_packages(
    wanted: DebianRequest, pockets: Sequence[Pocket], fetcher: Fetcher
) -> tuple[DebianPackage, ...]:
    """The packages of a base, by name, as the archives stand now.

    What followed from the same lists before is known: they are large, and change some times a day at most.
    Raises `OutsideError` when an archive cannot be asked or lacks a package.
    """
    found, machine = archive.releases(pockets, fetcher), processor_of(wanted.machine).debian

    def resolve() -> tuple[DebianPackage, ...]:
        universe = Universe(tuple(archive.package_lists(found, machine, fetcher)))
        asked = [*map(_relation, wanted.roots), *map(_relation, wanted.apt)]
        return tuple(map(_held, package_closure(asked, universe)))

    lists = [release.packages(machine) for release in found]
    return _resolved().get_or_make(result_key({"wanted": wanted.key, "lists": lists}), resolve)


def recall_packages(
    wanted: DebianRequest, pockets: Callable[[], Sequence[Pocket]], network: Callable[[], Fetcher]
) -> tuple[DebianPackage, ...]:
    """The packages that the request had before on this machine, else as the archives stand now.

    Archives and network are asked for only where the packages are not known. Raises `OutsideError`.
    """
    return _resolved().get_or_make(wanted.key, lambda: resolve_packages(wanted, pockets(), network()))


def _resolved() -> Kept[tuple[DebianPackage, ...]]:
    return Kept(tool_home() / "debian" / "resolved", tuple[DebianPackage, ...])


def fetch_packages(
    packages: Iterable[DebianPackage], pockets: Sequence[Pocket], store: Wheelhouse, fetcher: Fetcher
) -> None:
    """Bring every missing package into the store. Raises `OutsideError`."""
    missing = [package for package in packages if not store.has(package)]
    archives = list(dict.fromkeys(pocket.archive for pocket in pockets))
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for job in [pool.submit(_bring, package, archives, store, fetcher) for package in missing]:
            job.result()


def _bring(package: DebianPackage, archives: Sequence[str], store: Wheelhouse, fetcher: Fetcher) -> None:
    """From the first archive that has it: a lock does not say which one it was."""
    for number, address in enumerate(archives, 1):
        try:
            fetcher.bring(f"{address}/{package.path}", package, store)
        except DiskError:
            raise  # no other archive would help
        except OutsideError as error:
            if number == len(archives):
                raise OutsideError(
                    f"Debian package {package.name} {package.version} cannot be had: {error.message}",
                    hint="archives drop old versions: lock again, or name an archive of snapshots",
                ) from error
        else:
            return


def _relation(text: str) -> Relation:
    name, equals, version = text.partition("=")
    return Relation(name=name, how=equals, version=version)


def _held(package: OfferedPackage) -> DebianPackage:
    return DebianPackage(
        name=package.name,
        version=package.version,
        path=package.path,
        file=f"{package.name}_{package.machine}.deb",
        sha256=package.sha256,
        size=package.size,
    )
