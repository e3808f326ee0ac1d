"""Extension modules that the tests make with the C compiler of this machine."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sysconfig

import pytest

MODULE = """
#include <Python.h>
{declarations}
static struct PyModuleDef def = {{PyModuleDef_HEAD_INIT, "{name}", 0, -1, {methods}}};
PyMODINIT_FUNC PyInit_{name}(void) {{ {body} return PyModule_Create(&def); }}
"""


def compiled(
    folder: pathlib.Path,
    *flags: str,
    name: str = "_fast",
    declarations: str = "",
    methods: str = "0",
    body: str = "",
) -> bytes:
    """The bytes of an extension module."""
    compiler = shutil.which("gcc")
    include = sysconfig.get_path("include")
    if compiler is None or not (pathlib.Path(include) / "Python.h").exists():
        problem = "there is no C compiler, or no Python.h"
        if os.environ.get("CI") == "true":
            pytest.fail(problem)
        pytest.skip(problem)
    source, target = folder / f"{name}.c", folder / f"{name}.so"
    source.write_text(MODULE.format(name=name, declarations=declarations, methods=methods, body=body))
    command = [compiler, "-shared", "-fPIC", "-w", f"-I{include}", str(source), "-o", str(target), *flags]
    subprocess.run(command, check=True, timeout=60)
    return target.read_bytes()
