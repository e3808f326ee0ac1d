"""Compiled files for an environment that has none: the probe's processes share them, beside it."""

from __future__ import annotations

import os
import sys

UNUSED = ("site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "ensurepip", "turtledemo")
"""Folders of the standard library that an import hardly ever reaches, or that are none of its own."""


def is_compiled(sites: list[str]) -> bool:
    """Whether packages have their compiled files beside them, or this Python cannot have them elsewhere."""
    if sys.version_info < (3, 8):
        return True
    packages = [os.path.join(site, name) for site in sites for name in os.listdir(site)]
    return any(os.path.isdir(os.path.join(package, "__pycache__")) for package in packages)


def lend(library: str, prefix: str) -> None:
    """Link the standard library's own compiled files to where Python looks for them below `prefix`.

    With a prefix Python looks nowhere else, and would compile the library anew for each environment. A link
    whose source has changed is replaced by a file, so nothing is written beside the library.
    """
    ending = ".%s.pyc" % sys.implementation.cache_tag
    for folder, inner, _ in os.walk(library):
        kept = os.path.join(folder, "__pycache__")
        inner[:] = [name for name in inner if name not in UNUSED and name != "__pycache__"]
        try:
            names = [name for name in os.listdir(kept) if name.endswith(ending)]
        except OSError:
            continue
        place = os.path.join(prefix, folder.lstrip("/"))
        os.makedirs(place, exist_ok=True)
        for name in names:
            os.symlink(os.path.join(kept, name), os.path.join(place, name))
