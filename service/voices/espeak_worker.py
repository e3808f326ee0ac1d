"""The program of an espeak worker: loads the library and its voices once, then answers job after job."""

from __future__ import annotations

import atexit
import pathlib
import socket
import sys
from typing import TYPE_CHECKING, Any

from service.voices.espeak_library import EspeakError, EspeakLibrary, StoppedError, TooLongError
from service.voices.espeak_tuning import Tuning
from service.workers import attend, wire
from service.workers.folders import OwnFolder

if TYPE_CHECKING:
    from service.workers.attend import Answer

VOICE_FILES = pathlib.Path(__file__).parent / "espeak_voices"
"""espeak voice files, one for each voice that callers can name."""
PINYIN = "cmn-latn-pinyin"
"""espeak's own voice that reads Mandarin syllables."""


def serve_espeak(arguments: list[str]) -> None:
    """Serve jobs until whoever keeps this process is gone."""
    attend.attend(arguments, _begin)


def _begin() -> tuple[Answer, dict[str, Any]]:
    library = _load()
    folder = OwnFolder("voices")
    atexit.register(folder.remove)
    tuning = Tuning(VOICE_FILES, folder.path)

    def answer(sock: socket.socket, job: dict[str, Any]) -> None:
        _answer(library, tuning, sock, job)

    return answer, {"version": library.version, "sample_rate": library.sample_rate}


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


def _answer(library: EspeakLibrary, tuning: Tuning, sock: socket.socket, job: dict[str, Any]) -> None:
    text, phonemes = _composed(library, job["pieces"])
    library.choose(tuning.file(job["voice"], job["pitch"], job["range"]))
    library.forget()
    for name in ("rate", "volume") if tuning.is_wide(job["voice"]) else ("rate", "volume", "pitch", "range"):
        library.set(name, job[name])
    try:
        pcm = library.speak(
            text, job["max_seconds"], phonemes=phonemes, wanted=lambda: not wire.is_left(sock)
        )
    except StoppedError:
        return
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
