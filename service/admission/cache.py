"""Finished results, kept within a bound of memory; the least recently used go first."""

from __future__ import annotations

import base64
import collections
import dataclasses
import functools
import threading


@dataclasses.dataclass(frozen=True)
class Result:
    """One encoded sound."""

    data: bytes
    """The file's bytes."""
    sample_rate: int
    duration: float
    """Seconds."""

    @functools.cached_property
    def reply(self) -> bytes:
        """The JSON object that `POST /tts` answers with; made once, because it costs more than to find it.

        Put together by hand: base64 needs no escaping, and a JSON encoder would look at every character.
        """
        sound = base64.b64encode(self.data)
        facts = (
            f'", "sample_rate": {self.sample_rate}, "duration": {self.duration:.3f}, "status": "success"}}'
        )
        return b"".join([b'{"audio": "', sound, facts.encode()])

    @property
    def size(self) -> int:
        """Bytes that it takes, its reply included."""
        return len(self.data) * 7 // 3


class Cache:
    """Results by key; safe for threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._held: collections.OrderedDict[str, Result] = collections.OrderedDict()
        self.size = 0
        """Bytes held."""

    def get(self, key: str) -> Result | None:
        """The result of that key; None when it is not held."""
        with self._lock:
            result = self._held.get(key)
            if result is not None:
                self._held.move_to_end(key)
            return result

    def put(self, key: str, result: Result) -> None:
        """Hold a result. One that would fill more than a quarter of the cache is let go."""
        if result.size > self._limit // 4:
            return
        with self._lock:
            before = self._held.pop(key, None)
            self.size += result.size - (before.size if before else 0)
            self._held[key] = result
            while self.size > self._limit:
                _, oldest = self._held.popitem(last=False)
                self.size -= oldest.size
