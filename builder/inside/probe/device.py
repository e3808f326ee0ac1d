"""What a machine has for programs that compute on cards: device files, a driver, and what that tells."""

from __future__ import annotations

import glob
import importlib
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .report import DeviceFacts

VERSION_FILE = "/proc/driver/nvidia/version"
NODES = "/dev/nvidia[0-9]*"
MAJOR, MINOR = 75, 76
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR. Source: cuda.h."""


def look() -> DeviceFacts:
    """What files tell, without asking the driver."""
    return {"nodes": sorted(glob.glob(NODES)), "driver": release(VERSION_FILE)}


def release(path: str) -> str:
    """The version in the driver's own file; empty without one."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            found = re.search(r"Kernel Module.*?\b(\d{3}\.\d+(?:\.\d+)?)\b", stream.read())
    except OSError:
        return ""
    return found.group(1) if found else ""


def ask(library: Any = None) -> dict[str, Any]:
    """What the driver's library says: `cuda` and `cards`, or an `error`. It may not return."""
    ctypes = importlib.import_module("ctypes")  # it may be broken here, and most machines have no card
    try:
        driver = library or ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        return {"error": str(error)}
    code = driver.cuInit(0)
    if code:
        return {"error": "cuInit says %d" % code}
    version, count = ctypes.c_int(), ctypes.c_int()
    driver.cuDriverGetVersion(ctypes.byref(version))
    driver.cuDeviceGetCount(ctypes.byref(count))
    return {"cuda": version.value, "cards": [card(driver, number) for number in range(count.value)]}


def card(driver: Any, number: int) -> dict[str, Any]:
    """One card, by its number."""
    ctypes = importlib.import_module("ctypes")
    device, name = ctypes.c_int(), ctypes.create_string_buffer(256)
    driver.cuDeviceGet(ctypes.byref(device), number)
    driver.cuDeviceGetName(name, 256, device)
    return {
        "name": name.value.decode("utf-8", "replace"),
        "major": attribute(driver, MAJOR, device),
        "minor": attribute(driver, MINOR, device),
    }


def attribute(driver: Any, kind: int, device: Any) -> int:
    """One number of a card."""
    ctypes = importlib.import_module("ctypes")
    value = ctypes.c_int()
    driver.cuDeviceGetAttribute(ctypes.byref(value), kind, device)
    return int(value.value)
