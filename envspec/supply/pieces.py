"""A file of which some pieces are at hand: the others are fetched where they are read, or are holes."""

from __future__ import annotations

import bisect
import io
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from envspec.system.errors import OutsideError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

AHEAD = 1 << 16
"""Bytes that are fetched at least: asking takes longer than they do."""

LARGEST = 48 << 20
"""Bytes of one file that are fetched in pieces at most: for more, the whole file is the better way."""

Load = Callable[[int, int], bytes]
"""The bytes from one offset up to another."""


class HoleError(ValueError):
    """What was read is none of the pieces that are at hand."""


class NoRangesError(OutsideError):
    """A server does not give parts of a file, or not those that were asked for."""


class Pieces(io.RawIOBase):
    """A file to read and to seek in, of which only pieces are in memory."""

    def __init__(
        self, size: int, pieces: Mapping[int, bytes] | None = None, load: Load | None = None
    ) -> None:
        """`size` is that of the whole file in bytes, `pieces` are known bytes by their offset.

        What is not among them is asked of `load`; without it, reading there raises `HoleError`. Raises
        `ValueError` for pieces that overlap or lie outside of the file.
        """
        self.size = size
        self._load = load
        self._place = 0
        self._starts: list[int] = []
        self._bodies: list[bytes] = []
        self._loaded = 0
        end = 0
        for start, body in sorted((pieces or {}).items()):
            if not end <= start <= size - len(body):
                raise ValueError("pieces overlap, or lie outside of the file")
            self._starts.append(start)
            self._bodies.append(body)
            end = start + len(body)

    @property
    def pieces(self) -> Mapping[int, bytes]:
        """What is at hand, by offset."""
        return dict(zip(self._starts, self._bodies, strict=True))

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be sought in."""
        return True

    def tell(self) -> int:
        """The offset that is read next."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset; raises `ValueError` for one before the beginning."""
        place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence]
        if place < 0:
            raise ValueError("before the beginning of the file")
        self._place = place
        return place

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read up to the end of a piece. Raises `HoleError`, and what `load` raises."""
        view = memoryview(buffer).cast("B")
        begin = self._place
        if begin >= self.size or not view:
            return 0
        found = self._at(begin)
        if found is None:
            self._fetch(begin, min(self.size, self._next(begin), begin + max(len(view), AHEAD)))
            found = self._at(begin)
        if found is None:
            raise HoleError("it was not fetched")
        start, body = found
        piece = body[begin - start : begin - start + len(view)]
        view[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)

    def want(self, spans: Iterable[tuple[int, int]]) -> None:
        """Fetch what is missing of these (begin, end), those together that lie close. May raise as `load`."""
        joined: list[tuple[int, int]] = []
        for begin, end in sorted(spans):
            if joined and begin <= joined[-1][1] + AHEAD:
                joined[-1] = joined[-1][0], max(end, joined[-1][1])
            else:
                joined.append((begin, end))
        for begin, end in joined:
            at = begin
            while at < end:
                if (found := self._at(at)) is None:
                    stop = min(end, self._next(at))
                    self._fetch(at, stop)
                    at = stop
                else:
                    at = found[0] + len(found[1])

    def _at(self, offset: int) -> tuple[int, bytes] | None:
        """The piece that has an offset, with its own."""
        number = bisect.bisect_right(self._starts, offset) - 1
        if number < 0 or offset >= self._starts[number] + len(self._bodies[number]):
            return None
        return self._starts[number], self._bodies[number]

    def _next(self, offset: int) -> int:
        """Where the next piece after an offset begins, or the file ends."""
        number = bisect.bisect_right(self._starts, offset)
        return self._starts[number] if number < len(self._starts) else self.size

    def _fetch(self, begin: int, end: int) -> None:
        if self._load is None:
            raise HoleError("it was not fetched")
        self._loaded += end - begin
        if self._loaded > LARGEST:
            raise NoRangesError(f"more than {LARGEST >> 20} MB of it would have to be fetched in pieces")
        body = self._load(begin, end)
        number = bisect.bisect_right(self._starts, begin)
        self._starts.insert(number, begin)
        self._bodies.insert(number, body)
