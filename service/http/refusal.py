"""How a caller is told of an error: one shape for each API, whether the application refuses or its server."""

from __future__ import annotations

from typing import Any

from service.errors import ServiceError

OPENAI_PREFIX = "/v1/"

HTTP_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    411: "length_required",
    413: "body_too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    417: "expectation_failed",
    431: "headers_too_large",
    501: "not_implemented",
    503: "unavailable",
    505: "http_version_not_supported",
}
"""Stable codes for what the web framework and the server themselves refuse."""


def http_code(status: int) -> str:
    """The stable code of a status that nothing more is known of."""
    return HTTP_CODES.get(status, "bad_request" if status < 500 else "internal_error")


def refusal_body(path: str, error: ServiceError, request_id: str) -> dict[str, Any]:
    """The JSON object that tells of an error: `error` is a sentence, or an object as OpenAI has it."""
    if path.startswith(OPENAI_PREFIX):
        told = {
            "message": error.message,
            "type": _openai_type(error.status),
            "param": error.field,
            "code": error.code,
            "request_id": request_id,
        }
        return {"error": told}
    facts = {"code": error.code, "field": error.field, "request_id": request_id}
    return {
        "status": "error",
        "error": error.message,
        **{name: value for name, value in facts.items() if value is not None},
    }


def refusal_headers(error: ServiceError) -> dict[str, str]:
    """The headers that go with it."""
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def _openai_type(status: int) -> str:
    kinds = {401: "authentication_error", 429: "rate_limit_error"}
    return kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
