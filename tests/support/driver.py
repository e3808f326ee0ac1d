"""A driver library that says what a test wants, built with this machine's C compiler: `libcuda.so.1`."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import pytest

SOURCE = """
#include <stdlib.h>
#include <string.h>
int cuDriverGetVersion(int *version) { *version = VERSION; return 0; }
int cuInit(unsigned flags) { ON_INIT; return INIT; }
int cuDeviceGetCount(int *count) { *count = COUNT; return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return 0; }
int cuDeviceGetName(char *name, int size, int device) { strncpy(name, NAME, size); return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    *value = attribute == 75 ? CAPABILITY / 10 : attribute == 76 ? CAPABILITY % 10 : 0;
    return 0;
}
"""


def stub_driver(
    folder: pathlib.Path,
    *,
    cuda: int = 13000,
    init: int = 0,
    cards: int = 1,
    name: str = "NVIDIA H200",
    capability: int = 90,
    on_init: str = "",
) -> dict[str, str]:
    """Build it in a folder; the variables with which a process finds it. `on_init` is C that runs first."""
    compiler = shutil.which("gcc")
    if compiler is None:
        if os.environ.get("CI") == "true":
            pytest.fail("there is no C compiler")
        pytest.skip("there is no C compiler")
    folder.mkdir(parents=True, exist_ok=True)
    source, library = folder / "driver.c", folder / "libcuda.so.1"
    source.write_text(SOURCE)
    defined = {
        "VERSION": cuda, "INIT": init, "COUNT": cards, "NAME": f'"{name}"', "CAPABILITY": capability,
        "ON_INIT": on_init,
    }  # fmt: skip
    command = [compiler, "-shared", "-fPIC", str(source), "-o", str(library)]
    subprocess.run(
        [*command, *(f"-D{key}={value}" for key, value in defined.items())], check=True, timeout=60
    )
    return {"LD_LIBRARY_PATH": str(folder)}
