"""The server of the relay: takes a program's questions on the loopback address, and answers them."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import re
import secrets
import socketserver
import sys
import threading
import urllib.parse
from collections.abc import Callable
from typing import Any, Protocol

import requests

from envspec.supply.core_metadata import parse_metadata
from envspec.supply.download import open_remote, read_remote, refuse_answer
from envspec.supply.listings import Page, read_metadata
from envspec.supply.page import HTML, JSON, RemoteFile, html_page, json_page, project_of
from envspec.supply.pip_settings import local_path
from envspec.supply.wheel import Wheel
from envspec.system.errors import EnvspecError, OutsideError
from envspec.system.scratch import scratch_folder

DOMAIN = ".envspec.invalid"
"""Below which the hosts are that exist nowhere else."""

_HANDED_ON = ("Content-Type", "Content-Range", "Accept-Ranges", "ETag", "Last-Modified", "Cache-Control")
"""What is said of a file beside its length."""

_TURNS = 16
"""Questions to indexes at once: more would only cost more connections."""

_UNHEARD = (BrokenPipeError, ConnectionResetError, TimeoutError)
"""Whoever asked has left."""


class Answering(Protocol):
    """Who knows the answers."""

    token: str
    """What a program must show."""
    trouble: dict[str, str]
    session: Callable[[], requests.Session]

    def page(self, host: str, path: str, known: str | None) -> tuple[str | None, Page | None]:
        """The project that a page's address means, and its page; None where it still has the tag `known`.

        Raises `OutsideError`, and `KeyError` for what is no address of a page.
        """

    def found(self, host: str, path: str) -> RemoteFile:
        """The file at a path. Raises `OutsideError`, and `KeyError` for what nobody offers."""


class RelayServer(http.server.ThreadingHTTPServer):
    """Listens on the loopback address alone, at a port that the system chooses."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, relay: Answering) -> None:
        self.relay = relay
        self.turns = threading.BoundedSemaphore(_TURNS)
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        """Without asking a name server for this machine's name, as the parent does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.socket.getsockname()[1]

    def handle_error(self, *_: Any) -> None:
        """What nobody foresaw breaks one connection, and whoever ran the program is told."""
        self.relay.trouble.setdefault("", f"an index was answered wrongly ({sys.exc_info()[0]})")


class _Handler(http.server.BaseHTTPRequestHandler):
    """One program's connection."""

    protocol_version = "HTTP/1.1"
    timeout = 300
    server: RelayServer

    @property
    def relay(self) -> Answering:
        """Whom it answers for."""
        return self.server.relay

    def handle(self) -> None:
        with contextlib.suppress(*_UNHEARD):
            super().handle()

    def log_message(self, *_: Any) -> None:
        """Nothing: addresses are nobody's business."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        said = self.headers.get("Proxy-Authorization", "")
        wanted = "Basic " + base64.b64encode(f"envspec:{self.relay.token}".encode()).decode()
        if not secrets.compare_digest(said.encode(), wanted.encode()):
            self._say(407, b"", {"Proxy-Authenticate": 'Basic realm="envspec"'})
            return
        parts = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(parts.path)
        ours = parts.netloc.endswith(DOMAIN)
        with self.server.turns:
            self._answer(parts.netloc, path, ours=ours)

    def _answer(self, host: str, path: str, *, ours: bool) -> None:
        try:
            if not ours:  # what a build asks for beside the indexes
                self._hand_on(RemoteFile(file=path.rpartition("/")[2] or "an address", url=self.path))
            elif path.endswith("/"):
                self._page(host, path)
            elif path.endswith(".metadata"):
                self._metadata(self.relay.found(host, path.removesuffix(".metadata")))
            else:
                self._hand_on(self.relay.found(host, path))
        except (KeyError, ValueError):  # nothing of that name
            self._say(404)
        except OutsideError as error:
            if ours:
                self.relay.trouble.setdefault(self.path, error.message)
            self._say(502)

    def _page(self, host: str, path: str) -> None:
        known = self.headers.get("If-None-Match")
        project, page = self.relay.page(host, path, known)
        kept = {"Cache-Control": page.fresh if page else None, "ETag": page.tag if page else known}
        if page is None:
            self._say(304, b"", kept)
            return
        if not page.files and project:
            self._say(404)
        elif project and JSON in self.headers.get("Accept", ""):
            body = json_page(project, page.files, lambda file: self._link(file, project))
            self._say(200, body, {**kept, "Content-Type": JSON})
        else:
            text = html_page(page.files, lambda file: self._link(file, project))
            self._say(200, text.encode(), {**kept, "Content-Type": HTML})

    @staticmethod
    def _link(file: RemoteFile, project: str | None) -> str:
        if local_path(file.url) is not None:
            return file.url
        return f"/{project or project_of(file.file)}/{urllib.parse.quote(file.file)}"

    def _metadata(self, remote: RemoteFile) -> None:
        try:
            data = read_metadata(remote, self.relay.session())
            if data is None:  # promised, and not there: pip gives up then
                self._say(200, self._read(remote), {"Content-Type": "text/plain"})
                return
            if remote.metadata_sha256 not in {None, hashlib.sha256(data).hexdigest()}:
                raise OutsideError("it is not what the index's page promises (its sha256 differs)")
            parse_metadata(data)
        except ValueError as error:
            raise OutsideError(f"the metadata of {remote.file} {error}") from error
        except OutsideError as error:
            raise OutsideError(
                f"the metadata of {remote.file} cannot be had from its index: {error.message}"
            ) from error
        self._say(200, data, {"Content-Type": "text/plain", "Cache-Control": "max-age=3600"})

    def _read(self, remote: RemoteFile) -> bytes:
        """The metadata out of the wheel itself."""
        with scratch_folder("relay") as folder:
            file = folder / remote.file
            with open_remote(remote, self.relay.session(), {}) as answer, file.open("wb") as stream:
                refuse_answer(remote, answer)
                for chunk in read_remote(remote, answer):
                    stream.write(chunk)
            try:
                with Wheel(file) as wheel:
                    return wheel.read(f"{wheel.dist_info}/METADATA")
            except OutsideError:
                raise
            except EnvspecError as error:
                raise OutsideError(error.message) from error

    def _hand_on(self, remote: RemoteFile) -> None:
        """The file, or the part of it that is asked for, as it comes."""
        asked = {name: self.headers[name] for name in ("Range", "If-Range") if name in self.headers}
        method = self.command
        with open_remote(remote, self.relay.session(), asked, method) as answer:
            if answer.status_code != requests.codes.requested_range_not_satisfiable:
                refuse_answer(remote, answer)
            told = answer.headers.get("Content-Length")
            self.send_response(answer.status_code)
            for name in _HANDED_ON:
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header(*(("Content-Length", told) if told else ("Transfer-Encoding", "chunked")))
            self.end_headers()
            if method == "HEAD":
                return
            digest = hashlib.sha256()
            try:
                for chunk in read_remote(remote, answer):
                    digest.update(chunk)
                    self.wfile.write(chunk if told else b"%x\r\n%b\r\n" % (len(chunk), chunk))
                if not told:
                    self.wfile.write(b"0\r\n\r\n")
                if answer.status_code == requests.codes.ok and remote.sha256 not in {
                    None,
                    digest.hexdigest(),
                }:
                    raise OutsideError(
                        f"{remote.file} is not the file that its index promises: other bytes come"
                    )
            except OutsideError as error:  # too late for another answer: it breaks off
                self.relay.trouble.setdefault(self.path, error.message)
                self.close_connection = True

    def _say(self, code: int, body: bytes = b"", headers: dict[str, str | None] | None = None) -> None:
        self.send_response(code)
        for name, value in (headers or {}).items():
            if value:
                self.send_header(name, re.sub(r"[\r\n]", " ", value))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
