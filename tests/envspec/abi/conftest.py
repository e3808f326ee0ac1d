"""Compilers and small binaries for the readers of compiled files."""

import pathlib
import shutil
import subprocess
from typing import Protocol

import pytest


class Compile(Protocol):
    """The C compiler of this machine: source in, the path of a shared library out."""

    def __call__(
        self, name: str, source: str, *flags: str, folder: pathlib.Path | None = None
    ) -> pathlib.Path: ...


@pytest.fixture(scope="session")
def compile_shared(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """`compile_shared(name, source, *flags, folder=None)`: a shared library made by the C compiler here."""
    compiler = shutil.which("gcc")
    if not compiler:
        pytest.skip("there is no gcc here")

    def build(name: str, source: str, *flags: str, folder: pathlib.Path | None = None) -> pathlib.Path:
        home = folder or tmp_path_factory.mktemp("shared")
        code = home / f"{name}.c"
        code.write_text(source)
        target = home / name
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-O2", "-w", "-o", target, code, *flags], check=True, timeout=60
        )
        return target

    return build
