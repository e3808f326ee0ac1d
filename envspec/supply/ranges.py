"""Files on servers, read in pieces where the servers give parts of them (RFC 9110, section 14)."""

from __future__ import annotations

import dataclasses
import io
import pathlib

import requests

from envspec.lockfile.lock import File
from envspec.supply.download import DownloadPort, open_remote, read_remote, refuse_answer
from envspec.supply.page import RemoteFile
from envspec.supply.pieces import NoRangesError, Pieces
from envspec.supply.wheel import Wheel

TAIL = 1 << 16
"""Bytes at the end of a wheel, where its table of contents is."""


def remote_pieces(remote: RemoteFile, size: int, connection: DownloadPort) -> Pieces:
    """A file on a server, of which nothing is fetched yet; `size` is what its index, or a lock, says it has.

    Reading raises `NoRangesError` where the server does not give the very bytes that were asked for, and
    `OutsideError` where it gives nothing.
    """

    def load(begin: int, end: int) -> bytes:
        wanted = {"Range": f"bytes={begin}-{end - 1}"}
        with open_remote(remote, connection.session, wanted) as answer:
            refuse_answer(remote, answer)
            told = answer.headers.get("Content-Range", "").strip().lower()
            packed = answer.headers.get("Content-Encoding", "identity").strip().lower() != "identity"
            if (
                answer.status_code != requests.codes.partial_content
                or told != f"bytes {begin}-{end - 1}/{size}"
                or packed
            ):
                raise NoRangesError(f"{remote.file}: its server gives no parts of it")
            body = b"".join(read_remote(dataclasses.replace(remote, size=end), answer, begin))
        if len(body) != end - begin:
            raise NoRangesError(f"{remote.file}: its server gives other parts than those asked for")
        return body

    return Pieces(size, load=load)


def remote_wheel(wheel: File, remote: RemoteFile, connection: DownloadPort) -> tuple[Wheel, Pieces]:
    """A wheel on a server, open, and what is fetched of it so far: hardly more than its table of contents.

    Raises `OutsideError` where its server gives no parts, or nothing; `WheelError` as `Wheel` does.
    """
    pieces = remote_pieces(remote, wheel.size, connection)
    pieces.want([(max(0, wheel.size - TAIL), wheel.size)])
    return Wheel(pathlib.Path(wheel.file), stream=io.BufferedReader(pieces)), pieces


def remote_metadata(wheel: File, remote: RemoteFile, connection: DownloadPort) -> bytes:
    """METADATA out of a wheel on a server. Raises as `remote_wheel` does."""
    opened, _ = remote_wheel(wheel, remote, connection)
    with opened:
        return opened.read(f"{opened.dist_info}/METADATA", limit=opened.limits.text)
