"""Runs inside a build: puts the payload where it belongs, and compiles what of it was not compiled before.

It is run at every edit, so it imports little.
"""

from __future__ import annotations

import importlib.util
import os

from .packed import compiled, keep, kept, packed


def main(arguments: list[str]) -> int:
    """The program; its words are the payload's folder, where it belongs, and a folder that is kept."""
    code, place, cache = arguments
    os.makedirs(cache, exist_ok=True)
    for file in sorted(copied(code, place)):
        if file.endswith(".py"):
            compile_once(file, cache)
    return 0


def copied(code: str, place: str) -> list[str]:
    """Copy all below a folder, with modes and dates; the files, where they are now."""
    found = []
    os.makedirs(place, mode=0o755, exist_ok=True)
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
    known = kept(cache, text, file)
    if not os.path.exists(known):
        code = compiled(text, file)
        if code is None:
            return
        keep(known, packed(text, code))
    os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
    with open(known, "rb") as stream:
        _write(target, stream.read())


def _write(place: str, data: bytes) -> None:
    with open(place, "wb") as stream:
        stream.write(data)
