"""The program of an espeak worker: loads the library once, then forks a child for every job.

espeak keeps state from one text to the next, so the same text said twice in one process gives other
bytes. A child of the untouched parent always starts from the same state, and takes a crash with it.
The parent has a single thread, which makes the fork safe.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import signal
import socket
import sys
from typing import Any

from service.voices.espeak_library import EspeakError, Library, TooLongError
from service.workers import wire

CPU_SECONDS = 120
"""Processor time after which the kernel ends a job, whatever else fails."""
PINYIN_VOICE = "cmn-latn-pinyin"
"""espeak's voice that reads Mandarin syllables."""
_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Serve jobs over the socket `arguments[0]`; warm up the voices named after it."""
    sock = socket.socket(fileno=int(arguments[0]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the service stops its workers itself
    library = _load(arguments[1:])
    wire.send(sock, {"version": library.version, "sample_rate": library.sample_rate})
    gc.freeze()
    with contextlib.suppress(wire.ClosedError):
        while True:
            job, _ = wire.receive(sock)
            _run_in_child(library, sock, job)


def _load(voices: list[str]) -> Library:
    """The library, with every voice's dictionary read, so that no job pays for it."""
    import espeakng_loader  # type: ignore[import-untyped]

    library = Library(espeakng_loader.get_library_path(), espeakng_loader.get_data_path())
    for voice in reversed(voices):
        library.choose(voice)
        library.speak("1", 10)
    _test_mandarin(library)
    return library


def _test_mandarin(library: Library) -> None:
    """Debian 12's espeak-ng 1.51 spells Mandarin out in letters; refuse such a library."""
    library.choose("cmn")
    said = library.phonemes("你好")
    if "(en)" in said or not said.startswith("ni2"):
        raise EspeakError(f"espeak-ng {library.version} does not speak Mandarin: 你好 became {said!r}")


def _run_in_child(library: Library, sock: socket.socket, job: dict[str, Any]) -> None:
    child = os.fork()
    if child == 0:
        try:
            _die_with_parent()
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
            _answer(library, sock, job)
        except BaseException as error:  # noqa: BLE001 - a child must never return into its parent's loop
            print(f"espeak worker: {type(error).__name__}: {error}", file=sys.stderr, flush=True)  # noqa: T201
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status != 0:
        # What the child had already sent cannot be told from a whole answer: let the service start afresh.
        os._exit(1)


def _answer(library: Library, sock: socket.socket, job: dict[str, Any]) -> None:
    spelt = [[kind, _phonemes(library, text) if kind == "pinyin" else text] for kind, text in job["pieces"]]
    library.choose(job["voice"])
    for name in ("rate", "volume", "pitch", "range"):
        library.set(name, job[name])
    try:
        pcm = library.speak(
            _composed(spelt), job["max_seconds"], phonemes=len(spelt) > 1 or spelt[0][0] == "pinyin"
        )
    except TooLongError:
        wire.send(sock, {"problem": "audio_too_long"})
        return
    wire.send(sock, {"sample_rate": library.sample_rate}, pcm)


def _phonemes(library: Library, pinyin: str) -> str:
    """espeak's phonemes of pinyin syllables."""
    library.choose(PINYIN_VOICE)
    return library.phonemes(pinyin)


def _composed(pieces: list[list[str]]) -> str:
    """One text with its phonemes in [[ ]]; where a caller wrote such brackets, they come apart."""
    if len(pieces) == 1 and pieces[0][0] == "text":
        return pieces[0][1]
    return "".join(f"[[{text}]]" if kind == "pinyin" else text.replace("[", " ") for kind, text in pieces)


def _die_with_parent() -> None:
    """Ask Linux to kill this child when its parent dies; elsewhere the processor limit ends it."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
