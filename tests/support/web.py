"""A web server on the loopback address that answers exactly what a test tells it to, failures included."""

import contextlib
import dataclasses
import http.server
import re
import threading
import time
from collections.abc import Iterator

PART = 206
JSON = "application/vnd.pypi.simple.v1+json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """What the server says to one path."""

    body: bytes = b""
    status: int = 200
    kind: str = "application/octet-stream"
    ranges: bool = False
    """Whether a part can be asked for."""
    part: str | None = None
    """What is said of the part that comes, in the place of what is true."""
    short: int = 0
    """Bytes of a part that do not come."""
    promised: int | None = None
    """A length that is not the body's: the connection then closes early."""
    pause: float = 0.0
    """Seconds that sending takes, spread over the body."""


@dataclasses.dataclass
class Web:
    """A running server: set `answers`, then ask below `url`."""

    url: str
    answers: dict[str, Answer]
    asked: list[tuple[str, str | None]]
    """Path and Range header of every request."""


@contextlib.contextmanager
def serving() -> Iterator[Web]:
    """A server that runs for the length of the block."""
    answers: dict[str, Answer] = {}
    asked: list[tuple[str, str | None]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Range"]))
            body, pause = self._head()
            with contextlib.suppress(ConnectionError):
                self._send(body, pause)

        def do_HEAD(self) -> None:
            self._head()

        def _head(self) -> tuple[bytes, float]:
            """Answer all but the body, and give it with the time that it takes."""
            answer = answers.get(self.path, Answer(status=404))
            body, status = answer.body, answer.status
            wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers["Range"] or "")
            said = None
            if wanted and answer.ranges:
                start, end = int(wanted[1]), int(wanted[2] or len(body) - 1)
                status = 206 if start < len(body) else 416
                said = f"bytes {start}-{min(end, len(body) - 1)}/{len(body)}"
                body = body[start : end + 1 - answer.short]
            self.send_response(status)
            if status == PART and said:
                self.send_header("Content-Range", answer.part or said)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(answer.promised or len(body)))
            self.end_headers()
            return body, answer.pause

        def _send(self, body: bytes, pause: float) -> None:
            step = max(1, len(body) // 10)
            for start in range(0, len(body), step):
                self.wfile.write(body[start : start + step])
                time.sleep(pause / 10)

        def log_message(self, *_: object) -> None:
            """Tests read `asked` instead."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Web(url=f"http://127.0.0.1:{server.server_port}", answers=answers, asked=asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
