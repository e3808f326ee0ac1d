"""Compiles the modules that a service loads, and no others: most of a large package is never imported.

Compiling everything makes an image a fifth larger; compiling nothing makes every start compile anew, since
the service may not write where its packages are. `docs/docker.md` has the figures.

In an image that is built without an engine it is a program, and OUT the folder that may be written to:

    OUT library                       the standard library, without its tests
    OUT folder FOLDER                 all that is below the folder
    OUT loaded ENVIRONMENT JSON       what `{"packages": [], "modules": []}` load
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import marshal
import os
import pathlib
import py_compile
import signal
import sys
from collections.abc import Iterable, Iterator
from typing import IO

from ..names import of_dist_info
from ..record import read_record

SMALL = 1_000_000
"""Bytes of source up to which a package counts as small; of a larger one only the modules named count."""

TIMEOUT = 600
"""Seconds for all imports of one process."""

UNUSED = {"dist-packages", "ensurepip", "idlelib", "lib2to3", "site-packages", "test", "tests", "tkinter"}
"""Folders in the standard library's that are not its own, or that no service loads."""

_IMPORT = """
import contextlib, importlib, importlib.machinery, importlib.util, os, sys
site, told = sys.argv[1] + os.sep, os.dup(1)
def tell(loader, path, data, **more):
    if path.startswith(site):
        name = os.fsencode(importlib.util.source_from_cache(path))
        os.write(told, b"%d %d\\n%s%s" % (len(name), len(data), name, data))
importlib.machinery.SourceFileLoader.set_data = tell
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
for name in sys.argv[2:]:
    with contextlib.suppress(BaseException):
        importlib.import_module(name)
os._exit(0)
"""
"""Imports what it can, and tells what Python would keep compiled of that below one folder.
Exit handlers of strangers are not waited for.
"""


_CUT = (None, -signal.SIGKILL)
"""How a process ends that this machine did not let end by itself: for want of time, or of memory."""


class CutShortError(Exception):
    """What some modules load could not be told whole, for a reason that may lie in this machine."""


def main(arguments: list[str]) -> int:
    """The program: see the head of the file."""
    out, job, *words = arguments
    try:
        if job == "library":
            import sysconfig  # slow to load, as others below, and a payload is compiled again and again

            compile_folder(sysconfig.get_path("stdlib"), UNUSED, out)
        elif job == "folder":
            compile_folder(words[0], set(), out)
        else:
            compile_loaded(pathlib.Path(words[0]), **json.loads(words[1]), out=out)
    except CutShortError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def compile_folder(top: str, without: set[str], out: str) -> None:
    """Compile all below a folder, but for folders of those names; templates of code are skipped."""
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(set(folders) - without - {"__pycache__"})
        for source in (os.path.join(folder, name) for name in files if name.endswith(".py")):  # noqa: PTH118
            place = beside(source)
            if os.path.isfile(source) and not os.path.exists(place):  # noqa: PTH110, PTH113 - hundreds of them
                mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
                with contextlib.suppress(py_compile.PyCompileError):
                    py_compile.compile(source, out + place, source, doraise=True, invalidation_mode=mode)


def compile_loaded(
    environment: pathlib.Path, packages: Iterable[str], modules: Iterable[str], out: str = ""
) -> None:
    """Compile what importing the modules, and the top level of those packages that are small, loads.

    Called after every stage with what that stage brings, so that a late stage loads little. An import that
    fails is left to verification, which says more about it than a build step could.

    Raises `CutShortError`, once all is compiled that could be.
    """
    (site,) = environment.glob("lib/python*/site-packages")
    wanted = sorted({*modules, *(name for each in packages for name in top_level(site, each))})
    if not wanted or _imported(environment, site, wanted, out) == 0:
        return
    # One of them ends the process: the others still count.
    cut = [name for name in wanted if _imported(environment, site, [name], out) in _CUT]
    if cut:
        raise CutShortError(f"importing {', '.join(cut)} was killed, or did not end in {TIMEOUT} s")


def top_level(site: pathlib.Path, package: str) -> Iterator[str]:
    """Names that a small distribution, given by its canonical name, is imported by; read off its RECORD."""
    for folder in site.glob("*.dist-info"):
        if of_dist_info(folder.name)[0] == package:
            rows = read_record(folder / "RECORD") or []
            if sum(int(size or 0) for path, _, size in rows if path.endswith(".py")) > SMALL:
                return
            paths = [path.split("/") for path, _, _ in rows]
            yield from {path[0] for path in paths if len(path) == 2 and path[1] == "__init__.py"}
            yield from {path[0][:-3] for path in paths if len(path) == 1 and path[0].endswith(".py")}


def beside(source: str) -> str:
    """Where Python looks for the compiled module of a source, by the path that no link leads over."""
    folder, name = os.path.split(source)
    return importlib.util.cache_from_source(os.path.join(os.path.realpath(folder), name))  # noqa: PTH118


def _imported(environment: pathlib.Path, site: pathlib.Path, modules: list[str], out: str) -> int | None:
    """How a process ended that tries the modules, 0 once it tried all; what it loaded is kept either way."""
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile() as told:
        env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": scratch, "TMPDIR": scratch}
        env["PYTHONHASHSEED"] = "0"
        command = [str(environment / "bin" / "python"), "-W", "ignore", "-c", _IMPORT, str(site), *modules]
        code = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = subprocess.run(
                command,
                cwd=scratch,
                env=env,
                stdout=told,
                stderr=subprocess.DEVNULL,
                timeout=TIMEOUT,
                check=False,
            ).returncode
        told.seek(0)
        for source, compiled in _records(told):
            _keep(source, compiled, out)
    return code


def _records(told: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    """Each module's source and what Python made of it; a last one that is cut short is left out."""
    while len(sizes := told.readline().split()) == 2:
        name, data = (told.read(int(size)) for size in sizes)
        if len(data) == int(sizes[1]):
            yield os.fsdecode(name), data


def _keep(source: str, compiled: bytes, out: str) -> None:
    """Write a module below `out`, trusted without a look at the source's time. Source: PEP 552.

    An image does not change, and times differ from build to build. The module is packed anew: how Python
    packs equal constants depends on what else is alive, and here that is always the same.
    """
    place = pathlib.Path(out + beside(source))
    place.parent.mkdir(parents=True, exist_ok=True)
    known = importlib.util.source_hash(pathlib.Path(source).read_bytes())
    code = marshal.dumps(marshal.loads(compiled[16:]))  # noqa: S302 - what this Python has just made
    place.write_bytes(compiled[:4] + b"\1\0\0\0" + known + code)
