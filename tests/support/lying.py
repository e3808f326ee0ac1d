"""An index that lies: the first part of a path says how, and `LIES` what is true of each.

    http://127.0.0.1:<port>/<lie>/simple/<project>/        a page
    http://127.0.0.1:<port>/<lie>/files/<file>             a file, and `<file>.metadata`

Below `guarded/` the same is told to those alone who give the right name and password.
"""

import base64
import contextlib
import dataclasses
import datetime as dt
import email.utils
import functools
import gzip
import hashlib
import http.server
import json
import pathlib
import re
import threading
import time
import urllib.parse
import zlib
from collections.abc import Callable, Iterator

from .web import JSON
from .wheels import wheel

NAME, PASSWORD = "alice", "p@ss/w:rd%?#x"

HTML = "text/html"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lie:
    """One way in which an index fails, and what must be said of it."""

    said: str = ""
    """A pattern of what a message has to say; empty where the answer is right in the end."""
    code: int = 4
    """With which `envspec lock` ends."""
    slow: bool = False
    """Whether it takes more than a few seconds to find out."""
    pages: bool = True
    """Whether a page of the index is enough to notice."""


RIGHT = Lie(code=0)
NO_INDEX = Lie(said="no package index")

LIES: dict[str, Lie] = {
    "ok": RIGHT,
    "once-429": RIGHT,
    "once-reset": RIGHT,
    "long": dataclasses.replace(RIGHT, slow=True),
    "elsewhere": RIGHT,
    "pause": RIGHT,
    "tagged": RIGHT,
    "no-metadata": dataclasses.replace(RIGHT, pages=False),
    "odd-names": RIGHT,
    "401": Lie(said=r"\(401\)"),
    "403": Lie(said=r"refuses access \(403\)"),
    "407": Lie(said=r"proxy.*\(407\)"),
    "418": Lie(said="answers 418"),
    "204": Lie(said="answers 204"),
    "206": Lie(said="answers 206"),
    "login": Lie(said="a web page that is no package index, such as one to log in"),
    "login-script": Lie(said="such as one to log in"),
    "login-elsewhere": Lie(said="such as one to log in"),
    "429": Lie(said=r"asked too often \(429\)"),
    "429-hour": Lie(said=r"asked too often \(429\), and wants to be asked again in 3600 s"),
    "429-date": Lie(said=r"asked too often \(429\), and wants to be asked again in \d+ s"),
    "429-nonsense": Lie(said=r"asked too often \(429\)"),
    "503-hour": Lie(said=r"fails, again and again \(503\), and wants to be asked again in 3600 s"),
    "500": Lie(said=r"fails, again and again \(500\)"),
    "501": Lie(said=r"fails \(501\)"),
    "endless-500": Lie(said=r"fails, again and again \(500\)"),
    "loop": Lie(said="sends on more than 10 times"),
    "endless-redirect": Lie(said="sends on more than 10 times"),
    "to-file": Lie(said="no address that could be asked"),
    "to-nonsense": Lie(said="no address that could be asked"),
    "to-nowhere": Lie(said="no connection"),
    "to-unknown": Lie(said="host's name is not known"),
    "silent": Lie(said="no answer in time", slow=True),
    "drip": Lie(said="no whole answer in 60 s", slow=True),
    "drip-header": Lie(said="no whole answer in 60 s", slow=True),
    "reset": Lie(said="broke off"),
    "cut": Lie(said="broke off"),
    "no-http": Lie(said="broke off"),
    "huge-header": Lie(said="broke off"),
    "many-headers": Lie(said="broke off"),
    "empty": NO_INDEX,
    "picture": NO_INDEX,
    "picture-as-html": NO_INDEX,
    "json-as-html": NO_INDEX,
    "html-as-json": NO_INDEX,
    "json-cut": NO_INDEX,
    "json-nested": NO_INDEX,
    "json-number": NO_INDEX,
    "json-types": NO_INDEX,
    "json-later": Lie(said="a form of a later time"),
    "html-later": Lie(said="a form of a later time"),
    "not-utf8": NO_INDEX,
    "bomb": Lie(said="larger than 64 MB"),
    "double-bomb": Lie(said="packed in a way that was not asked for"),
    "endless": Lie(said="larger than 64 MB"),
    "brotli": Lie(said="packed in a way that was not asked for"),
    "no-gzip": Lie(said="cannot be unpacked"),
    "half-gzip": Lie(said="broke off|cannot be unpacked"),
    "metadata-garbage": Lie(said="metadata of alpha", pages=False),
    "metadata-login": Lie(said="metadata of alpha", pages=False),
    "metadata-403": Lie(said=r"metadata of alpha.*\(403\)", pages=False),
    "metadata-500": Lie(said=r"metadata of alpha.*\(500\)", pages=False),
    "metadata-other": Lie(said="metadata of alpha.*not what the index's page promises", pages=False),
    "metadata-endless": Lie(said="metadata of alpha.*larger than 8 MB", pages=False),
    "metadata-bomb": Lie(said="metadata of alpha.*larger than 8 MB", pages=False),
    "file-401": Lie(said=r"alpha-1.0.*did not arrive.*\(401\)", pages=False),
    "file-403": Lie(said=r"alpha-1.0.*did not arrive.*\(403\)", pages=False),
    "file-404": Lie(said="alpha-1.0.*did not arrive.*answers 404", pages=False),
    "file-cut": Lie(said="alpha-1.0.*did not arrive.*broke off", pages=False),
    "file-longer": Lie(said="alpha-1.0.*longer than its index says", pages=False),
    "file-endless": Lie(said="alpha-1.0.*longer than its index says", pages=False),
    "file-untold": Lie(
        said="alpha-1.0.*has no end|an index serves alpha==1.0, which has", pages=False, slow=True
    ),
    "file-other": Lie(said="alpha-1.0", pages=False),
    "yanked": Lie(said="withdrew alpha 1.0.*broken", code=1, pages=False),
    "unknown": Lie(said="has no file of alpha", pages=False),
}
"""Every lie by its name; for `unknown` the code is that of a named index."""

