"""Downloads one file, going on where an earlier try stopped."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import requests

from envspec.supply.http import TIMEOUT, failure_in_words
from envspec.supply.pip_settings import local_path
from envspec.supply.sources import RemoteFile
from envspec.system.errors import OutsideError

CHUNK = 1 << 20
"""Bytes read at a time: memory stays small whatever a wheel weighs."""


class DownloadPort(Protocol):
    """What downloads go through: the sources of packages, or the network of an image's other parts."""

    @property
    def offline(self) -> bool:
        """Whether the network must not be asked."""

    @property
    def session(self) -> requests.Session:
        """A session of this thread."""


def download_file(
    remote: RemoteFile, partial: pathlib.Path, connection: DownloadPort, advance: Callable[[int], None] | None
) -> str:
    """Complete `partial`, going on where an earlier try stopped, and give its sha256.

    Raises `OutsideError`; what arrived by then stays in `partial`.
    """
    digest = hashlib.sha256()
    with partial.open("ab+") as stream:
        stream.seek(0)
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
        have = stream.tell()
        with _opened(remote, have, connection) as (start, chunks):
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
def _opened(remote: RemoteFile, have: int, connection: DownloadPort) -> Iterator[tuple[int, Iterable[bytes]]]:
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
    if connection.offline:
        raise OutsideError(f"{remote.file} is not in the wheelhouse", hint="run once without --offline")
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with connection.session.get(remote.url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if have and answer.status_code == requests.codes.requested_range_not_satisfiable:
                yield have, ()  # all of it was there already
                return
            answer.raise_for_status()
            resumed = answer.status_code == requests.codes.partial_content
            yield (have if resumed else 0), answer.iter_content(CHUNK)
    except requests.RequestException as error:
        raise OutsideError(
            f"{remote.file} did not arrive: {failure_in_words(error)}",
            hint="run again: what arrived is kept and the download goes on there",
        ) from error
