"""The wheelhouse: a local store of files by their sha256, filled from the sources and shared by all runs.

<root>/<first two digits>/<sha256>/<file name>      a whole file, checked, read-only
<root>/partial/<sha256>                             a download under way, resumed by the next run
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
import pathlib
import shutil
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from envspec.lockfile.lock import Artifact, File
from envspec.system import seen
from envspec.system.errors import OutsideError, SpoiledError
from envspec.system.home import disk_refusals, holding, make_folder, remove, throw_away
from envspec.system.progress import SILENT, Progress

if TYPE_CHECKING:  # a full store needs no network, nor the time to load what speaks with it
    from envspec.supply.download import DownloadPort
    from envspec.supply.page import RemoteFile
    from envspec.supply.sources import Sources

WORKERS = 8
"""Downloads at once; they wait for the network, not for the processor."""


class Wheelhouse:
    """A content-addressed store. Safe for any number of processes at once."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root

    def path(self, file: File) -> pathlib.Path:
        """Where the file stands, or would stand."""
        return self.root / file.sha256[:2] / file.sha256 / file.file

    def has(self, file: File) -> bool:
        """Whether the file is there, whole and right; one that is not is named and thrown away.

        It is read only where it looks otherwise than when it was read last; `verify` always does.
        """
        return seen.holds(self.path(file), file.sha256, file.size or None)

    def verify(self, file: File) -> bool:
        """As `has`, by reading all of the file."""
        return seen.holds(self.path(file), file.sha256, file.size or None, read=True)

    def require(self, files: Iterable[File]) -> None:
        """Verify files that are to be installed.

        Raises `SpoiledError` where one is not what the lock says; all such are thrown away.
        """
        if spoiled := [file.file for file in files if not self.verify(file)]:
            raise SpoiledError(f"{', '.join(spoiled)} in the wheelhouse")

    def fetch(self, artifacts: Iterable[Artifact], sources: Sources, progress: Progress = SILENT) -> None:
        """Bring every missing artifact in, several at once.

        Raises `OutsideError` when one cannot be had, or when what is served is not what was locked; the
        others are kept, and the next call goes on where this one stopped.
        """
        missing = [artifact for artifact in artifacts if not self.has(artifact)]
        if not missing:
            return
        title = f"fetch {len(missing)} files"
        size = sum(artifact.size for artifact in missing)
        with (
            disk_refusals(self.root, needed=lambda: size),
            progress.transfer(title, size),
            concurrent.futures.ThreadPoolExecutor(WORKERS) as pool,
        ):
            jobs = [pool.submit(self._fetch, artifact, sources, progress, title) for artifact in missing]
            try:
                for job in concurrent.futures.as_completed(jobs):
                    job.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _fetch(self, artifact: Artifact, sources: Sources, progress: Progress, title: str) -> None:
        offered = [
            file for file in sources.files(artifact.index, artifact.name) if file.file == artifact.file
        ]
        same = [file for file in offered if file.sha256 in {None, artifact.sha256}]
        if not same:
            raise _unavailable(artifact, other_bytes=bool(offered))
        self.bring(same[0], artifact, sources, lambda amount: progress.advance(title, amount))

    def bring(
        self,
        remote: RemoteFile,
        file: File,
        connection: DownloadPort,
        advance: Callable[[int], None] | None = None,
    ) -> pathlib.Path:
        """Bring one known file in from one place. Raises `OutsideError`."""
        partial = self.root / "partial" / file.sha256
        with disk_refusals(partial), holding(partial):
            if self.has(file):
                return self.path(file)
            digest = _downloaded(remote, partial, connection, advance, file.sha256)
            if digest != file.sha256:
                partial.unlink()
                raise OutsideError(
                    f"{file.file} as it is served now is not the file that was locked (its sha256 differs)",
                    hint="the server changed it, or the download broke: run again; then `envspec lock`",
                )
            return self._keep(partial, file)

    def take(self, remote: RemoteFile, connection: DownloadPort) -> File:
        """Bring in a file whose size, or whose sha256, its index does not tell, and say what it is.

        Raises `OutsideError`, also when it is not the file that its index promises.
        """
        key = remote.sha256 or hashlib.sha256(remote.url.encode()).hexdigest()
        partial = self.root / "partial" / f"unknown-{key}" / remote.file
        with disk_refusals(partial), holding(partial.parent):
            make_folder(partial.parent)
            digest = _downloaded(remote, partial, connection, None, remote.sha256)
            if remote.sha256 not in {None, digest}:
                partial.unlink()
                raise OutsideError(
                    f"{remote.file} is not the file that its index, or the spec, promises",
                    hint=f"its sha256 is {digest}: was it changed where it is served, or was another meant?",
                )
            file = self.add(partial, move=True)
            shutil.rmtree(partial.parent)
        return file

    def add(self, place: pathlib.Path, *, move: bool = False) -> File:
        """Put a local file into the store and say what it is."""
        with place.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        file = File(file=place.name, sha256=digest, size=place.stat().st_size)
        partial = self.root / "partial" / digest
        with disk_refusals(partial), holding(partial):
            if not self.has(file):
                remove(partial)  # of a run that was killed, or anything else
                (shutil.move if move else shutil.copyfile)(place, partial)
                self._keep(partial, file)
        return file

    def _keep(self, partial: pathlib.Path, file: File) -> pathlib.Path:
        place = self.path(file)
        make_folder(place.parent)
        partial.replace(place)
        place.chmod(0o444)  # last: a run that is killed in between must find its partial file writable
        seen.note(place, file.sha256)
        return place


def _downloaded(
    remote: RemoteFile,
    partial: pathlib.Path,
    connection: DownloadPort,
    advance: Callable[[int], None] | None,
    sha256: str | None,
) -> str:
    """Complete the partial file and give its sha256; what an earlier run left counts only if it is right."""
    from envspec.supply.download import download_file

    if os.path.lexists(partial):
        if sha256 is None:  # nothing could tell whether it still is what arrived
            remove(partial)
        elif partial.is_symlink() or not partial.is_file():
            throw_away(partial, "is no file")
        else:
            digest = download_file(remote, partial, connection, advance)
            if digest == sha256:
                return digest
            throw_away(partial, "is damaged, or of another file")
    return download_file(remote, partial, connection, advance)


def _unavailable(artifact: Artifact, *, other_bytes: bool) -> OutsideError:
    what = "serves other bytes under that name" if other_bytes else "does not have it"
    return OutsideError(
        f"{artifact.file} cannot be had: index {artifact.index} {what}",
        hint="remake the lock with `envspec lock` if the index is right",
    )
