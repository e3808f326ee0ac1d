"""Whether the Python of a package loads NVIDIA's libraries by their place, before anything asks for them."""

from __future__ import annotations

import re

from envspec.proof.gpu.asides import is_aside
from envspec.supply.wheel import Wheel

READER = "preloads"
VERSION = 1

_LOADS = re.compile(rb"\bCDLL\b|\bLoadLibrary\b|load_nvidia_dynamic_lib|cuda\.pathfinder|cuda_pathfinder")
_PLACE = re.compile(rb"""["'/]nvidia["'/]|nvidia_dynamic_lib|cuda\.pathfinder|cuda_pathfinder""")
_LARGEST = 1 << 20


def preloads(wheel: Wheel) -> bool:
    """Whether a module opens libraries and knows the folder of NVIDIA's wheels, or asks their finder.

    So do torch, CuPy from 14 on, onnxruntime and NVIDIA's own `cuda.pathfinder`; what they load is then known
    to all of the process.
    """
    for entry in wheel.entries:
        if not entry.name.endswith(".py") or entry.size > _LARGEST or is_aside(entry.name):
            continue
        text = wheel.read(entry.name)
        if _LOADS.search(text) and _PLACE.search(text):
            return True
    return False
