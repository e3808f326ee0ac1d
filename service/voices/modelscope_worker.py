"""The program of a ModelScope worker: loads one model once, then answers one job after the other."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from service.audio.samples import make_louder, read_wav
from service.audio.stretch import speed_up
from service.voices.device import PROCESSOR, Device, DeviceError, choose_device, processor_will_do
from service.workers import attend, wire

if TYPE_CHECKING:
    from service.workers.attend import Answer


def serve_model(arguments: list[str]) -> None:
    """Serve jobs with the model `arguments[1]` until whoever keeps this process is gone."""
    _, source, device, reach = arguments
    if reach == "offline" and not os.path.isdir(source):  # noqa: PTH112
        sys.exit(
            f"the model {source} is not on this disk and TTS_OFFLINE is on: "
            f"name its folder in TTS_MODELS, or set TTS_OFFLINE=0"
        )

    def begin() -> tuple[Answer, dict[str, Any]]:
        try:
            where = _device(device)
            speak = _load(source, where.name)
        except DeviceError as error:
            raise attend.RefusedError(str(error)) from error
        except Exception as error:  # noqa: BLE001 - whatever it is, the log's last line must be for people
            sys.exit(f"the model {source} could not be loaded: {_reason(error)}")

        def answer(sock: socket.socket, job: dict[str, Any]) -> None:
            _answer(speak, sock, job)

        return answer, {"version": _version(), "device": where.name, "card": where.card}

    attend.attend(arguments, begin)


def _device(wanted: str) -> Device:
    """Where to compute. Raises `DeviceError`."""
    if wanted == PROCESSOR:
        # Models that look for a card themselves, as Sambert-HifiGAN's do, must not find one then.
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import torch

    return choose_device(wanted, torch, optional=processor_will_do())


def _load(source: str, device: str) -> Callable[..., bytes]:
    """The model as a function of `input` and `voice` that returns a WAV file's bytes."""
    import torch
    from modelscope.outputs import OutputKeys
    from modelscope.pipelines import pipeline
    from modelscope.utils.constant import Tasks

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    model = pipeline(Tasks.text_to_speech, model=source, device=device)

    def speak(text: str, voice: str) -> bytes:
        with torch.inference_mode():
            wav: bytes = model(input=text, voice=voice)[OutputKeys.OUTPUT_WAV]
        return wav

    return speak


def _reason(error: Exception) -> str:
    """An error's last line, and what to do where that is known."""
    said = f"{type(error).__name__}: {error}".strip().splitlines()[-1]
    if "kantts" in said or "ttsfrd" in said:
        said += " (Sambert-HifiGAN needs kantts and ttsfrd, as ModelScope's own wheel index has them)"
    return said


def _version() -> str:
    import modelscope

    return str(modelscope.__version__)


def _answer(speak: Callable[..., bytes], sock: socket.socket, job: dict[str, Any]) -> None:
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
