"""Asks the NVIDIA driver which cards there are; as a program it prints the answer as one line of JSON.

It runs as a process of its own (`ask`): a driver's library that crashes or hangs takes nobody with it.
Only the standard library, and what Python 3.8 understands. Source: cuda.h and nvml.h of CUDA 13.0.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
from typing import Any

LIBRARY = "libcuda.so.1"
MANAGEMENT = "libnvidia-ml.so.1"
KERNEL_MODULE = pathlib.Path("/proc/driver/nvidia/version")
"""What the loaded kernel module says of itself, in containers too."""

PATIENCE = 60.0
"""Seconds for the driver to answer: without persistence mode it wakes each card first."""

MOST = 64
"""Cards that are asked; a machine has some 16 at most."""

_MAJOR, _MINOR = 75, 76
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR."""

NO_DEVICE = 100
"""CUDA_ERROR_NO_DEVICE."""

_WORDS = {
    34: "what was loaded is a stub for linking, and no driver",
    NO_DEVICE: "the driver sees no card",
    802: "the cards are not ready yet: is the fabric manager running?",
    803: "the driver's library and its kernel module are of different versions",
    804: "the card does not take the compatibility package of another driver",
}
"""What some values of CUresult mean."""


def ask() -> dict[str, Any]:
    """What `driver_facts` finds, in another process; where that ends without an answer, the reason."""
    command = [sys.executable, "-I", "-S", "-B", __file__]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        facts: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"cards": [], "problem": f"the driver did not answer within {PATIENCE:.0f} s"}
    except (OSError, ValueError, IndexError):
        return {"cards": [], "problem": "the driver's library ended the process that asked it"}
    return facts


def driver_facts(library: str = LIBRARY) -> dict[str, Any]:
    """What the driver says: `cards` (name, major, minor), `cuda` (12080), `driver`; `problem` where it fails.

    `library` tells whether there is any driver; keys without an answer are left out.
    """
    facts: dict[str, Any] = {"cards": [], "library": False}
    version = _driver_version()
    if version:
        facts["driver"] = version
    try:
        import ctypes

        driver = ctypes.CDLL(library)
    except ImportError:
        return {**facts, "problem": "this Python has no ctypes, so no driver can be asked"}
    except OSError:
        return {**facts, "problem": f"there is no driver here ({library} cannot be loaded)"}
    facts["library"] = True
    try:
        _question(driver, facts)
    except AttributeError as error:
        facts["problem"] = f"{library} is no driver of NVIDIA's: {error}"
    return facts


def _question(driver: Any, facts: dict[str, Any]) -> None:
    """Add what the library says to the facts. Raises `AttributeError` where a function is missing."""
    import ctypes

    number = ctypes.c_int(0)
    if driver.cuDriverGetVersion(ctypes.byref(number)) == 0:
        facts["cuda"] = number.value
    code = driver.cuInit(0)
    if code == 0:
        code = driver.cuDeviceGetCount(ctypes.byref(number))
    if code != 0:
        facts["problem"] = _WORDS.get(code, f"the driver answers with error {code}")
        facts["code"] = code
        return
    for ordinal in range(min(number.value, MOST)):
        device, name, value = ctypes.c_int(0), ctypes.create_string_buffer(256), ctypes.c_int(0)
        if driver.cuDeviceGet(ctypes.byref(device), ordinal) != 0:
            continue
        card: dict[str, Any] = {"name": ""}
        if driver.cuDeviceGetName(name, len(name) - 1, device) == 0:
            card["name"] = name.value.decode("utf-8", "replace")
        for key, attribute in (("major", _MAJOR), ("minor", _MINOR)):
            driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
            card[key] = value.value
        facts["cards"].append(card)


def _driver_version() -> str:
    """The driver's version, such as `580.159.04`: as the kernel tells it, else as NVML does; else empty."""
    try:
        text = KERNEL_MODULE.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _managed_version()
    found = re.search(r"Kernel Module\D*?\s(\d+\.\d+(?:\.\d+)?)\s", text)
    return found.group(1) if found else _managed_version()


def _managed_version() -> str:
    try:
        import ctypes

        library = ctypes.CDLL(MANAGEMENT)
        text = ctypes.create_string_buffer(96)
        if library.nvmlInit_v2() == 0 and library.nvmlSystemGetDriverVersion(text, len(text) - 1) == 0:
            return text.value.decode("ascii", "replace")
    except (ImportError, OSError, AttributeError):
        pass
    return ""


if __name__ == "__main__":
    sys.stdout.write(json.dumps(driver_facts()) + "\n")
