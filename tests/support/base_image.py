"""A base image made of this machine's own Python: small, runnable, and nobody has to be asked for it."""

import fnmatch
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import tarfile

import uv

LEFT_OUT = (
    *("__pycache__", "config-*", "site-packages", "*.a"),
    *("ensurepip", "idlelib", "lib2to3", "pydoc_data", "test", "tkinter", "turtle*", "unittest", "sqlite3"),
    *("_test*.so", "_tkinter*.so", "_sqlite3*.so", "_curses*.so", "readline*.so", "nis*.so", "_*dbm*.so"),
)
"""What nothing here needs, or links to much that nothing here needs."""

FOLDERS = ("dev", "etc", "proc", "run", "sys", "tmp", "usr/local/bin", "var/tmp")
PASSWD = "root:x:0:0:root:/root:/bin/sh\n"


def write_base(file: pathlib.Path) -> None:
    """Write the archive: interpreter and standard library below /usr/local, and what these and uv link to."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    prefix = pathlib.Path(sys.base_prefix)
    program = (prefix / "bin" / version).resolve()
    library = pathlib.Path(sysconfig.get_path("stdlib"))
    with tarfile.open(file, "w") as archive:
        for name in FOLDERS:
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777 if name.endswith("tmp") else 0o755
            archive.addfile(info)
        passwd = file.with_name("passwd")
        passwd.write_text(PASSWD)
        archive.add(passwd, "etc/passwd")
        archive.add(program, f"usr/local/bin/{version}")
        archive.add(library, f"usr/local/lib/{version}", filter=_without_ballast)
        compiled = [each for each in library.glob("lib-dynload/*.so") if not _is_ballast(each)]
        binaries = [program, pathlib.Path(uv.find_uv_bin()), *compiled]
        for each in sorted({found for binary in binaries for found in _linked(binary)}):
            small = file.with_name("stripped")
            shutil.copy(each, small)
            subprocess.run(["strip", small], check=False)
            archive.add(small, str(each).lstrip("/"))


def _without_ballast(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if _is_ballast(pathlib.PurePath(info.name)) else info


def _is_ballast(path: pathlib.PurePath) -> bool:
    return any(fnmatch.fnmatch(path.name, pattern) for pattern in LEFT_OUT)


def _linked(binary: pathlib.Path) -> list[pathlib.Path]:
    """The libraries that the loader of this machine finds for it."""
    said = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
    words = [line.partition("(")[0].split() for line in said.splitlines()]
    return [pathlib.Path(each[-1]) for each in words if each and each[-1].startswith("/")]