_LOGIN = b'<!DOCTYPE html><html><body><form method="post"><input type="password"></form></body></html>'
_EMPTY = '{"meta": {"api-version": "%s"}, "name": %s, "files": %s}'


@dataclasses.dataclass
class Liar:
    """A running index: ask below `url`."""

    url: str
    port: int
    asked: list[tuple[str, str | None]]
    """Path and `Authorization` of every request."""
    seen: dict[str, int]
    """How often each path of the lies that are told once was asked for."""

    def index(self, lie: str, *, guarded: bool = False, said: str | None = None) -> str:
        """Address of the index that tells this lie; `said` are the credentials in it."""
        if guarded:
            said = said or f"{NAME}:{urllib.parse.quote(PASSWORD, safe='')}"
        at = f"{said}@" if said else ""
        return f"http://{at}127.0.0.1:{self.port}/{'guarded/' if guarded else ''}{lie}/simple"


@contextlib.contextmanager
def lying(folder: pathlib.Path) -> Iterator[Liar]:
    """An index of two packages, `alpha` and `beta`, whose files are made in `folder`."""
    files = {file.name: file.read_bytes() for file in (wheel(folder, "alpha"), wheel(folder, "beta"))}
    asked: list[tuple[str, str | None]] = []
    seen: dict[str, int] = {}

    class Handler(_Handler):
        pass

    Handler.files, Handler.asked, Handler.seen = files, asked, seen
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.daemon_threads = True
    server.block_on_close = False
    server.request_queue_size = 64
    server.server_bind()
    server.server_activate()
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield Liar(
            url=f"http://127.0.0.1:{server.server_port}", port=server.server_port, asked=asked, seen=seen
        )
    finally:
        server.shutdown()
        server.server_close()


