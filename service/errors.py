"""Every way in which a request fails: its HTTP status, its stable code and what the caller can do.

    ServiceError
    ├── BadRequestError        400   bad_json, bad_request, text_missing, file_missing
    ├── UnauthorizedError      401   unauthorized
    ├── ForeignOriginError     403   foreign_origin
    ├── NotFoundError          404   model_not_found, no_ears, no_responder
    ├── BodyTooLargeError      413   body_too_large, too_much_sound
    ├── UnsupportedMediaError  415   unsupported_media_type
    ├── NoWebSocketError       426   websocket_needed
    ├── InvalidFieldError      422   invalid_field, text_too_long, nothing_to_speak, bad_audio, ...
    ├── BusyError              429   busy                    try again after `retry_after`
    ├── UnavailableError       503   unavailable             try again after `retry_after`
    ├── DeadlineError          504   deadline_exceeded
    └── GoneError              499   client_gone             nobody is there to be told

Messages are for the caller: they never hold a path, a traceback or another request's text.
"""

from __future__ import annotations


class ServiceError(Exception):
    """The root of all errors that a caller is told of; each subclass has its status."""

    status = 500
    code = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        field: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.field = field
        """The request's field that is to blame; None where no single one is."""
        self.retry_after = retry_after
        """Seconds after which the same request may work; None where it never will."""


class BadRequestError(ServiceError):
    """The body of the request is not what its type says."""

    status = 400
    code = "bad_request"


class UnauthorizedError(ServiceError):
    """A key is needed, and none or a wrong one came."""

    status = 401
    code = "unauthorized"


class ForeignOriginError(ServiceError):
    """A page of another place asks for what only pages of this service may."""

    status = 403
    code = "foreign_origin"


class NotFoundError(ServiceError):
    """What the request names does not exist here."""

    status = 404
    code = "not_found"


class BodyTooLargeError(ServiceError):
    """The body is longer than the service reads."""

    status = 413
    code = "body_too_large"


class UnsupportedMediaError(ServiceError):
    """The body's type is one that the service does not read."""

    status = 415
    code = "unsupported_media_type"


class InvalidFieldError(ServiceError):
    """A field of the request means nothing, or asks for what the voice cannot do."""

    status = 422
    code = "invalid_field"


class NoWebSocketError(ServiceError):
    """What is asked for needs a WebSocket, and the request is none or the server has none."""

    status = 426
    code = "websocket_needed"


class BusyError(ServiceError):
    """As many requests as the service admits are being worked on."""

    status = 429
    code = "busy"


class UnavailableError(ServiceError):
    """The voice or the ears cannot answer now: still loading, restarting, or draining."""

    status = 503
    code = "unavailable"


class GoneError(ServiceError):
    """The caller has left; this is for the log alone, with the status that others use for it."""

    status = 499
    code = "client_gone"

    def __init__(self) -> None:
        super().__init__("the caller has left")


class DeadlineError(ServiceError):
    """The work did not end in time and was stopped."""

    status = 504
    code = "deadline_exceeded"
