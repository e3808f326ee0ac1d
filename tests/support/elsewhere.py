"""Runs the programs as on another system than Linux, as far as that can be had without its machine.

    python -m tests.support.elsewhere win32|darwin PROGRAM WORDS...

What the system lacks is taken away before any of our modules is loaded: modules by a finder that refuses
them, functions and constants of the standard library by deletion. The standard library and other people's
packages are loaded before that and go on as they do on Linux: how those behave elsewhere is theirs to know.
The file system and the programs that are started stay Linux's too.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import importlib.abc
import importlib.machinery
import os
import platform
import select
import signal
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

LOADED_BEFORE = (
    "asyncio", "capstone", "click.testing", "concurrent.futures.process",
    "concurrent.futures.thread", "cyclonedx", "docker", "findpython",
    "installer", "isal.isal_zlib", "isal.igzip_threaded", "jinja2", "markdown_it", "mmap",
    "multiprocessing.shared_memory", "packaging.tags", "pip._internal.commands.install",
    "pip._internal.configuration", "pathlib", "piptools", "pydantic",
    "pypi_simple", "requests", "rich.console", "rich.progress", "shutil", "socketserver", "ssl",
    "subprocess", "tempfile", "tomlkit", "uv", "yaml", "zipfile",
)  # fmt: skip

MODULES = {
    "win32": {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"},
    "darwin": set[str](),
}
"""Modules that the system has not. Source: the pages of Python's library reference, "Availability"."""

GONE = {
    "win32": {
        os: (
            "O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_PATH", "WNOHANG", "chown", "fchmod",
            "fork", "getegid", "geteuid", "getgid", "getpgid", "getuid", "killpg", "lchown", "mkfifo",
            "posix_fadvise", "pread", "sched_getaffinity", "sched_setaffinity", "set_blocking", "setsid",
            "statvfs", "sysconf", "uname", "waitid",
        ),
        signal: (
            "ITIMER_REAL", "SIGALRM", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGSTOP", "SIGUSR1",
            "SIGXFSZ", "SIG_BLOCK", "SIG_UNBLOCK", "alarm", "pthread_sigmask", "setitimer",
        ),
        select: ("epoll", "poll"),
    },
    "darwin": {
        os: (
            "O_PATH", "copy_file_range", "memfd_create", "pidfd_open", "posix_fadvise", "sched_getaffinity",
            "sched_setaffinity", "setresuid", "setns", "splice", "unshare",
        ),
        signal: ("SIGPOLL", "SIGPWR", "SIGSTKFLT"),
        select: ("epoll",),
    },
}  # fmt: skip
"""Names that modules of the standard library have not there."""

NAMES = {"win32": "Windows", "darwin": "Darwin"}


class Refusing(importlib.abc.MetaPathFinder):
    """A finder that knows certain modules not to be there."""

    def __init__(self, names: set[str]) -> None:
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Nothing; raises `ModuleNotFoundError` for those."""
        if fullname in self._names:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


def settle(system: str) -> None:
    """Make this process believe in another system."""
    for name in LOADED_BEFORE:
        importlib.import_module(name)
    sys.meta_path.insert(0, Refusing(MODULES[system]))
    for name in MODULES[system]:
        sys.modules.pop(name, None)
    for module, names in GONE[system].items():
        _keep_for_others(module)
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    if system == "win32":
        ctypes.CDLL = functools.partial(_named_library, ctypes.CDLL)  # type: ignore[assignment, misc]
    sys.platform = system
    platform.system = lambda: NAMES[system]
    platform.libc_ver = lambda *_, **__: ("", "")


def _named_library(load: type[ctypes.CDLL], name: str | None, *words: Any, **more: Any) -> ctypes.CDLL:
    """A library by its name: on Windows none means no library, and elsewhere the program itself."""
    if name is None:
        raise TypeError("bad argument type for built-in operation")
    return load(name, *words, **more)


def _keep_for_others(module: ModuleType) -> None:
    """Give all that is loaded by now a whole copy of a module, since it was made for that."""
    whole = ModuleType(module.__name__)
    whole.__dict__.update(module.__dict__)
    for other in [each for name, each in sys.modules.items() if name != "__main__"]:
        for name, value in list(getattr(other, "__dict__", {}).items()):
            if value is module:
                setattr(other, name, whole)


def main() -> None:
    """Run a program as its entry point does."""
    settle(sys.argv[1])
    program = sys.argv[2]
    sys.argv = [program, *sys.argv[3:]]
    start = importlib.import_module("envspec.system.start")
    {"envspec": start.envspec, "build-image": start.build_image}[program]()


if __name__ == "__main__":
    main()
