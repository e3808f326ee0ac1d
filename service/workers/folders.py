"""Folders of one's own for as long as a process lives; those that killed ones left are swept."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import tempfile
import time

NEW = 60.0
"""Seconds for which a folder is left alone: whoever made it may not have locked it yet."""

_PREFIX = "tts-service-"


class OwnFolder:
    """A folder that is locked while this process, or one that was forked from it, lives."""

    def __init__(self, kind: str, parent: str | None = None) -> None:
        """Made below `parent`, the usual one for temporary files where that is None; `kind` is a word."""
        sweep(pathlib.Path(parent or tempfile.gettempdir()), kind)
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=_PREFIX + kind + "-", dir=parent))
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with contextlib.suppress(OSError):  # a file system without locks: nobody can take it for left, either
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def sweep(parent: pathlib.Path, kind: str) -> None:
    """Remove this user's folders of that kind which no process holds any more."""
    made = re.compile(re.escape(_PREFIX + kind) + r"-\w{8}")  # as `tempfile.mkdtemp` names them
    for path in parent.iterdir():
        if made.fullmatch(path.name) is None:
            continue
        with contextlib.suppress(OSError):
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                found = os.fstat(lock)
                if found.st_uid == os.geteuid() and time.time() - found.st_ctime > NEW:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