def expected_header() -> str:
    return "Basic " + base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    files: dict[str, bytes]
    asked: list[tuple[str, str | None]]
    seen: dict[str, int]

    def log_message(self, *_: object) -> None:
        """Tests read `asked` instead."""

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError, ValueError):
            super().handle()

    def out(self, code: int, body: bytes = b"", kind: str = HTML, **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def forever(self, code: int, piece: bytes, kind: str = HTML, **headers: str) -> None:
        """A body that never ends, until the other side has had enough."""
        self.send_response(code)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while self.command != "HEAD":
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()

    def cut(self, body: bytes) -> None:
        """Less than was promised."""
        self.out(200, body, Content_Length="400")
        self.hang_up()

    def raw(self, answer: bytes) -> None:
        self.connection.sendall(answer)
        self.hang_up()

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Authorization"]))
        parts = self.path.strip("/").split("/")
        if parts[0] == "guarded":
            if self.headers["Authorization"] != expected_header():
                self.out(401, WWW_Authenticate='Basic realm="tests"')
                return
            self.base, parts = "/guarded", parts[1:]
        else:
            self.base = ""
        self.lie = parts[0]
        if len(parts) > 2 and parts[1] == "simple":
            lie = _PAGES.get(self.lie)
            if lie is not None:
                lie(self)
            else:
                self.page(parts[2])
        elif len(parts) > 2 and parts[1] == "files":
            name, is_metadata = parts[2].removesuffix(".metadata"), parts[2].endswith(".metadata")
            lie = (_METADATA if is_metadata else _FILES).get(self.lie)
            if name not in self.files:
                self.out(404)
            elif lie is not None:
                lie(self)
            elif is_metadata:
                self.out(200, metadata(name), "text/plain")
            else:
                self.file(self.files[name])
        else:
            self.out(404)

    def file(self, body: bytes) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers["Range"] or "")
        if wanted:
            start, end = int(wanted[1]), int(wanted[2] or len(body) - 1)
            piece = body[start : end + 1]
            self.out(206, piece, Content_Range=f"bytes {start}-{start + len(piece) - 1}/{len(body)}")
        else:
            self.out(200, body, "application/zip", Accept_Ranges="bytes")

    def count(self) -> int:
        """How often this path was asked for before."""
        self.seen[self.path] = self.seen.get(self.path, 0) + 1
        return self.seen[self.path] - 1

    def page(self, project: str, **headers: str) -> None:
        """The true page, but for what the lie is about."""
        has_metadata = self.lie.startswith(("metadata", "no-metadata"))
        known = [name for name in self.files if name.startswith(f"{project}-")]
        if not known or self.lie == "unknown":
            self.out(404)
            return
        entries = [self.entry(name, has_metadata=has_metadata) for name in known]
        if self.lie == "odd-names":
            names = [
                "../../../evil-1.0-py3-none-any.whl",
                "alpha-\x1b]0;x-py3-none-any.whl",
                f"{project}.whl",
            ]
            names += ["", "alpha-9-py3-none-any.whl"]
            entries += [{"filename": name, "url": "file:///etc/passwd", "hashes": {}} for name in names]
        if self.lie == "long":
            rest = "".join(f'<a href="{entry["url"]}">{entry["filename"]}</a>' for entry in entries)
            self.out(200, b'<a href="x">x</a>\n' * 700_000 + rest.encode())
            return
        body = {"meta": {"api-version": "1.1"}, "name": project, "files": entries}
        self.out(200, json.dumps(body).encode(), JSON, **headers)

    def entry(self, name: str, *, has_metadata: bool) -> dict[str, object]:
        """What a page says of one file."""
        body = self.files[name]
        found: dict[str, object] = {
            "filename": name,
            "url": f"{self.base}/{self.lie}/files/{name}",
            "hashes": {"sha256": hashlib.sha256(body).hexdigest()},
        }
        if has_metadata:
            found["core-metadata"] = {"sha256": hashlib.sha256(metadata(name)).hexdigest()}
        if self.lie != "file-untold":
            found["size"] = len(body)
        if self.lie == "yanked":
            found["yanked"] = "broken"
        return found

    def drip(self, head: bytes) -> None:
        with contextlib.suppress(OSError):
            self.connection.sendall(head)
            while True:
                time.sleep(0.5)
                self.connection.sendall(b"x")


