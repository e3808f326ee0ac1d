"""The wheelhouse: a local store of files by their sha256, filled from the sources and shared by all runs.

<root>/<first two digits>/<sha256>/<file name>      a whole file, checked, read-only
<root>/partial/<sha256>                             a download under way, resumed by the next run
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import os
import pathlib
import shutil
from collections.abc import Callable, Iterable, Iterator

import requests

from envspec.errors import OutsideError
from envspec.home import disk, locked
from envspec.lock import Artifact, File
from envspec.machine import local_path
from envspec.progress import SILENT, Progress
from envspec.sources import TIMEOUT, RemoteFile, Sources, why

CHUNK = 1 << 20
"""Bytes read at a time: memory stays small whatever a wheel weighs."""

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
        with (
            progress.task(title, sum(artifact.size for artifact in missing)),
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
        self, remote: RemoteFile, file: File, sources: Sources, advance: Callable[[int], None] | None = None
    ) -> pathlib.Path:
        """Bring one known file in from one place. Raises `OutsideError`."""
        partial = self.root / "partial" / file.sha256
        with disk(partial), locked(partial):
            if self.has(file):
                return self.path(file)
            if _download(remote, partial, sources, advance) != file.sha256:
                partial.unlink()
                raise OutsideError(
                    f"{file.file} as it is served now is not the file that was locked (its sha256 differs)",
                    hint="the index changed it or the download broke: run again; if it stays, `envspec lock`",
                )
            return self._keep(partial, file)

    def take(self, remote: RemoteFile, sources: Sources) -> File:
        """Bring in a file whose size, or whose sha256, its index does not tell, and say what it is.

        Raises `OutsideError`, also when it is not the file that its index promises.
        """
        key = remote.sha256 or hashlib.sha256(remote.url.encode()).hexdigest()
        partial = self.root / "partial" / f"unknown-{key}" / remote.file
        with disk(partial), locked(partial.parent):
            partial.parent.mkdir(parents=True, exist_ok=True)
            digest = _download(remote, partial, sources, None)
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
        with disk(partial), locked(partial):
            if not self.has(file):
                (shutil.move if move else shutil.copyfile)(place, partial)
                self._keep(partial, file)
        return file

    def _keep(self, partial: pathlib.Path, file: File) -> pathlib.Path:
        place = self.path(file)
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.chmod(0o444)
        partial.replace(place)
        return place


def _download(
    remote: RemoteFile, partial: pathlib.Path, sources: Sources, advance: Callable[[int], None] | None
) -> str:
    """Complete `partial`, going on where an earlier try stopped, and give its sha256."""
    digest = hashlib.sha256()
    with partial.open("ab+") as stream:
        stream.seek(0)
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
        have = stream.tell()
        with _opened(remote, have, sources) as (start, chunks):
            if start != have:  # the server cannot resume
                stream.truncate(0)
                digest = hashlib.sha256()
            for chunk in chunks:
                stream.write(chunk)
                digest.update(chunk)
                if advance is not None:
                    advance(len(chunk))
        stream.flush()
        os.fsync(stream.fileno())
    return digest.hexdigest()


@contextlib.contextmanager
def _opened(remote: RemoteFile, have: int, sources: Sources) -> Iterator[tuple[int, Iterable[bytes]]]:
    """The bytes of a remote file from an offset on: `have` where the source can resume, else 0."""
    path = local_path(remote.url)
    if path is not None:
        try:
            local = path.open("rb")
        except OSError as error:
            raise OutsideError(f"{path} cannot be read: {error.strerror}") from error
        with local:
            local.seek(have)
            yield have, iter(lambda: local.read(CHUNK), b"")
        return
    if sources.offline:
        raise OutsideError(f"{remote.file} is not in the wheelhouse", hint="run once without --offline")
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with sources.session.get(remote.url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if have and answer.status_code == requests.codes.requested_range_not_satisfiable:
                yield have, ()  # all of it was there already
                return
            answer.raise_for_status()
            resumed = answer.status_code == requests.codes.partial_content
            yield (have if resumed else 0), answer.iter_content(CHUNK)
    except requests.RequestException as error:
        raise OutsideError(
            f"{remote.file} did not arrive: {why(error)}",
            hint="run again: what arrived is kept and the download goes on there",
        ) from error


def _unavailable(artifact: Artifact, *, other_bytes: bool) -> OutsideError:
    what = "serves other bytes under that name" if other_bytes else "does not have it"
    return OutsideError(
        f"{artifact.file} cannot be had: index {artifact.index} {what}",
        hint="remake the lock with `envspec lock` if the index is right",
    )
