"""Whether a program can work, asked as cheaply as a process can: a request, a connection, or a command.

The way to ask is what `[run] health` says: `{"path": ...}`, `{"tcp": port}` or `{"command": [...]}`.
"""

from __future__ import annotations

import os
import signal
import socket

from . import program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

TIMEOUT = 4.0
"""Seconds to connect, and again to answer."""
COMMAND_TIMEOUT = 25.0
"""Seconds that a command gets: it may have to load what the program has loaded long since."""


def asked(
    wish: Mapping[str, Any], port: int | None, env: dict[str, str], folder: str | None = None
) -> tuple[bool, str]:
    """Whether all is well, and what was seen; `port` is that of the program."""
    if "path" in wish:
        seen = status(port or 0, wish["path"])
        return seen == 200, "%s answers %s" % (wish["path"], seen or "nothing")
    if "tcp" in wish:
        there = connects(wish["tcp"])
        return there, "port %d takes %s" % (wish["tcp"], "connections" if there else "no connection")
    return command(wish["command"], env, folder)


def status(port: int, path: str) -> int:
    """The HTTP status that `path` answers with on this machine; 0 when nothing answers."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection:
            connection.settimeout(TIMEOUT)
            connection.sendall(request.encode("ascii", "replace"))
            line = connection.makefile("rb").readline(200).split()
    except OSError:
        return 0
    return int(line[1]) if len(line) > 1 and line[1].isdigit() else 0


def connects(port: int) -> bool:
    """Whether a port of this machine takes connections."""
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT):
            return True
    except OSError:
        return False


def command(
    words: Any, env: dict[str, str], folder: str | None, timeout: float = COMMAND_TIMEOUT
) -> tuple[bool, str]:
    """Whether a command ends with 0 in time; what it starts ends with it."""
    import contextlib
    import subprocess

    try:
        process = subprocess.Popen(
            words,
            env=env,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        return False, program.refusal(words[0], error)
    try:
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        return False, "%s does not end in %d s" % (words[0], timeout)
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return code == 0, "%s ends with %d" % (words[0], code)
