"""Downloads one file, going on where an earlier try stopped."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

import requests

from envspec.supply.http import TIMEOUT, bounded, in_words, refusal_in_words, stream_answer
from envspec.supply.page import RemoteFile
from envspec.supply.pip_settings import local_path
from envspec.system.errors import OutsideError

CHUNK = 1 << 20
"""Bytes read at a time from this machine: memory stays small whatever a wheel weighs."""

LARGEST = 32 << 30
"""Bytes of one file whose server says how long it is."""

LARGEST_UNTOLD = 4 << 30
"""Bytes of one file of which nobody says how long it is."""

SLOWEST = 1000
"""Bytes a second, over a minute, below which a download is given up."""

MINUTE = 60.0


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
    wanted = {"Range": f"bytes={have}-"} if have else {}
    with open_remote(remote, connection.session, wanted) as answer:
        if have and answer.status_code == requests.codes.requested_range_not_satisfiable:
            yield have, ()  # all of it was there already
            return
        refuse_answer(remote, answer)
        start = have if answer.status_code == requests.codes.partial_content else 0
        yield start, read_remote(remote, answer, start)


def open_remote(
    remote: RemoteFile, session: requests.Session, headers: Mapping[str, str], method: str = "GET"
) -> requests.Response:
    """The answer to a question for a file, not yet read. Raises `OutsideError`."""

    def asked() -> requests.Response:
        more = {"Accept-Encoding": "identity", **headers}
        with in_words():
            return session.request(
                method, remote.url, headers=more, stream=True, timeout=TIMEOUT, allow_redirects=True
            )

    try:
        return bounded(asked)
    except OutsideError as error:
        raise _not_arrived(remote, error.message) from error


def refuse_answer(remote: RemoteFile, answer: requests.Response) -> None:
    """Raise `OutsideError` for an answer that does not bring the file."""
    if (refused := refusal_in_words(answer)) is not None:
        raise OutsideError(
            f"{remote.file} did not arrive: {refused}",
            hint="is the address still right, and does its server give the file to this machine?",
        )
    length = answer.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > (remote.size or LARGEST):
        raise _too_long(remote)


def read_remote(remote: RemoteFile, answer: requests.Response, start: int = 0) -> Iterator[bytes]:
    """The bytes of a file from an offset on, as they come. Raises `OutsideError`."""
    told = answer.headers.get("Content-Length", "").isdecimal()
    left = (remote.size or (LARGEST if told else LARGEST_UNTOLD)) - start
    began, arrived = time.monotonic(), 0
    try:
        with in_words():
            for chunk in stream_answer(answer):
                left -= len(chunk)
                if left < 0:
                    raise _too_long(remote)
                yield chunk
                arrived += len(chunk)
                if (now := time.monotonic()) - began > MINUTE:
                    if arrived < SLOWEST * MINUTE:
                        raise _not_arrived(remote, f"less than {SLOWEST} bytes a second come")
                    began, arrived = now, 0
    except OutsideError as error:
        raise error if remote.file in error.message else _not_arrived(remote, error.message) from error


def _too_long(remote: RemoteFile) -> OutsideError:
    if remote.size is not None:
        return OutsideError(f"{remote.file} is longer than its index says ({remote.size} bytes)")
    return OutsideError(f"{remote.file} has no end, or is larger than {LARGEST_UNTOLD >> 30} GB untold")


def _not_arrived(remote: RemoteFile, why: str) -> OutsideError:
    return OutsideError(
        f"{remote.file} did not arrive: {why}",
        hint="run again: what arrived is kept and the download goes on there",
    )
