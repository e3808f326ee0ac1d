"""The program of a ModelScope worker: loads one model once, then answers one job after the other."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from service.audio.samples import make_louder, read_wav
from service.audio.stretch import speed_up
from service.voices.modelscope_pipeline import make_pipeline, serve_pipeline
from service.workers import wire

if TYPE_CHECKING:
    from service.workers.attend import Answer


def serve_model(arguments: list[str]) -> None:
    """Serve jobs with the model `arguments[1]` until whoever keeps this process is gone."""
    serve_pipeline(arguments, "TTS_MODELS", _load, {})


def _load(source: str, device: str) -> Answer:
    ask = make_pipeline("text_to_speech", source, device)
    from modelscope.outputs import OutputKeys

    def speak(text: str, voice: str) -> bytes:
        wav: bytes = ask(input=text, voice=voice)[OutputKeys.OUTPUT_WAV]
        return wav

    return lambda sock, job: _answer(speak, sock, job)


def _answer(speak: Callable[[str, str], bytes], sock: socket.socket, job: dict[str, Any]) -> None:
    try:
        audio = read_wav(speak(job["input"], job["voice"]))
        audio = make_louder(speed_up(audio, job["speed"]), job["volume"])
    except Exception as error:  # noqa: BLE001 - whatever a model raises, the next job may still work
        print(f"modelscope worker: {type(error).__name__}: {error}", file=sys.stderr, flush=True)  # noqa: T201
        wire.send_message(sock, {"problem": "voice_failed"})
        return
    wire.send_message(sock, {"sample_rate": audio.sample_rate}, audio.pcm)


if __name__ == "__main__":
    serve_model(sys.argv[1:])
