"""Short questions to an engine behind a socket of this machine, without the SDK, which is slow to load.

HTTP/1.0 is enough for them: an answer is whole when the engine closes the connection. Source: Docker's Engine
API, whose paths without a version are those of the engine's own.
"""

from __future__ import annotations

import json
import socket

TYPE_CHECKING = False  # as everything that is loaded before it is known whether there is anything to do
if TYPE_CHECKING:
    from typing import Any

SCHEME = "unix://"
"""Begins the address of an engine that can be asked so."""

_PIECE = 1 << 16
_LARGEST = 1 << 24
"""Bytes of an answer: what is longer, no question here has."""


class NoAnswerError(Exception):
    """Nobody answers at the socket, or not as an engine does."""


def ask_engine(address: str, path: str, *, method: str = "GET", patience: float = 60.0) -> Any | None:
    """The answer to one question, from JSON; None where the engine does not have what is asked for.

    `patience` is in seconds. Raises `NoAnswerError`, also for what the engine refuses.
    """
    status, body = _answer(address, f"{method} {path} HTTP/1.0\r\nHost: engine\r\n\r\n", patience)
    if status == 404:
        return None
    if not 200 <= status < 300:
        raise NoAnswerError(body.decode(errors="replace").strip() or f"status {status}")
    try:
        return json.loads(body) if body else {}
    except ValueError as error:
        raise NoAnswerError("no JSON") from error


def image_id(address: str, name: str) -> str | None:
    """Id of the image of that name; None when the engine does not have it. Raises `NoAnswerError`."""
    found = ask_engine(address, f"/images/{name}/json")
    return None if found is None else str(found["Id"])


def answers(address: str) -> bool:
    """Whether an engine is there."""
    try:
        return _answer(address, "GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n", 10.0)[0] == 200
    except NoAnswerError:
        return False


def _answer(address: str, question: str, patience: float) -> tuple[int, bytes]:
    if not address.startswith(SCHEME) or not hasattr(socket, "AF_UNIX"):
        raise NoAnswerError(f"{address} is no socket of this machine")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(patience)
            line.connect(address.removeprefix(SCHEME))
            line.sendall(question.encode())
            said = b""
            while piece := line.recv(_PIECE):
                said += piece
                if len(said) > _LARGEST:
                    raise NoAnswerError("its answer has no end")
        head, _, body = said.partition(b"\r\n\r\n")
        return int(head.split(None, 2)[1]), body
    except OSError as error:
        raise NoAnswerError(str(error)) from error
    except (ValueError, IndexError) as error:
        raise NoAnswerError("it speaks no HTTP") from error
