"""A real registry on the loopback address: Debian's `docker-registry`."""

import contextlib
import json
import pathlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

PASSWORDS = "someone:$2b$05$mU.lHFyTtYkEVZHTBeCSi.nQMXamSfpMfybYpiT/AxbHh1AR/F33S\n"
"""An htpasswd file; the password is `secret`."""


@contextlib.contextmanager
def registry(folder: pathlib.Path, *, closed: bool = False) -> Iterator[str]:
    """A registry of its own, `closed` to all who do not log in; gives its address."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not on this machine")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    (folder / "passwords").write_text(PASSWORDS)
    settings = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": address},
    }
    if closed:
        settings["auth"] = {"htpasswd": {"realm": "tests", "path": str(folder / "passwords")}}
    (folder / "config.yml").write_text(json.dumps(settings))
    with subprocess.Popen([program, "serve", folder / "config.yml"], stderr=subprocess.DEVNULL) as process:
        try:
            until_it_listens(address)
            yield address
        finally:
            process.terminate()


def until_it_listens(address: str) -> None:
    host, port = address.split(":")
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
            return
        time.sleep(0.1)
    raise TimeoutError(address)
