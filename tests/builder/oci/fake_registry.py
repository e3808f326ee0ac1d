"""A registry in memory, spoken to over HTTP as a real one is."""

import base64
import contextlib
import hashlib
import http.server
import json
import threading
import urllib.parse
from collections.abc import Iterator

TOKEN = "let-me-in"


class Fake(http.server.ThreadingHTTPServer):
    """A registry in memory; `secret` makes it ask for a token, `broken` makes it serve other bytes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.secret: tuple[str, str] | None = None
        self.broken = False
        self.uploads = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Fake
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, code: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refused(self) -> bool:
        """A token for reading is not one for writing, as with the large registries."""
        scope = "pull" if self.command in ("GET", "HEAD") else "pull,push"
        good = {f"Bearer {TOKEN}-pull,push", f"Bearer {TOKEN}-{scope}"}
        if self.server.secret is None or self.headers.get("Authorization") in good:
            return False
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        realm = f'Bearer realm="http://{self.server.host}/token",service="fake",scope="repository:a:{scope}"'
        self.answer(401, WWW_Authenticate=realm)
        return True

    def do_GET(self) -> None:
        place = urllib.parse.urlsplit(self.path)
        if place.path == "/token":
            assert self.server.secret is not None
            basic = base64.b64encode(":".join(self.server.secret).encode()).decode()
            good = self.headers.get("Authorization") == f"Basic {basic}" and "scope=repository" in place.query
            (scope,) = urllib.parse.parse_qs(place.query)["scope"]
            self.answer(
                200 if good else 401, json.dumps({"token": f"{TOKEN}-{scope.split(':')[-1]}"}).encode()
            )
            return
        if self.refused():
            return
        kind, _, name = place.path.rpartition("/")
        if kind.endswith("/blobs") and name in self.server.blobs:
            self.answer(200, self.server.blobs[name][: -1 if self.server.broken else None])
        elif kind.endswith("/manifests") and name in self.server.manifests:
            media, body = self.server.manifests[name]
            self.answer(200, body + b" " * self.server.broken, Content_Type=media)
        else:
            self.answer(404)

    do_HEAD = do_GET  # noqa: N815 - the server's own name

    def do_POST(self) -> None:
        if not self.refused():
            self.answer(202, Location="/v2/team/demo/blobs/uploads/1?state=x")

    def do_PUT(self) -> None:
        if self.refused():
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        place = urllib.parse.urlsplit(self.path)
        if "/manifests/" in place.path:
            named = (self.headers["Content-Type"], body)
            self.server.manifests[place.path.rpartition("/")[2]] = self.server.manifests[digest] = named
        else:
            assert urllib.parse.parse_qs(place.query) == {"state": ["x"], "digest": [digest]}
            self.server.blobs[digest] = body
            self.server.uploads += 1
        self.answer(201)


@contextlib.contextmanager
def serving() -> Iterator[Fake]:
    with Fake() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
