"""Compiles the modules that a service loads, and no others: most of a large package is never imported.

Compiling everything makes an image a fifth larger; compiling nothing makes every start compile anew, since
the service may not write where its packages are. `docs/docker.md` has the figures.
"""

from __future__ import annotations

import csv
import os
import pathlib
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator

SMALL = 1_000_000
"""Bytes of source up to which a package counts as small; of a larger one only the modules named count."""

TIMEOUT = 600
"""Seconds for all imports of one process."""

_IMPORT = """
import contextlib, importlib, importlib.machinery, importlib.util, os, sys
site = sys.argv[1] + os.sep
write = importlib.machinery.SourceFileLoader.set_data
def keep(loader, path, data, **more):
    if path.startswith(site):
        with open(importlib.util.source_from_cache(path), "rb") as source:
            known = importlib.util.source_hash(source.read())
        write(loader, path, bytes(data[:4]) + b"\\1\\0\\0\\0" + known + bytes(data[16:]), **more)
importlib.machinery.SourceFileLoader.set_data = keep
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
for name in sys.argv[2:]:
    with contextlib.suppress(BaseException):
        importlib.import_module(name)
os._exit(0)
"""
"""Imports what it can, and keeps what Python compiles on the way below one folder, trusted without a look at
the source's time: an image does not change, and times differ from build to build. Source: PEP 552.
Exit handlers of strangers are not waited for.
"""


def compile_loaded(environment: pathlib.Path, packages: Iterable[str], modules: Iterable[str]) -> None:
    """Compile what importing the modules, and the top level of those packages that are small, loads.

    Called after every stage with what that stage brings, so that a late stage loads little. An import that
    fails is left to verification, which says more about it than a build step could.
    """
    (site,) = environment.glob("lib/python*/site-packages")
    wanted = sorted({*modules, *(name for each in packages for name in top_level(site, each))})
    if wanted and not _imported(environment, site, wanted):
        for name in wanted:  # one of them ends the process: the others still count
            _imported(environment, site, [name])


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


def _imported(environment: pathlib.Path, site: pathlib.Path, modules: list[str]) -> bool:
    """Whether one process could try all of the modules."""
    with tempfile.TemporaryDirectory() as scratch:
        env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": scratch, "TMPDIR": scratch}
        command = [str(environment / "bin" / "python"), "-W", "ignore", "-c", _IMPORT, str(site), *modules]
        try:
            done = subprocess.run(
                command,
                cwd=scratch,
                env=env,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0
