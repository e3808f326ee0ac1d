"""Compiles the modules that a service loads, and no others: most of a large package is never imported.

Compiling everything makes an image a fifth larger; compiling nothing makes every start compile anew, since
the service may not write where its packages are. `docs/docker.md` has the figures.
"""

from __future__ import annotations

import csv
import os
import pathlib
import py_compile
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator

SMALL = 1_000_000
"""Bytes of source up to which a package counts as small; of a larger one only the modules named count."""

TIMEOUT = 600
"""Seconds for all imports of one process."""

_IMPORT = """
import contextlib, importlib, io, os, sys
said = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
for name in sys.argv[1:]:
    with contextlib.suppress(BaseException):
        importlib.import_module(name)
files = {str(getattr(module, "__file__", "")) for module in list(sys.modules.values())}
with os.fdopen(said, "w") as stream:
    stream.write("\\n".join(sorted(files)))
    stream.flush()
    os._exit(0)
"""
"""Imports what it can and tells every file that was loaded; exit handlers of strangers are not waited for."""


def compile_loaded(environment: pathlib.Path, packages: Iterable[str], modules: Iterable[str]) -> int:
    """Compile what importing the modules, and the top level of small packages, loads. Gives how many files.

    An import that fails is left to verification, which says more about it than a build step could.
    """
    (site,) = environment.glob("lib/python*/site-packages")
    wanted = sorted({*modules, *(name for each in packages for name in top_level(site, each))})
    loaded = _loaded(environment, wanted)
    if loaded is None:  # one of them ends the process: the others still count
        loaded = {file for name in wanted for file in _loaded(environment, [name]) or ()}
    sources = [file for file in loaded if file.endswith(".py") and file.startswith(f"{site}{os.sep}")]
    return sum(_compile(file) for file in sorted(sources))


def top_level(site: pathlib.Path, package: str) -> Iterator[str]:
    """Names that a small distribution, given by its canonical name, is imported by; read off its RECORD."""
    for folder in site.glob("*.dist-info"):
        if re.sub(r"[-_.]+", "-", folder.name.split("-")[0]).lower() == package:
            with (folder / "RECORD").open(newline="", encoding="utf-8") as stream:
                rows = [row for row in csv.reader(stream) if len(row) == 3]
            if sum(int(row[2] or 0) for row in rows if row[0].endswith(".py")) > SMALL:
                return
            paths = [row[0].split("/") for row in rows]
            yield from {path[0] for path in paths if len(path) == 2 and path[1] == "__init__.py"}
            yield from {path[0][:-3] for path in paths if len(path) == 1 and path[0].endswith(".py")}


def _loaded(environment: pathlib.Path, modules: list[str]) -> set[str] | None:
    """Files that importing the modules in one process loads; None when that process does not end well."""
    with tempfile.TemporaryDirectory() as scratch:
        env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": scratch, "TMPDIR": scratch}
        command = [str(environment / "bin" / "python"), "-B", "-W", "ignore", "-c", _IMPORT, *modules]
        try:
            done = subprocess.run(
                command,
                cwd=scratch,
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
    return set(done.stdout.decode("utf-8", "replace").splitlines()) if done.returncode == 0 else None


def _compile(source: str) -> int:
    """Write the source's .pyc, trusted without a look at the source: an image does not change."""
    file = pathlib.Path(source)
    target = f"{file.parent}/__pycache__/{file.stem}.{sys.implementation.cache_tag}.pyc"
    if pathlib.Path(target).exists():
        return 0
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    return 1 if py_compile.compile(source, cfile=target, invalidation_mode=mode, quiet=2) else 0
