"""Indexes with certificates of their own: trusted hosts, and what this machine shows of itself."""

import http.server
import pathlib
import ssl
import subprocess
import threading
from collections.abc import Iterator

import pytest

from envspec.errors import OutsideError
from tests.envspec.test_sources import sources
from tests.support.index import json_page
from tests.support.web import JSON
from tests.support.wheels import wheel


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A certificate that nobody signed but its owner, and its key, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    words += ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        [*words, "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True
    )
    both = folder / "both.pem"
    both.write_bytes((folder / "cert.pem").read_bytes() + (folder / "key.pem").read_bytes())
    return both


class Page(http.server.BaseHTTPRequestHandler):
    """Answers everything with the page of one package."""

    body = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", JSON)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(params=[False, True], ids=["server only", "both sides"])
def index(
    request: pytest.FixtureRequest, identity: pathlib.Path, tmp_path: pathlib.Path
) -> Iterator[tuple[str, bool]]:
    """Address of an index over TLS, and whether it wants a certificate of who asks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)
    if request.param:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(identity)
    handler = type(
        "One", (Page,), {"body": json_page("demo", [wheel(tmp_path, "demo")], "https://x.example")}
    )
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://localhost:{server.server_port}/simple", request.param
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("port", [False, True])
def test_a_trusted_host_is_asked_without_its_certificate(
    index: tuple[str, bool], identity: pathlib.Path, port: bool
) -> None:
    url, both = index
    host = url.split("/")[2] if port else "localhost"
    found = sources(url, trusted_hosts=(host,), client_cert=str(identity) if both else None)
    assert [file.file for file in found.files("mine", "demo")] == ["demo-1.0-py3-none-any.whl"]


def test_a_host_that_nobody_trusts_is_not(index: tuple[str, bool]) -> None:
    with pytest.raises(OutsideError, match="its certificate is not trusted"):
        sources(index[0], trusted_hosts=("other.example",)).files("mine", "demo")


def test_its_own_authority_will_do(index: tuple[str, bool], identity: pathlib.Path) -> None:
    found = sources(index[0], cert=str(identity), client_cert=str(identity))
    assert len(found.files("mine", "demo")) == 1


def test_an_index_that_wants_to_know_who_asks_refuses_others(
    index: tuple[str, bool], identity: pathlib.Path
) -> None:
    url, both = index
    anonymous = sources(url, cert=str(identity))
    if both:
        with pytest.raises(OutsideError):
            anonymous.files("mine", "demo")
    else:
        assert anonymous.files("mine", "demo")
