"""The wheelhouse: a local store of files by their sha256, filled from the sources and shared by all runs.

<root>/<first two digits>/<sha256>/<file name>      a whole file, checked, read-only
<root>/partial/<sha256>                             a download under way, resumed by the next run
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import pathlib
import shutil
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from envspec.lockfile.lock import Artifact, File
from envspec.system.errors import OutsideError
from envspec.system.home import disk_refusals, holding
from envspec.system.progress import SILENT, Progress

if TYPE_CHECKING:  # a full store needs no network, nor the time to load what speaks with it
    from envspec.supply.download import DownloadPort
    from envspec.supply.sources import RemoteFile, Sources

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
        """Whether the file is there with its whole length; `verify` reads it."""
        try:
            return self.path(file).stat().st_size == file.size
        except OSError:
            return False

    def verify(self, file: File) -> bool:
        """Whether the stored bytes are those of the lock. A file that fails is thrown away."""
        place = self.path(file)
        with place.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256:
                return True
        place.unlink(missing_ok=True)
        return False

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
            progress.task(title, size),
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
        from envspec.supply.download import download_file

        partial = self.root / "partial" / file.sha256
        with disk_refusals(partial), holding(partial):
            if self.has(file):
                return self.path(file)
            resumed = partial.exists()
            digest = download_file(remote, partial, connection, advance)
            if resumed and digest != file.sha256:  # what an earlier run left may be what is wrong
                partial.unlink()
                digest = download_file(remote, partial, connection, None)
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
        from envspec.supply.download import download_file

        key = remote.sha256 or hashlib.sha256(remote.url.encode()).hexdigest()
        partial = self.root / "partial" / f"unknown-{key}" / remote.file
        with disk_refusals(partial), holding(partial.parent):
            partial.parent.mkdir(parents=True, exist_ok=True)
            digest = download_file(remote, partial, connection, None)
            if remote.sha256 not in {None, digest}:
                partial.unlink()
                raise OutsideError(f"{remote.file} is not the file that its index, or the spec, promises")
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
                (shutil.move if move else shutil.copyfile)(place, partial)
                self._keep(partial, file)
        return file

    def _keep(self, partial: pathlib.Path, file: File) -> pathlib.Path:
        place = self.path(file)
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(place)
        place.chmod(0o444)  # last: a run that is killed in between must find its partial file writable
        return place


def _unavailable(artifact: Artifact, *, other_bytes: bool) -> OutsideError:
    what = "serves other bytes under that name" if other_bytes else "does not have it"
    return OutsideError(
        f"{artifact.file} cannot be had: index {artifact.index} {what}",
        hint="remake the lock with `envspec lock` if the index is right",
    )
