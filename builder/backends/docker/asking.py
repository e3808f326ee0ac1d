"""Short questions to an engine behind a socket of this machine, without the SDK, which is slow to load.

HTTP/1.0 is enough for them: an answer is whole when the engine closes the connection. Source: Docker's Engine
API, whose paths without a version are those of the engine's own.
"""

from __future__ import annotations

import json
import os
import socket

TYPE_CHECKING = False  # as everything that is loaded before it is known whether there is anything to do
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

DEFAULT = "unix:///var/run/docker.sock"
"""Where an engine is that nobody says anything of."""

SCHEME = "unix://"
"""Begins the address of an engine that can be asked so."""

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/:")

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
    except (ValueError, RecursionError) as error:
        raise NoAnswerError("no JSON") from error


def plain_address(env: Mapping[str, str]) -> str | None:
    """The socket here that the user's own docker would speak to; None where it takes more to tell the engine.

    Source: Docker's client: `DOCKER_HOST`, else the current context, else the local socket.
    """
    if host := env.get("DOCKER_HOST"):
        return host if host.startswith(SCHEME) and not env.get("DOCKER_TLS_VERIFY") else None
    context = env.get("DOCKER_CONTEXT")
    if not context:
        try:
            with open(settings_file(env), "rb") as stream:  # noqa: PTH123 - no pathlib
                context = json.load(stream).get("currentContext")
        except FileNotFoundError:
            context = None
        except (OSError, ValueError, AttributeError):
            return None
    return DEFAULT if context in {None, "", "default"} else None


def settings_file(env: Mapping[str, str]) -> str:
    """Where Docker's client keeps which context is the current one."""
    folder = env.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")  # noqa: PTH111 - no pathlib
    return f"{folder}/config.json"


def tag_image(address: str, image: str, repository: str, tag: str) -> bool:
    """Give an image a name; whether the engine has it. Raises `NoAnswerError`."""
    where = f"/images/{image}/tag?repo={quoted(repository)}&tag={quoted(tag)}"
    return ask_engine(address, where, method="POST") is not None


def quoted(text: str) -> str:
    """A word as a query has it."""
    return "".join(chr(byte) if chr(byte) in _PLAIN else f"%{byte:02X}" for byte in text.encode())


def image_id(address: str, name: str) -> str | None:
    """Id of the image of that name; None when the engine does not have it. Raises `NoAnswerError`."""
    found = ask_engine(address, f"/images/{name}/json")
    return None if found is None else str(found["Id"])


def ping(address: str) -> None:
    """Raise `NoAnswerError` where no engine is there."""
    status, body = _answer(address, "GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n", 10.0)
    if status != 200:
        raise NoAnswerError(body.decode(errors="replace").strip() or f"status {status}")


def answers(address: str) -> bool:
    """Whether an engine is there."""
    try:
        ping(address)
    except NoAnswerError:
        return False
    return True


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
