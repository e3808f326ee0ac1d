"""The program of an espeak worker: loads the library and its voices once, then answers job after job."""

from __future__ import annotations

import contextlib
import pathlib
import signal
import socket
import sys
from typing import Any

from service.voices.espeak_library import EspeakError, EspeakLibrary, TooLongError
from service.voices.workers import wire

VOICE_FILES = pathlib.Path(__file__).parent / "espeak_voices"
"""espeak voice files, one for each voice that callers can name."""
PINYIN = "cmn-latn-pinyin"
"""espeak's own voice that reads Mandarin syllables."""
JOB_SECONDS = 600
"""After which the kernel ends the process, should the service that ought to do it be gone."""


def serve_espeak(arguments: list[str]) -> None:
    """Serve jobs over the socket `arguments[0]`."""
    sock = socket.socket(fileno=int(arguments[0]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the service stops its workers itself
    library = _load()
    wire.send_message(sock, {"version": library.version, "sample_rate": library.sample_rate})
    with contextlib.suppress(wire.ClosedError):
        while True:
            job, _ = wire.receive_message(sock)
            signal.alarm(JOB_SECONDS)
            _answer(library, sock, job)
            signal.alarm(0)


def _load() -> EspeakLibrary:
    """The library, with every voice's dictionary read, so that no job pays for it."""
    import espeakng_loader

    library = EspeakLibrary(espeakng_loader.get_library_path(), espeakng_loader.get_data_path())
    for voice in sorted(VOICE_FILES.iterdir(), reverse=True):
        library.choose(voice)
        library.speak("1", 10)
    library.choose_named(PINYIN)
    _test_mandarin(library)
    return library


def _test_mandarin(library: EspeakLibrary) -> None:
    """Debian 12's espeak-ng 1.51 spells Mandarin out in letters; refuse such a library."""
    library.choose(VOICE_FILES / "mandarin")
    said = library.phonemes("你好")
    if "(en)" in said or not said.startswith("ni2"):
        raise EspeakError(f"espeak-ng {library.version} does not speak Mandarin: 你好 became {said!r}")


def _answer(library: EspeakLibrary, sock: socket.socket, job: dict[str, Any]) -> None:
    text, phonemes = _composed(library, job["pieces"])
    library.choose(VOICE_FILES / job["voice"])
    library.forget()
    for name in ("rate", "volume", "pitch", "range"):
        library.set(name, job[name])
    try:
        pcm = library.speak(text, job["max_seconds"], phonemes=phonemes)
    except TooLongError:
        wire.send_message(sock, {"problem": "audio_too_long"})
        return
    wire.send_message(sock, {"sample_rate": library.sample_rate}, pcm)


def _composed(library: EspeakLibrary, pieces: list[tuple[str, str]]) -> tuple[str, bool]:
    """One text, and whether it holds phonemes in [[ ]]; a caller's own brackets are then taken out."""
    if all(kind == "text" for kind, _ in pieces):
        return "".join(text for _, text in pieces), False
    return "".join(_spelt(library, kind, text) for kind, text in pieces), True


def _spelt(library: EspeakLibrary, kind: str, text: str) -> str:
    if kind == "text":
        return text.replace("[", " ")
    library.choose_named(PINYIN)
    return f"[[{library.phonemes(text)}]]"


if __name__ == "__main__":
    serve_espeak(sys.argv[1:])
