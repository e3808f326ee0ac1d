"""The relay: through it uv and pip ask the indexes on the network, for the length of a block.

It is a proxy on the loopback address that answers for hosts which exist nowhere else, one for each index. So
a program knows no password and no certificate; every question is asked with this machine's patience and
within its bounds; and what an index refused is known here, whatever the program makes of it.

    http://<digest of the index's address>.envspec.invalid/<project>/            the page of a project
    http://<digest of the index's address>.envspec.invalid/<project>/<file>      a file of it
    http://<digest of the index's address>.envspec.invalid/                      all files of a page of links
    http://<digest of the index's address>.envspec.invalid/-/<digest>/<file>     a file that is known already

The names are the same in every run, so that what a program keeps by address is found again.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import functools
import hashlib
import http.server
import re
import secrets
import socketserver
import sys
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

import requests
from packaging.utils import canonicalize_name

from envspec.supply.core_metadata import parse_metadata
from envspec.supply.credentials import plain_address
from envspec.supply.download import open_remote, read_remote, refuse_answer
from envspec.supply.http import http_session
from envspec.supply.listings import Listings, read_metadata
from envspec.supply.page import HTML, JSON, RemoteFile, html_page, json_page, project_of
from envspec.supply.pip_settings import PipSettings, local_path
from envspec.supply.wheel import Wheel
from envspec.system.errors import EnvspecError, OutsideError
from envspec.system.scratch import scratch_folder

_DOMAIN = ".envspec.invalid"
_OURS = re.compile(rf"http://[0-9a-f]{{16}}{re.escape(_DOMAIN)}/")
_FORM = "1"
"""Enters the names: pages that a program kept of another form are not found again."""

_HANDED_ON = ("Content-Type", "Content-Range", "Accept-Ranges", "ETag", "Last-Modified", "Cache-Control")
"""What is said of a file beside its length."""

_TURNS = 16
"""Questions to indexes at once: more would only cost more connections."""

_NOWHERE = 9
"""A port at which nobody answers, as long as the relay does not run."""

NETWORK_HINT = "check the network and pip's configuration (`pip config list`)"
PASSWORD_HINT = (
    "give a name and a password that it accepts: a line in ~/.netrc, "  # noqa: S105 - it says where it goes
    "`machine HOST login NAME password PASSWORD`, in its address, or in a keyring"
)

_UNHEARD = (BrokenPipeError, ConnectionResetError, TimeoutError)
"""Whoever asked has left."""


class Relay:
    """Answers programs for the indexes of one machine. Safe for any number of programs at once."""

    def __init__(
        self, machine: PipSettings, listings: Listings, session: Callable[[], requests.Session]
    ) -> None:
        """`machine` is how pip is set up; `session` gives the one to ask for files with."""
        self.listings = listings
        self.session = session
        self.trouble: dict[str, str] = {}
        """What could not be asked, with the reason: sentences by the address asked for."""
        self.token = secrets.token_urlsafe(18)
        self._indexes: dict[str, str] = {}
        self._names = {url: f"index {name}" for url, name in machine.besides.items()}
        self._pages_of_links = {place for place in machine.find_links if local_path(place) is None}
        self._alone: dict[tuple[str, str], RemoteFile] = {}
        self._machine = machine
        self._port = _NOWHERE

    @property
    def machine(self) -> PipSettings:
        """pip's settings for programs that ask through the relay."""
        given = dataclasses.replace(
            self._machine,
            index_url=self.index(self._machine.index_url),
            extra_index_urls=tuple(map(self.index, self._machine.extra_index_urls)),
            find_links=tuple(map(self.index, self._machine.find_links)),
            redirects={},
            besides={},
        )
        hosts = (*self._machine.trusted_hosts, *(f"{key}{_DOMAIN}" for key in self._indexes))
        return dataclasses.replace(
            given, trusted_hosts=hosts, relay=f"http://envspec:{self.token}@127.0.0.1:{self._port}"
        )

    def index(self, url: str, name: str = "") -> str:
        """The address by which programs ask for an index; the same where it is on this machine.

        `name` is what messages call it.
        """
        if not url or local_path(url) is not None or _is_ours(url):
            return url
        key = _key(url)
        self._indexes[key] = url
        if name:
            self._names[url] = f"index {name}"
        return f"http://{key}{_DOMAIN}/"

    def links(self, url: str) -> str:
        """The same for a page of links."""
        if local_path(url) is None:
            self._pages_of_links.add(url)
        return self.index(url)

    def file(self, remote: RemoteFile) -> RemoteFile:
        """A file that is known already, as programs ask for it."""
        if local_path(remote.url) is not None:
            return remote
        host = self.index(urllib.parse.urljoin(remote.url, "/"))
        folder = f"-/{_key(remote.url)}"
        self._alone[urllib.parse.urlsplit(host).netloc, f"/{folder}/{remote.file}"] = remote
        return dataclasses.replace(remote, url=f"{host}{folder}/{urllib.parse.quote(remote.file)}")

    def meant(self, url: str) -> str:
        """The true address of what programs call so; the same for what is none of the relay's.

        Raises `OutsideError` when its index cannot be asked, or has it no more.
        """
        if not _is_ours(url):
            return url
        parts = urllib.parse.urlsplit(url)
        path = urllib.parse.unquote(parts.path)
        file = path.rpartition("/")[2]
        try:
            return self.found(parts.netloc, path).url
        except KeyError as error:
            raise OutsideError(f"{file} cannot be had: its index has it no more") from error
        except OutsideError as error:
            raise OutsideError(f"{file} cannot be had: {error.message}", hint=error.hint) from error

    def found(self, host: str, path: str) -> RemoteFile:
        """The file at a path. Raises `OutsideError`, and `KeyError` for what nobody offers."""
        if (alone := self._alone.get((host, path))) is not None:
            return alone
        index = self._indexes[host.removesuffix(_DOMAIN)]
        _, project, name = path.split("/")
        page = self.listings.page(index, None if index in self._pages_of_links else project)
        return page.named[name] if page else self._alone[host, path]

    def project(self, host: str, path: str) -> tuple[str, str | None]:
        """The index and the project that a page's address means. Raises `KeyError` for what is none."""
        index = self._indexes[host.removesuffix(_DOMAIN)]
        name = path.strip("/")
        if not name and index in self._pages_of_links:
            return index, None
        if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
            raise KeyError(name)
        return index, canonicalize_name(name)

    def refuse_trouble(self) -> None:
        """Raise `OutsideError` when an index could not be asked, whatever the program made of that."""
        if self.trouble:
            said = "; ".join(list(dict.fromkeys(self.trouble.values()))[:3])
            raise OutsideError(said, hint=PASSWORD_HINT if "(401)" in said else NETWORK_HINT)

    def refuse_failure(self) -> None:
        """The same after a program failed, when a folder that is an index may have been the reason too."""
        self.refuse_trouble()
        for url in self._machine.default_urls:
            path = local_path(url)
            if path is not None and not path.is_dir():
                raise OutsideError(
                    "index default cannot be asked: its folder is not there", hint=NETWORK_HINT
                )

    def name(self, index: str) -> str:
        """What messages call an index."""
        if index in self._pages_of_links:
            return "a page of pip's `find-links`"
        if index in self._names:
            return self._names[index]
        if index != self._machine.index_url and index in self._machine.extra_index_urls:
            return "an index of pip's `extra-index-url`"
        return "index default" if index == self._machine.index_url else "an index"

    @contextlib.contextmanager
    def running(self) -> Iterator[Relay]:
        """The relay, at the service of programs for the length of the block."""
        self.trouble = {}
        with _Server(self) as server:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            self._port = server.server_port
            try:
                yield self
            finally:
                self._port = _NOWHERE
                server.shutdown()