def metadata(file: str) -> bytes:
    """What a file of the index says of itself."""
    name, version = file.split("-")[:2]
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()


@functools.cache
def _bomb(megabytes: int) -> bytes:
    return gzip.compress(b" " * (megabytes << 20), 9)


def _later(seconds: int) -> str:
    return email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds), usegmt=True)


def _silent(handler: _Handler) -> None:
    time.sleep(100)
    handler.hang_up()


def _paused(handler: _Handler, seconds: float) -> None:
    time.sleep(seconds)
    handler.page(handler.path.strip("/").split("/")[-1])


def _tagged(handler: _Handler) -> None:
    if handler.headers["If-None-Match"] == '"first"':
        handler.out(304, ETag='"first"')
    else:
        handler.page(handler.path.strip("/").split("/")[-1], ETag='"first"', Cache_Control="max-age=0")


def _once(handler: _Handler, lie: Callable[[], None]) -> None:
    if handler.count():
        handler.page(handler.path.strip("/").split("/")[-1])
    else:
        lie()


def _elsewhere(handler: _Handler) -> None:
    """To the same page by another name of this machine: another host."""
    host = handler.headers["Host"].replace("127.0.0.1", "localhost")
    handler.out(
        302, Location=f"http://{host}{handler.path.replace('/elsewhere/', '/ok/').replace('/guarded', '')}"
    )


