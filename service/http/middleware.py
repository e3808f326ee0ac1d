"""What surrounds every route: request ids, keys, the log, the measures, and errors in one shape."""

from __future__ import annotations

import hmac
import time

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from service.errors import BodyTooLargeError, ServiceError, UnauthorizedError
from service.http.answers import OPEN_PATHS, Answer, note_answer, record_answer, request_id_of
from service.http.context import context
from service.http.logs import LOGGER
from service.http.refusal import http_code, refusal_body, refusal_headers

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT")
"""What a log line may name: callers may call a method what they like."""


def surround_app(app: Flask) -> None:
    """Put ids, keys, log, measures and the shape of errors around the application's routes."""
    app.before_request(_identify)
    app.before_request(_check_key)
    app.after_request(_finish)
    app.register_error_handler(ServiceError, _service_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _internal_error)


def error_reply(error: ServiceError) -> Response:
    """The reply that tells a caller of an error, in the shape of the API that was called."""
    response = jsonify(refusal_body(request.path, error, g.get("request_id", "")))
    response.status_code = error.status
    response.headers.update(refusal_headers(error))
    return response


def _identify() -> None:
    g.request_id = request_id_of(request.headers.get("X-Request-ID", ""))
    g.started = time.monotonic()


def _check_key() -> None:
    keys = context().settings.api_keys
    if not keys or request.path in OPEN_PATHS or _is_page():
        return
    header = request.headers.get("Authorization", "")
    offered = header[7:].strip() if header[:7].lower() == "bearer " else request.headers.get("X-API-Key", "")
    # Every key is compared, and in constant time, so that the time taken tells nothing.
    matches = [hmac.compare_digest(offered.encode("utf-8", "replace"), key.encode()) for key in keys]
    if not any(matches):
        raise UnauthorizedError("a valid key is needed: Authorization: Bearer <key>")


def _is_page() -> bool:
    return request.method in ("GET", "HEAD") and (request.path == "/" or request.path.startswith("/assets/"))


def _service_error(error: ServiceError) -> Response:
    g.error_code = error.code
    return error_reply(error)


def _http_error(error: HTTPException) -> Response:
    """What the framework refuses, in the same shape; redirects go through."""
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()  # type: ignore[return-value]
    status = error.code or 500
    said = BodyTooLargeError("the body is too large") if status == 413 else ServiceError(_plain(error))
    said.status = status
    said.code = http_code(status)
    g.error_code = said.code
    response = error_reply(said)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _plain(error: HTTPException) -> str:
    return error.name.lower() if (error.code or 500) < 500 else "something went wrong"


def _internal_error(error: Exception) -> Response:
    facts = {"request_id": g.get("request_id", "")}
    LOGGER.error("internal error", exc_info=error, extra={"facts": facts})
    g.error_code = ServiceError.code
    return error_reply(ServiceError("something went wrong; the log knows more under this request id"))


def _finish(response: Response) -> Response:
    answer = Answer(
        request_id=g.get("request_id", ""),
        method=request.method if request.method in METHODS else "other",
        route=request.url_rule.rule if request.url_rule else "unknown",
        status=response.status_code,
        seconds=time.monotonic() - g.get("started", time.monotonic()),
        length=response.content_length,
        error=g.get("error_code"),
        speech_facts=g.get("speech_facts", {}),
    )
    response.headers["X-Request-ID"] = answer.request_id
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Cache-Control", "no-store")
    record_answer(context().metrics, answer)
    note_answer(request.environ, answer)
    return response
