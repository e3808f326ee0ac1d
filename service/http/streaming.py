"""Sound that is sent while it is made, when an error can no longer have a status."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

from flask import Response, g

from service.errors import GoneError, ServiceError
from service.http.logs import LOGGER


def stream_response(
    sound: Generator[bytes, None, None],
    media_type: str,
    form: Callable[[Iterator[bytes]], Iterator[bytes]] = iter,
) -> Response:
    """A reply that carries each piece as soon as it is made, in some form.

    An error on the way is logged, and cuts the connection to tell the client of it.
    """
    response = Response(form(_guarded(sound, g.request_id)), mimetype=media_type)
    response.call_on_close(sound.close)
    return response


def server_event(said: Mapping[str, Any]) -> bytes:
    """One server-sent event."""
    return f"data: {json.dumps(said)}\n\n".encode()


def _guarded(sound: Iterator[bytes], request_id: str) -> Iterator[bytes]:
    try:
        yield from sound
    except ServiceError as error:
        if not isinstance(error, GoneError):
            facts = {"request_id": request_id, "error": error.code, "reason": error.message}
            LOGGER.warning("the sound broke off", extra={"facts": facts})
        # The server takes this for a connection that is gone, and closes it without an end of the reply.
        raise ConnectionResetError(errno.ECONNRESET, "the sound broke off") from error
