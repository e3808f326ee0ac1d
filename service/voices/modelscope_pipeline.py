"""One model in ModelScope's own `pipeline()`, as the workers of voices and of ears load it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from service.voices.device import PROCESSOR, Device, DeviceError, choose_device, processor_will_do
from service.workers import attend

if TYPE_CHECKING:
    from service.workers.attend import Answer

_NEEDS = {
    "kantts": "Sambert-HifiGAN needs kantts and ttsfrd, as ModelScope's own wheel index has them",
    "ttsfrd": "Sambert-HifiGAN needs kantts and ttsfrd, as ModelScope's own wheel index has them",
    "funasr": "Paraformer and SenseVoice need funasr and torchaudio, of the same release as torch",
    "torchaudio": "Paraformer and SenseVoice need funasr and torchaudio, of the same release as torch",
}
"""What to do where a model lacks a package."""


def serve_pipeline(
    arguments: list[str], setting: str, load: Callable[[str, str], Answer], greeting: dict[str, Any]
) -> None:
    """Serve jobs with the model that the arguments name, until whoever keeps this process is gone.

    They are the descriptors, the model, the device, and `offline` or `online`. `load` is given the model and
    where to compute; `setting` is what names the model; `greeting` is said beside where it computes.
    """
    _, source, device, reach = arguments
    if reach == "offline" and not os.path.isdir(source):  # noqa: PTH112
        sys.exit(
            f"the model {source} is not on this disk and TTS_OFFLINE is on: "
            f"name its folder in {setting}, or set TTS_OFFLINE=0"
        )

    def begin() -> tuple[Answer, dict[str, Any]]:
        try:
            where = _device(device)
            answer = load(source, where.name)
        except DeviceError as error:
            raise attend.RefusedError(str(error)) from error
        except Exception as error:  # noqa: BLE001 - whatever it is, the log's last line must be for people
            sys.exit(f"the model {source} could not be loaded: {_reason(error)}")
        return answer, {"version": _version(), "device": where.name, "card": where.card, **greeting}

    attend.attend(arguments, begin)


def make_pipeline(task: str, source: str, device: str, **more: Any) -> Callable[..., Any]:
    """ModelScope's pipeline for a task, by its name in `Tasks`, which computes without keeping gradients."""
    import torch
    from modelscope.pipelines import pipeline
    from modelscope.utils.constant import Tasks

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    model = pipeline(getattr(Tasks, task), model=source, device=device, **more)

    def ask(**asked: Any) -> Any:
        with torch.inference_mode():
            return model(**asked)

    return ask


def _device(wanted: str) -> Device:
    """Where to compute. Raises `DeviceError`."""
    if wanted == PROCESSOR:
        # Models that look for a card themselves, as Sambert-HifiGAN's do, must not find one then.
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import torch

    return choose_device(wanted, torch, optional=processor_will_do())


def _reason(error: Exception) -> str:
    """An error's last line, and what to do where that is known."""
    said = f"{type(error).__name__}: {error}".strip().splitlines()[-1]
    need = next((need for name, need in _NEEDS.items() if name in said), "")
    return f"{said} ({need})" if need else said


def _version() -> str:
    import modelscope

    return str(modelscope.__version__)
