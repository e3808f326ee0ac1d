"""`envspec serve`: the payload answers, and ends with the program that started it."""

import pathlib
import signal
import socket
import subprocess
import time
import urllib.request

import pytest

from tests.support.index import simple_index
from tests.support.program import BIN, machine, run
from tests.support.wheels import wheel

from .conftest import SPEC, spec_in

GUNICORN = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(str(os.getpid()).encode())
host, port = sys.argv[sys.argv.index("--bind") + 1].split(":")
http.server.HTTPServer((host, int(port)), Handler).serve_forever()
"""
TEXT = (
    SPEC + '[[stage]]\nname = "third"\ninstall = ["gunicorn==1.0"]\n'
    '[service]\nmodule = "app:app"\nsource = "app"\n'
)


@pytest.fixture
def ready(tmp_path: pathlib.Path, shop: str) -> tuple[pathlib.Path, dict[str, str]]:
    """A spec whose payload is served by a stand-in for gunicorn that tells its process id."""
    small = spec_in(tmp_path / "small", TEXT)
    (small / "app").mkdir()
    (small / "app" / "app.py").write_text("app = None\n")
    server = wheel(
        tmp_path / "files", "gunicorn", files={"gunicorn/__init__.py": "", "gunicorn/__main__.py": GUNICORN}
    )
    simple_index(tmp_path / "simple", [server])
    return small, machine(tmp_path / "home", PIP_INDEX_URL=shop)


def asked(address: str) -> str:
    for _ in range(200):
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return str(answer.read(), "utf-8")
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"{address} does not answer")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_payload_answers_and_ends_with_the_program(
    ready: tuple[pathlib.Path, dict[str, str]], ending: signal.Signals
) -> None:
    small, env = ready
    command = [str(BIN / "envspec"), "serve", str(small), "--port", "0", "-q"]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert int(asked(address)) == process.pid
        process.send_signal(ending)
        process.wait(20)
    finally:
        process.kill()
        process.communicate()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(address, timeout=5)


def test_a_port_in_use_is_said_so(ready: tuple[pathlib.Path, dict[str, str]]) -> None:
    small, env = ready
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("envspec", "serve", small, "--port", taken.getsockname()[1], env=env)
    assert done.returncode == 4
    assert "cannot be listened on" in done.stderr
    assert "--port 0" in done.stderr


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7"])
def test_a_host_that_is_not_here_is_said_so(ready: tuple[pathlib.Path, dict[str, str]], host: str) -> None:
    small, env = ready
    done = run("envspec", "serve", small, "--host", host, "--port", "0", env=env)
    assert done.returncode == 4
    assert "Traceback" not in done.stderr


def test_without_a_service_there_is_nothing_to_serve(small: pathlib.Path, env: dict[str, str]) -> None:
    done = run("envspec", "serve", small, env=env)
    assert done.returncode == 2
    assert "has no [service]" in done.stderr
    assert [path.name for path in small.iterdir()] == ["envspec.toml"]
