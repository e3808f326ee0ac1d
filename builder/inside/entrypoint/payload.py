"""Runs inside a build: puts the payload where it belongs, and compiles what of it was not compiled before.

    python payload.py CODE FOLDER CACHE

It is run at every edit, so it imports little.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys


def main(arguments: list[str]) -> int:
    """The program: see the head of the file."""
    code, place, cache = arguments
    os.makedirs(cache, exist_ok=True)
    for file in sorted(copied(code, place)):
        if file.endswith(".py"):
            compile_once(file, cache)
    return 0


def copied(code: str, place: str) -> list[str]:
    """Copy all below a folder, with modes and dates; the files, where they are now."""
    found = []
    for top, folders, names in os.walk(code):
        below = place + top[len(code) :]
        for name in folders:
            os.makedirs(f"{below}/{name}", mode=0o755, exist_ok=True)
        for name in names:
            with open(f"{top}/{name}", "rb") as stream:
                its = os.fstat(stream.fileno())
                _write(f"{below}/{name}", stream.read())
            os.chmod(f"{below}/{name}", its.st_mode & 0o777)
            os.utime(f"{below}/{name}", ns=(its.st_mtime_ns, its.st_mtime_ns))
            found.append(f"{below}/{name}")
    return found


def compile_once(file: str, cache: str) -> None:
    """Compile a module; what the cache has of it is taken from there.

    What Python makes of a file depends on its text, its path and the Python, and on nothing else. Files that
    do not compile are skipped: a payload may carry templates of code.
    """
    target = importlib.util.cache_from_source(file)
    if os.path.exists(target):
        return
    with open(file, "rb") as stream:
        text = stream.read()
    depends = b"\0".join((sys.version.encode(), os.fsencode(file), text))
    known = f"{cache}/{hashlib.sha256(depends).hexdigest()}"
    if not os.path.exists(known):
        import py_compile  # only what is new takes it

        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        try:
            py_compile.compile(file, f"{known}.{os.getpid()}", file, doraise=True, invalidation_mode=mode)
        except py_compile.PyCompileError:
            return
        os.replace(f"{known}.{os.getpid()}", known)
    os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
    with open(known, "rb") as stream:
        _write(target, stream.read())


def _write(place: str, data: bytes) -> None:
    with open(place, "wb") as stream:
        stream.write(data)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
