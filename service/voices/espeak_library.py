"""espeak-ng through ctypes: plain text into 16-bit samples. Not thread-safe: one thread of one process."""

from __future__ import annotations

import ctypes
import os
import pathlib
from collections.abc import Callable

RETRIEVAL = 2
"""AUDIO_OUTPUT_SYNCHRONOUS: samples come through the callback, and no thread or sound card is touched."""
DONT_EXIT = 0x8000
"""espeakINITIALIZE_DONT_EXIT: a failure is returned rather than ending the process."""
BUFFER = 1000
"""Milliseconds of sound that espeak hands over at once. Its own 60 take a sixth more time for equal sound."""
UTF8 = 1
"""espeakCHARS_UTF8. The flag for SSML is never set: text stays text."""
PHONEMES = 0x100
"""espeakPHONEMES: what stands in [[ ]] is phonemes."""
PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3, "range": 4}
"""espeak_PARAMETER numbers of `speak_lib.h`."""
NEUTRAL = {"rate": 175, "volume": 100, "pitch": 50, "range": 50}
"""What espeak itself begins with."""
WORDS_A_MINUTE = (80, 450)
"""The words a minute that espeak takes; what lies outside becomes the nearer end."""

_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class EspeakError(Exception):
    """The espeak-ng library or its data cannot do what is asked of it."""


class TooLongError(Exception):
    """The sound of a text is longer than it may be."""


class StoppedError(Exception):
    """Nobody wants the sound of a text any more."""


class EspeakLibrary:
    """The espeak-ng library, loaded into this process; `buffer` is in milliseconds, 0 for espeak's own."""

    def __init__(self, library: str, data: str, buffer: int = BUFFER) -> None:
        self._espeak = ctypes.CDLL(library)
        self.sample_rate: int = self._espeak.espeak_Initialize(
            RETRIEVAL, buffer, os.fsencode(data), DONT_EXIT
        )
        """Samples a second."""
        if self.sample_rate <= 0:
            raise EspeakError(f"espeak-ng could not be initialised with the data in {data}")
        self._voice = ""
        self._chunks: list[bytes] = []
        self._left = 0
        self._wanted: Callable[[], bool] = _always
        self._stopped = False
        self._callback = _CALLBACK(self._collect)  # kept, or ctypes frees it under espeak
        self._espeak.espeak_SetSynthCallback(self._callback)
        self._espeak.espeak_Info.restype = ctypes.c_char_p
        self._espeak.espeak_TextToPhonemes.restype = ctypes.c_char_p

    @property
    def version(self) -> str:
        """Its version, such as `1.52.0`."""
        said: bytes = self._espeak.espeak_Info(None)
        return said.decode()

    def choose(self, file: pathlib.Path) -> None:
        """Speak with the voice of a file from now on. Raises `EspeakError` when espeak cannot use it.

        espeak cuts a voice's path off after 59 bytes (`espeak_ng_SetVoiceByFile` in its voices.c), so it is
        given the bare name, in the file's folder: the process is a worker's own.
        """
        os.chdir(file.parent)
        self._choose(file.name, self._espeak.espeak_ng_SetVoiceByFile)

    def choose_named(self, name: str) -> None:
        """Speak with one of espeak's own voices from now on. Raises `EspeakError` when it has none such."""
        self._choose(name, self._espeak.espeak_SetVoiceByName)

    def _choose(self, voice: str, setter: Callable[[bytes], int]) -> None:
        if voice == self._voice:
            return  # espeak would read the voice's files again
        if setter(os.fsencode(voice)) != 0:
            raise EspeakError(f"espeak-ng has no voice {voice}")
        self._voice = voice

    def forget(self) -> None:
        """Bring espeak to the state in which every text is to find it.

        espeak keeps an automatic gain and more from one text to the next (the static variables of its
        `wavegen.c`). A syllable at normal loudness lets the gain recover; what flutter, roughness and
        breath keep, the voices have turned off.
        """
        for name, value in NEUTRAL.items():
            self.set(name, value)
        self.speak("一。", 10)

    def set(self, name: str, value: int) -> None:
        """Set `rate`, `volume`, `pitch` or `range`."""
        if self._espeak.espeak_SetParameter(PARAMETERS[name], value, 0) != 0:
            raise EspeakError(f"espeak-ng refused {name}={value}")

    def phonemes(self, text: str) -> str:
        """The first clause's phonemes in espeak's own letters."""
        pointer = ctypes.c_char_p(text.encode())
        said: bytes = self._espeak.espeak_TextToPhonemes(ctypes.byref(pointer), UTF8, 0)
        return said.decode()

    def speak(
        self,
        text: str,
        max_seconds: float,
        *,
        phonemes: bool = False,
        wanted: Callable[[], bool] | None = None,
    ) -> bytes:
        """The samples of a text, in which [[ ]] holds phonemes if `phonemes`.

        `wanted` is asked for every second of sound. Raises `TooLongError` when it would be more than
        `max_seconds`, and `StoppedError` when it is not wanted any more.
        """
        self._chunks, self._left = [], int(max_seconds * self.sample_rate)
        self._wanted, self._stopped = wanted or _always, False
        coded, flags = text.encode(), UTF8 | (PHONEMES if phonemes else 0)
        failed = self._espeak.espeak_Synth(coded, len(coded) + 1, 0, 1, 0, flags, None, None)
        if self._stopped:
            raise StoppedError
        if self._left < 0:
            raise TooLongError
        if failed:
            raise EspeakError(f"espeak-ng failed with {failed}")
        return b"".join(self._chunks)

    def _collect(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int) -> int:
        """espeak's callback: keeps the samples; 1 stops the synthesis."""
        if samples and count:
            self._left -= count
            self._stopped = not self._wanted()
            if self._left < 0 or self._stopped:
                return 1
            self._chunks.append(ctypes.string_at(samples, 2 * count))
        return 0


def _always() -> bool:
    return True
