"""The head of a request as the standard has it: what is refused, and what the application is told of it."""

from __future__ import annotations

import dataclasses
import io
import re
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

import h11

from service.errors import ServiceError

LONGEST_TARGET = 4094
MOST_HEADERS = 64
LONGEST_HEAD = 16384
"""Bytes of a head: the request line and all headers."""

_HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%-]*(:[0-9]*)?|\[[0-9A-Fa-f:.%A-Za-z_-]+\](:[0-9]*)?")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)", re.IGNORECASE)


class RefusalError(ServiceError):
    """A request that the server itself refuses."""

    def __init__(self, status: int, message: str, code: str) -> None:
        super().__init__(message, code=code)
        self.status = status


@dataclasses.dataclass(frozen=True)
class Head:
    """The head of a request that is one."""

    method: str
    target: bytes
    """As it came, without an absolute form's scheme and host."""
    headers: tuple[tuple[bytes, bytes], ...]
    """Names in lower case."""
    version: str
    length: int | None
    """Bytes of the body, where they were told."""

    @property
    def path(self) -> str:
        """The path, as WSGI wants it: its bytes as Latin-1."""
        return unquote_to_bytes(self.target.partition(b"?")[0]).decode("latin-1")

    @property
    def wants_websocket(self) -> bool:
        """Whether the client asks to go on with a WebSocket."""
        return self.method == "GET" and self.value(b"upgrade").lower() == "websocket"

    def value(self, name: bytes) -> str:
        """A header's value; empty where it did not come."""
        return next((value.decode("latin-1") for known, value in self.headers if known == name), "")


def read_head(event: h11.Request, longest_body: Callable[[str], int]) -> Head:
    """The head that the parser found; `longest_body` tells how long the body of a path may be.

    Raises `RefusalError`.
    """
    headers = tuple(event.headers)
    named: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        named.setdefault(name, []).append(value)
    version = event.http_version
    if version not in (b"1.0", b"1.1"):
        raise RefusalError(505, "HTTP/1.1 and HTTP/1.0 are spoken here", "http_version_not_supported")
    target = _target(event.target)
    if len(headers) > MOST_HEADERS:
        raise RefusalError(431, f"more than {MOST_HEADERS} headers", "headers_too_large")
    hosts = named.get(b"host", [])
    if len(hosts) > 1 or any(not _HOST.fullmatch(host) for host in hosts):
        raise RefusalError(400, "one Host is needed, and it must be a name", "bad_request")
    if b"transfer-encoding" in named and (b"content-length" in named or version == b"1.0"):
        raise RefusalError(400, "it is not clear how long the body is", "bad_request")
    for name in (b"content-type", b"authorization", b"content-length"):
        if len(named.get(name, ())) > 1:
            raise RefusalError(400, f"more than one {name.decode()}", "bad_request")
    if any(value.lower() != b"100-continue" for value in named.get(b"expect", ())):
        raise RefusalError(417, "the only expectation that can be met is 100-continue", "expectation_failed")
    length = int(named[b"content-length"][0]) if b"content-length" in named else None
    head = Head(event.method.decode("ascii"), target, headers, version.decode("ascii"), length)
    max_body = longest_body(head.path)
    if length is not None and length > max_body:
        raise too_large(max_body)
    return head


def too_large(max_body: int) -> RefusalError:
    """Said of a body that is longer than the service reads."""
    return RefusalError(413, f"the body is longer than {max_body} bytes", "body_too_large")


def parser_refusal(error: h11.RemoteProtocolError, came: bytes) -> RefusalError:
    """What the parser says of bytes that are no request."""
    status = error.error_status_hint
    if status == 431 and b"\r\n" not in came and b"\n" not in came:
        return RefusalError(414, f"the address is longer than {LONGEST_TARGET} bytes", "uri_too_long")
    if status == 431:
        return RefusalError(431, f"the head is longer than {LONGEST_HEAD} bytes", "headers_too_large")
    if status == 501:
        return RefusalError(501, "the only transfer coding that is known is chunked", "not_implemented")
    return RefusalError(400, "this is not HTTP", "bad_request")


def wsgi_environ(
    head: Head, body: bytes, here: tuple[str, int], client: tuple[str, int], *, processes: int
) -> dict[str, Any]:
    """The environment of PEP 3333. Names with underscores stay out: they would pass for others."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": head.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": head.path,
        "QUERY_STRING": head.target.partition(b"?")[2].decode("latin-1"),
        "REQUEST_URI": head.target.decode("latin-1"),
        "SERVER_NAME": here[0],
        "SERVER_PORT": str(here[1]),
        "SERVER_PROTOCOL": f"HTTP/{head.version}",
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": processes > 1,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    for raw, value in head.headers:
        if b"_" in raw or raw in (b"content-length", b"transfer-encoding"):
            continue
        name = raw.decode("ascii").upper().replace("-", "_")
        key = name if name == "CONTENT_TYPE" else f"HTTP_{name}"
        said = value.decode("latin-1")
        environ[key] = f"{environ[key]},{said}" if key in environ else said
    return environ


def _target(target: bytes) -> bytes:
    if len(target) > LONGEST_TARGET:
        raise RefusalError(414, f"the address is longer than {LONGEST_TARGET} bytes", "uri_too_long")
    absolute = _ABSOLUTE.match(target)
    if absolute:
        target = target[absolute.end() :] or b"/"
        target = target if target.startswith(b"/") else b"/" + target
    if not target.startswith(b"/") or b"#" in target:
        raise RefusalError(400, "the address is no path", "bad_request")
    return target