@contextlib.contextmanager
def relay_for(machine: PipSettings, note: Callable[[str], None] = lambda _: None) -> Iterator[Relay]:
    """A relay of its own for one program, for the length of the block; `note` is told of long waits."""
    session = functools.cache(lambda: http_session(machine, note=note))
    with Relay(machine, Listings(session), session).running() as relay:
        yield relay


def _key(url: str) -> str:
    return hashlib.sha256(f"{_FORM} {plain_address(url).rstrip('/')}".encode()).hexdigest()[:16]


def _is_ours(url: str) -> bool:
    return _OURS.match(url) is not None


class _Server(http.server.ThreadingHTTPServer):
    """Listens on the loopback address alone, at a port that the system chooses."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, relay: Relay) -> None:
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
    server: _Server

    @property
    def relay(self) -> Relay:
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
        ours = parts.netloc.endswith(_DOMAIN)
        with self.server.turns:
            self._answer(parts.netloc, path, ours=ours)

    def _answer(self, host: str, path: str, *, ours: bool) -> None:
        try:
            if not ours:  # what a build asks for beside the indexes
                self._hand_on(RemoteFile(file=path.rpartition("/")[2] or "an address", url=self.path))
            elif path.endswith("/"):
                self._page(*self.relay.project(host, path))
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

    def _page(self, index: str, project: str | None) -> None:
        known = self.headers.get("If-None-Match")
        try:
            page = self.relay.listings.page(index, project, known)
        except OutsideError as error:
            what = f"for {project}" if project else "for its links"
            raise OutsideError(f"{self.relay.name(index)} cannot be asked {what}: {error.message}") from error
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
