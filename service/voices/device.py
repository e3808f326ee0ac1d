"""Where a model computes: what the settings ask for, against the cards that torch can really use."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

PROCESSOR = "cpu"


class DeviceError(Exception):
    """The card that is asked for cannot be used; the message says why, and what to do."""


@dataclasses.dataclass(frozen=True)
class Device:
    """One place to compute, in the words of torch and ModelScope."""

    name: str
    """`cpu` or `cuda:0`."""
    card: str = ""
    """What the driver calls the card; empty for a processor."""


def processor_will_do() -> bool:
    """Whether this machine's user said that a processor will do where a card is meant."""
    return os.environ.get("ENVSPEC_GPU", "").strip().lower() == "optional"


def choose_device(wanted: str, torch: Any, *, optional: bool) -> Device:
    """The device that the setting means on this machine; `torch` is the module.

    `auto` takes the first card, or the processor. Raises `DeviceError` where a card is asked for that cannot
    be used, unless it is `optional`.
    """
    kind, _, number = wanted.partition(":")
    if kind == PROCESSOR:
        return Device(PROCESSOR)
    try:
        return _card(torch, int(number or 0))
    except DeviceError as error:
        if optional or kind == "auto":
            return Device(PROCESSOR)
        raise DeviceError(
            f"TTS_DEVICE is {wanted}, and {error}; TTS_DEVICE=auto computes on the processor then"
        ) from error


def _card(torch: Any, number: int) -> Device:
    """That card, on which something was really computed. Raises `DeviceError`."""
    if torch.version.cuda is None:
        raise DeviceError(f"torch {torch.__version__} is a build without CUDA")
    if not torch.cuda.is_available():
        raise DeviceError(f"torch {torch.__version__} (CUDA {torch.version.cuda}) finds no card here")
    if number >= torch.cuda.device_count():
        raise DeviceError(f"there is no card {number}: torch counts {torch.cuda.device_count()}")
    name = f"cuda:{number}"
    card = str(torch.cuda.get_device_name(number))
    try:
        sound = float(torch.ones(2, device=name).sum()) == 2.0
    except RuntimeError as error:  # no kernel for it, a card that is lost, or no memory left
        said = str(error).strip().splitlines() or ["it gives no reason"]
        raise DeviceError(f"torch {torch.__version__} cannot compute on {card}: {said[0]}") from error
    if not sound:
        raise DeviceError(f"{card} computes that 1 + 1 is not 2")
    return Device(name, card)