_PAGES: dict[str, Callable[[_Handler], None]] = {
    "once-429": lambda h: _once(h, lambda: h.out(429, Retry_After="1")),
    "once-reset": lambda h: _once(h, h.hang_up),
    "elsewhere": _elsewhere,
    "tagged": _tagged,
    "pause": lambda h: _paused(h, 1.5),
    "401": lambda h: h.out(401, WWW_Authenticate='Basic realm="x"'),
    "403": lambda h: h.out(403),
    "407": lambda h: h.out(407),
    "418": lambda h: h.out(418),
    "204": lambda h: h.out(204),
    "206": lambda h: h.out(206, b"<html></html>"),
    "login": lambda h: h.out(200, _LOGIN),
    "login-script": lambda h: h.out(200, b"<html><script src='app.js'></script><div id=root></div></html>"),
    "login-elsewhere": lambda h: h.out(
        302, Location=f"http://localhost:{h.headers['Host'].split(':')[1]}/login/simple/x/"
    ),
    "429": lambda h: h.out(429),
    "429-hour": lambda h: h.out(429, Retry_After="3600"),
    "429-date": lambda h: h.out(429, Retry_After=_later(3600)),
    "429-nonsense": lambda h: h.out(429, Retry_After="soon \x01"),
    "503-hour": lambda h: h.out(503, Retry_After="3600"),
    "500": lambda h: h.out(500, b"<h1>sorry</h1>"),
    "501": lambda h: h.out(501),
    "endless-500": lambda h: h.forever(500, b"x" * 65536),
    "loop": lambda h: h.out(302, Location=h.path),
    "endless-redirect": lambda h: h.forever(302, b"x" * 65536, Location=h.path),
    "to-file": lambda h: h.out(302, Location="file:///etc/passwd"),
    "to-nonsense": lambda h: h.out(302, Location="http://[half/"),
    "to-nowhere": lambda h: h.out(302, Location="http://127.0.0.1:9/simple/"),
    "to-unknown": lambda h: h.out(302, Location="http://index.invalid/simple/"),
    "silent": _silent,
    "drip": lambda h: h.drip(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9999\r\n\r\n"),
    "drip-header": lambda h: h.drip(b"HTTP/1.1 200 OK\r\nX: "),
    "reset": lambda h: h.hang_up(),
    "cut": lambda h: h.cut(b"<a href='x'>"),
    "no-http": lambda h: h.raw(b"SSH-2.0-OpenSSH\r\n"),
    "huge-header": lambda h: h.out(200, b"<html></html>", X="x" * 200_000),
    "many-headers": lambda h: h.out(200, b"<html></html>", **{f"X{n}": "x" for n in range(500)}),
    "empty": lambda h: h.out(200),
    "picture": lambda h: h.out(200, b"\x89PNG", "image/png"),
    "picture-as-html": lambda h: h.out(200, b"\x89PNG\r\n\x1a\n\x00"),
    "json-as-html": lambda h: h.out(200, (_EMPTY % ("1.0", '"alpha"', "[]")).encode()),
    "html-as-json": lambda h: h.out(200, b"<a href='alpha-1.0-py3-none-any.whl'>x</a>", JSON),
    "json-cut": lambda h: h.out(200, b'{"meta": {"api-ver', JSON),
    "json-nested": lambda h: h.out(200, b"[" * 1_000_000, JSON),
    "json-number": lambda h: h.out(200, b'{"meta": ' + b"9" * 5000 + b"}", JSON),
    "json-types": lambda h: h.out(200, (_EMPTY % ("1.0", "7", "{}")).encode(), JSON),
    "json-later": lambda h: h.out(200, (_EMPTY % ("9.0", '"alpha"', "[]")).encode(), JSON),
    "html-later": lambda h: h.out(200, b'<meta name="pypi:repository-version" content="9.0">'),
    "not-utf8": lambda h: h.out(200, b"\xff\xfe\x00\x80" * 100),
    "bomb": lambda h: h.out(200, _bomb(200), Content_Encoding="gzip"),
    "double-bomb": lambda h: h.out(200, gzip.compress(_bomb(200)), Content_Encoding="gzip, gzip"),
    "endless": lambda h: h.forever(200, b"<a href='x'>x</a>" * 4096),
    "brotli": lambda h: h.out(200, b"\x0b\x02\x80abc\x03", Content_Encoding="br"),
    "no-gzip": lambda h: h.out(200, b"<html></html>", Content_Encoding="gzip"),
    "half-gzip": lambda h: h.out(200, _bomb(1)[:300], Content_Encoding="gzip"),
}

_METADATA: dict[str, Callable[[_Handler], None]] = {
    "no-metadata": lambda h: h.out(404),
    "metadata-garbage": lambda h: h.out(200, b"\x00\xff garbage", "text/plain"),
    "metadata-login": lambda h: h.out(200, _LOGIN),
    "metadata-403": lambda h: h.out(403),
    "metadata-500": lambda h: h.out(500),
    "metadata-other": lambda h: h.out(200, b"Metadata-Version: 2.1\nName: alpha\nVersion: 1.0\nSummary: x\n"),
    "metadata-endless": lambda h: h.forever(200, b"Summary: x\n" * 6000, "text/plain"),
    "metadata-bomb": lambda h: h.out(200, _bomb(100), "text/plain", Content_Encoding="gzip"),
}

_FILES: dict[str, Callable[[_Handler], None]] = {
    "file-401": lambda h: h.out(401, WWW_Authenticate='Basic realm="x"'),
    "file-403": lambda h: h.out(403),
    "file-404": lambda h: h.out(404),
    "file-cut": lambda h: h.cut(b"PK"),
    "file-longer": lambda h: h.out(200, b"x" * 5000, "application/zip"),
    "file-endless": lambda h: h.forever(200, b"x" * 65536, "application/zip"),
    "file-untold": lambda h: h.forever(200, b"x" * (1 << 20), "application/zip"),
    "file-other": lambda h: h.file(zlib.compress(b"other")),
}
