"""The cache of finished sounds, within a bound of memory; the least recently used go first."""

from __future__ import annotations

import base64
import collections
import dataclasses
import functools
import threading


@dataclasses.dataclass(frozen=True)
class EncodedSpeech:
    """The sound of one request as a file, and as a reply."""

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
    """Finished sounds by their keys; safe for threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._sounds: collections.OrderedDict[str, EncodedSpeech] = collections.OrderedDict()
        self.size = 0
        """Bytes that the sounds take."""

    def get(self, key: str) -> EncodedSpeech | None:
        """The sound of that key; None when it is not here."""
        with self._lock:
            sound = self._sounds.get(key)
            if sound is not None:
                self._sounds.move_to_end(key)
            return sound

    def put(self, key: str, sound: EncodedSpeech) -> None:
        """Keep a sound, unless it would fill more than a quarter of the cache."""
        if sound.size > self._limit // 4:
            return
        with self._lock:
            before = self._sounds.pop(key, None)
            self.size += sound.size - (before.size if before else 0)
            self._sounds[key] = sound
            while self.size > self._limit:
                _, oldest = self._sounds.popitem(last=False)
                self.size -= oldest.size
