"""Where a model computes: with a torch that says what the test wants."""

from __future__ import annotations

import types
from typing import Any

import pytest

from service.voices.device import Device, DeviceError, choose_device


def torch(cards: int = 1, built: str | None = "13.0", fails: str = "", total: float = 2.0) -> Any:
    """A stand-in for the module."""

    def ones(_count: int, *, device: str) -> Any:
        if fails:
            raise RuntimeError(fails)
        return types.SimpleNamespace(sum=lambda: total)

    return types.SimpleNamespace(
        __version__="2.11.0",
        version=types.SimpleNamespace(cuda=built),
        cuda=types.SimpleNamespace(
            is_available=lambda: bool(built and cards),
            device_count=lambda: cards,
            get_device_name=lambda _number: "NVIDIA H200",
        ),
        ones=ones,
    )


@pytest.mark.parametrize(
    ("wanted", "name"), [("cuda", "cuda:0"), ("gpu", "cuda:0"), ("auto", "cuda:0"), ("gpu:1", "cuda:1")]
)
def test_a_card_is_named_as_torch_has_it(wanted: str, name: str) -> None:
    assert choose_device(wanted, torch(cards=2), optional=False) == Device(name, "NVIDIA H200")


def test_a_processor_asks_no_card() -> None:
    assert choose_device("cpu", None, optional=False) == Device("cpu")


@pytest.mark.parametrize(
    ("here", "words"),
    [
        (torch(built=None), "torch 2.11.0 is a build without CUDA"),
        (torch(cards=0), r"torch 2.11.0 \(CUDA 13.0\) finds no card here"),
        (
            torch(fails="CUDA error: no kernel image is available\nmore"),
            "cannot compute on NVIDIA H200: .*image",
        ),
        (torch(fails="\n"), "it gives no reason"),
        (torch(total=1.0), "1 [+] 1 is not 2"),
    ],
)
def test_what_stands_in_the_way_is_said(here: Any, words: str) -> None:
    with pytest.raises(DeviceError, match=f"^TTS_DEVICE is cuda, and .*{words}.*; TTS_DEVICE=auto"):
        choose_device("cuda", here, optional=False)
    assert choose_device("auto", here, optional=False) == Device("cpu")
    assert choose_device("cuda", here, optional=True) == Device("cpu")


def test_a_card_that_is_not_counted() -> None:
    with pytest.raises(DeviceError, match="there is no card 3: torch counts 1"):
        choose_device("cuda:3", torch(), optional=False)
