"""Sound that is sent while it is made, when an error can no longer have a status."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from flask import g

from service.audio.pcm import Audio
from service.errors import ServiceError
from service.http.logs import LOGGER


def guard_sounds(sounds: Iterator[Audio]) -> Iterator[Audio]:
    """The same sounds; an error on the way is logged, and cuts the connection to tell the client of it."""
    request_id = g.request_id

    def passed_on() -> Iterator[Audio]:
        try:
            yield from sounds
        except ServiceError as error:
            facts = {"request_id": request_id, "error": error.code, "reason": error.message}
            LOGGER.warning("the sound broke off", extra={"facts": facts})
            # gunicorn takes this for a connection that is gone, and closes it without an end of the reply.
            raise ConnectionResetError(errno.ECONNRESET, "the sound broke off") from error

    return passed_on()
