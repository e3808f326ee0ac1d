"""The cache of finished sounds, within a bound of memory; the least recently used go first."""

from __future__ import annotations

import base64
import collections
import contextlib
import dataclasses
import fcntl
import functools
import json
import os
import pathlib
import threading
import time
from collections.abc import Iterator

from service.workers.floor import FLOOR
from service.workers.leaving import current_visit

LOOK = 0.01
"""Seconds between two looks whether another process has made a sound."""
CHUNK = 3 << 16
"""Bytes that become base64 at once: few enough to make way for others, and no fraction of four letters."""


@dataclasses.dataclass(frozen=True)
class EncodedSpeech:
    """The sound of one request as a file, and as a reply."""

    pieces: tuple[bytes, ...]
    """The file's bytes; a long sound is never put together in one piece."""
    sample_rate: int
    duration: float
    """Seconds."""

    @property
    def data(self) -> bytes:
        """The file's bytes, in one piece."""
        return self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)

    @functools.cached_property
    def length(self) -> int:
        """Bytes of the file."""
        return sum(map(len, self.pieces))

    @property
    def reply_length(self) -> int:
        """Bytes of the reply."""
        return len(_BEGIN) + (self.length + 2) // 3 * 4 + len(self._end)

    @functools.cached_property
    def reply(self) -> bytes:
        """The JSON object that `POST /tts` answers with; made once, because it costs more than to find it."""
        return b"".join(self.reply_pieces())

    def reply_pieces(self) -> Iterator[bytes]:
        """The reply, piece by piece.

        Put together by hand: base64 needs no escaping, and a JSON encoder would look at every character.
        """
        yield _BEGIN
        rest = b""
        for piece in self.pieces:
            for place in range(0, len(piece), CHUNK):
                ready = rest + piece[place : place + CHUNK]
                whole = len(ready) // 3 * 3
                rest = ready[whole:]
                yield base64.b64encode(ready[:whole])
        yield base64.b64encode(rest)
        yield self._end

    @property
    def size(self) -> int:
        """Bytes that it takes, its reply included."""
        return self.length * 7 // 3

    @property
    def _end(self) -> bytes:
        facts = (
            f'", "sample_rate": {self.sample_rate}, "duration": {self.duration:.3f}, "status": "success"}}'
        )
        return facts.encode()


_BEGIN = b'{"audio": "'


class Cache:
    """Finished sounds by their keys; safe for threads.

    Where several processes serve, half of the memory is for sounds that they share, as files in a folder that
    lies in memory; the other half is each one's own.
    """

    def __init__(self, limit: int, folder: pathlib.Path | None = None, sharers: int = 1) -> None:
        self._shared = _Shared(folder, limit // 2, sharers) if folder is not None and sharers > 1 else None
        self._limit = limit // 2 // sharers if self._shared else limit
        self._most = limit // 4
        self._lock = threading.Lock()
        self._sounds: collections.OrderedDict[str, EncodedSpeech] = collections.OrderedDict()
        self.size = 0
        """Bytes that the sounds take in this process."""

    def get(self, key: str) -> EncodedSpeech | None:
        """The sound of that key; None when it is not here."""
        with self._lock:
            sound = self._sounds.get(key)
            if sound is not None:
                self._sounds.move_to_end(key)
                return sound
        if self._shared is None:
            return None
        sound = self._shared.get(key)
        if sound is not None:
            self._keep(key, sound)
        return sound

    def put(self, key: str, sound: EncodedSpeech) -> None:
        """Keep a sound, unless it would fill more than a quarter of the cache."""
        if sound.size > self._most:
            return
        self._keep(key, sound)
        if self._shared is not None:
            self._shared.put(key, sound)

    @contextlib.contextmanager
    def making(self, key: str, size: int, deadline: float) -> Iterator[EncodedSpeech | None]:
        """Make a sound of about so many bytes during the block, unless another process makes it just now.

        Then that is waited for, and what it made is given; so it is where it was made a moment ago.
        """
        if self._shared is None or size * 7 // 3 > self._most:
            yield self.get(key)
            return
        with self._shared.alone(key, deadline):
            yield self.get(key)

    def _keep(self, key: str, sound: EncodedSpeech) -> None:
        if sound.size > self._limit:
            return
        with self._lock:
            before = self._sounds.pop(key, None)
            self.size += sound.size - (before.size if before else 0)
            self._sounds[key] = sound
            while self.size > self._limit:
                _, oldest = self._sounds.popitem(last=False)
                self.size -= oldest.size


class _Shared:
    """Sounds as files: a line of facts, then the bytes. One appears whole, by a rename, or not at all."""

    def __init__(self, folder: pathlib.Path, limit: int, sharers: int) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._limit = limit
        self._lock = threading.Lock()
        self._look_after = limit // 8 // sharers
        self._written = 0

    def get(self, key: str) -> EncodedSpeech | None:
        path = self._folder / key
        try:
            head, _, data = path.read_bytes().partition(b"\n")
            os.utime(path)
            facts = json.loads(head)
        except (OSError, ValueError):
            return None
        return EncodedSpeech((data,), facts["sample_rate"], facts["duration"])

    @contextlib.contextmanager
    def alone(self, key: str, deadline: float) -> Iterator[None]:
        """Be the only one with that key during the block; nobody waits beyond the deadline."""
        path = self._folder / f"{key}.lock"
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        except OSError:  # where the folder is full, or descriptors are short, it may be made twice
            yield
            return
        visit = current_visit()
        try:
            while time.monotonic() < deadline:
                visit.check()
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                with FLOOR.aside():
                    time.sleep(LOOK)
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink()
            os.close(descriptor)

    def put(self, key: str, sound: EncodedSpeech) -> None:
        fresh = self._folder / f"{key}.{os.getpid()}-{threading.get_ident()}"
        head = json.dumps({"sample_rate": sound.sample_rate, "duration": sound.duration}).encode() + b"\n"
        with contextlib.suppress(OSError):  # where the folder is full, the sound is made again
            try:
                with fresh.open("wb") as file:
                    file.writelines((head, *sound.pieces))
                fresh.replace(self._folder / key)
            except OSError:
                fresh.unlink(missing_ok=True)
                self._written = self._look_after
        self._written += sound.length
        if self._written >= self._look_after and self._lock.acquire(blocking=False):
            self._written = 0
            self._make_room()
            self._lock.release()

    def _make_room(self) -> None:
        """Remove what was not asked for the longest, until the folder is within its bound."""
        found = []
        with contextlib.suppress(OSError):
            for entry in os.scandir(self._folder):
                with contextlib.suppress(OSError):
                    facts = entry.stat()
                    found.append((facts.st_mtime, facts.st_size, entry.path))
        size = sum(length for _, length, _ in found)
        for _, length, path in sorted(found):
            if size <= self._limit - self._look_after:
                return
            with contextlib.suppress(OSError):
                pathlib.Path(path).unlink()
            size -= length
