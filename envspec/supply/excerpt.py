"""Excerpts of wheels: all that is in one but its largest files, of which the names and sizes are known.

<home>/excerpts/<first two digits>/<sha256 of the wheel>/<its file name>

The first line of one is the sha256 of what follows. The second is JSON: the bytes of the wheel, [offset,
length] of each piece, and the names of the files that are lacking. Then come the pieces. The sha256 of the
wheel is what the lock promises: nobody proves it until the whole wheel is fetched.
"""

from __future__ import annotations

import hashlib
import io
import json
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from envspec.supply.pieces import Pieces
from envspec.supply.wheel import Wheel
from envspec.system.errors import OutsideError
from envspec.system.home import throw_away, write_quickly
from envspec.system.kept import touch

if TYPE_CHECKING:  # what is kept needs no network, nor the time to load what speaks with it
    from envspec.lockfile.lock import File
    from envspec.supply.download import DownloadPort
    from envspec.supply.page import RemoteFile

SMALL = 2 << 20
"""Bytes in the archive up to which a file is fetched whatever it is."""

HEAD = 32 << 10
"""Bytes that are fetched of the beginning of a larger one, which say what it is."""

MayLack = Callable[[Sequence[str]], bool]
"""Whether a wheel can be judged without its files of these names."""


class Excerpts:
    """The excerpts that are kept. Safe for any number of processes at once."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root

    def path(self, wheel: File) -> pathlib.Path:
        """Where the excerpt of a wheel stands, or would stand."""
        return self.root / wheel.sha256[:2] / wheel.sha256 / wheel.file

    def open(self, wheel: File) -> Wheel | None:
        """The excerpt of a wheel; None where there is none. One that is damaged is named and thrown away."""
        place = self.path(wheel)
        if not place.is_file():
            return None
        try:
            found = open_excerpt(place)
        except (ValueError, OutsideError):
            throw_away(place, "is damaged")
            return None
        touch(place)
        return found

    def make(self, wheel: File, remote: RemoteFile, connection: DownloadPort, may_lack: MayLack) -> bool:
        """Fetch the excerpt of a wheel, where the wheel can be judged by one; whether it is there now.

        Raises `OutsideError` where its server gives no parts, or nothing, and when the disk refuses.
        """
        from envspec.supply.ranges import remote_wheel

        opened, pieces = remote_wheel(wheel, remote, connection)
        with opened:
            lacks = opened.larger_than(SMALL)
            if not lacks or not may_lack(list(lacks)):
                return False
            pieces.want(_around(lacks.values(), wheel.size))
            write_quickly(self.path(wheel), _written(pieces, sorted(lacks)))
        return True


def open_excerpt(place: pathlib.Path) -> Wheel:
    """The wheel of which an excerpt was kept there: to read what it lacks raises `WheelError`.

    Raises `ValueError` where the file is no whole excerpt, `WheelError` where that is one of no wheel.
    """
    digest, _, rest = place.read_bytes().partition(b"\n")
    if hashlib.sha256(rest).hexdigest().encode() != digest:
        raise ValueError("other pieces than those that were kept")
    line, _, body = rest.partition(b"\n")
    pieces: dict[int, bytes] = {}
    at = 0
    try:
        head: Any = json.loads(line)
        for start, length in head["pieces"]:
            pieces[start] = body[at : at + length]
            at += length
        stream = io.BufferedReader(Pieces(head["size"], pieces))
        lacks = frozenset(head["lacks"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("it has no list of its pieces") from error
    return Wheel(place, stream=stream, lacks=lacks)


def _around(places: Iterable[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """The parts of a wheel of so many bytes that are no body of the files at these places."""
    at = 0
    for begin, end in sorted(places):
        yield at, min(begin + HEAD, end)
        at = end
    yield at, size


def _written(pieces: Pieces, lacks: list[str]) -> bytes:
    body = b"".join(pieces.pieces.values())
    head = {
        "size": pieces.size,
        "pieces": [[start, len(piece)] for start, piece in pieces.pieces.items()],
        "lacks": lacks,
    }
    rest = json.dumps(head).encode() + b"\n" + body
    return hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest
