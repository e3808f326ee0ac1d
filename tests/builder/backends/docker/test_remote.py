"""Engines on other machines: one that asks for a certificate, named in both ways, and one behind ssh."""

import gc
import getpass
import os
import pathlib
import shutil
import socket
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator

import pytest

from builder.backends.docker.address import find_address
from builder.backends.docker.backend import choose_builder
from builder.backends.docker.builders import BuildKitBuilder
from builder.backends.docker.engine import Engine
from builder.backends.docker.program import buildkit_program
from envspec.system.errors import OutsideError

from .conftest import DEBIAN, Workshop, import_base, make_plan, served

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """`ca.pem`, and a certificate for the engine and one for its users, as Docker names them."""
    place = tmp_path_factory.mktemp("certificates")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=place, check=True, capture_output=True)

    new = ("-newkey", "rsa:2048", "-nodes", "-subj")
    openssl("req", "-x509", *new, "/CN=authority", "-days", "2", "-keyout", "ca-key.pem", "-out", "ca.pem")
    (place / "names").write_text(
        "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n", encoding="utf-8"
    )
    for name in ("server-", ""):
        openssl("req", *new, "/CN=localhost", "-keyout", f"{name}key.pem", "-out", f"{name}request.pem")
        openssl(
            *("x509", "-req", "-in", f"{name}request.pem", "-CA", "ca.pem", "-CAkey", "ca-key.pem"),
            *("-CAcreateserial", "-days", "2", "-extfile", "names", "-out", f"{name}cert.pem"),
        )
    return place


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def until_listening(port: int, process: "subprocess.Popen[bytes]", log: pathlib.Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(log.read_text())


@pytest.fixture(scope="module")
def guarded(base: str, certificates: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of an engine that answers only to users with a certificate; it has the base."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("an engine needs root, and Debian's docker.io")
    place, port = tmp_path_factory.mktemp("guarded"), free_port()
    command: list[str | pathlib.Path] = ["dockerd", "--host", f"tcp://127.0.0.1:{port}", "--tlsverify"]
    command += ["--tlscacert", certificates / "ca.pem", "--tlscert", certificates / "server-cert.pem"]
    command += ["--tlskey", certificates / "server-key.pem", "--iptables=false", "--bridge=none"]
    command += ["--data-root", place / "data", "--exec-root", place / "exec", "--pidfile", place / "pid"]
    with (place / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until_listening(port, process, place / "log")
        with pytest.MonkeyPatch.context() as patch:
            by_environment(patch, port, certificates)
            engine = Engine()
            import_base(engine, make_plan([], base=DEBIAN), base)
            engine.close()
        yield port
    finally:
        process.terminate()
        process.wait(60)


def trust_another(patch: pytest.MonkeyPatch, certificates: pathlib.Path) -> None:
    """What the environment trusts for servers in general is not the engine's authority."""
    patch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "cert.pem"))


def by_environment(patch: pytest.MonkeyPatch, port: int, certificates: pathlib.Path) -> None:
    patch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{port}")
    patch.setenv("DOCKER_TLS_VERIFY", "1")
    patch.setenv("DOCKER_CERT_PATH", str(certificates))
    trust_another(patch, certificates)


def by_context(patch: pytest.MonkeyPatch, port: int, certificates: pathlib.Path) -> None:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        patch.delenv(name, raising=False)
    patch.setenv("DOCKER_CONFIG", str(certificates / "config"))
    trust_another(patch, certificates)
    files = f"ca={certificates}/ca.pem,cert={certificates}/cert.pem,key={certificates}/key.pem"
    create = ["create", "far", "--docker", f"host=tcp://127.0.0.1:{port},{files}"]
    for words in (create, ["use", "far"]):
        done = subprocess.run(
            [buildkit_program() or "docker", "context", *words], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def builds_and_runs(place: pathlib.Path) -> None:
    """What is built through the address that this process has by now runs there."""
    engine = Engine()
    try:
        workshop = Workshop(engine, choose_builder(engine), place)
        if buildkit_program():
            assert isinstance(workshop.backend.builder, BuildKitBuilder)
        environment = workshop.build(served(workshop))
        assert workshop.heard.stages == ["web"]
        assert engine.image_id(environment.reference)
        said = workshop.backend.run(environment, ["python", "-c", "import app; print(app.greeting)"])
        assert said.stdout == "hello\n", said.tail
        workshop.clear()
    finally:
        engine.close()


@pytest.mark.parametrize("named", [by_environment, by_context])
def test_an_engine_with_certificates(
    guarded: int,
    certificates: pathlib.Path,
    bare_home: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    named: Callable[[pytest.MonkeyPatch, int, pathlib.Path], None],
) -> None:
    named(monkeypatch, guarded, certificates)
    assert find_address().context == ("far" if named is by_context else None)
    builds_and_runs(tmp_path)


def test_an_engine_that_is_shown_no_certificate_is_out_of_reach(
    guarded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{guarded}")
    monkeypatch.delenv("DOCKER_TLS_VERIFY", raising=False)
    with pytest.raises(OutsideError, match="do not trust each other"):
        Engine().client.ping()


@pytest.fixture
def neighbour(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of this machine by ssh, for a client that knows its key; nobody's own settings take part."""
    daemon, client = shutil.which("sshd", path="/usr/sbin:/usr/bin"), shutil.which("ssh")
    if os.geteuid() != 0 or daemon is None or client is None:
        pytest.skip("sshd is not here, or may not be started")
    place, port = tmp_path / "ssh", free_port()
    place.mkdir()
    pathlib.Path("/run/sshd").mkdir(exist_ok=True)  # sshd wants it, and Debian's service makes it
    for name in ("host", "user"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(place / name)]
        subprocess.run(words, check=True, capture_output=True)
    command: list[str | pathlib.Path] = [daemon, "-D", "-e", "-f", "/dev/null", "-p", str(port)]
    command += ["-h", place / "host", "-o", "ListenAddress=127.0.0.1", "-o", "StrictModes=no"]
    command += ["-o", f"AuthorizedKeysFile={place}/user.pub", "-o", "UsePAM=no", "-o", f"PidFile={place}/pid"]
    command += ["-o", f"SetEnv=DOCKER_HOST={os.environ['DOCKER_HOST']} PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
    with (place / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    known = f"[127.0.0.1]:{port} {(place / 'host.pub').read_text()}"
    (place / "known").write_text(known)
    wrapper = place / "bin" / "ssh"
    wrapper.parent.mkdir()
    options = f"-F /dev/null -i {place}/user -o UserKnownHostsFile={place}/known -o BatchMode=yes"
    wrapper.write_text(f'#!/bin/sh\nexec {client} {options} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    try:
        until_listening(port, process, place / "log")
        yield f"ssh://{getpass.getuser()}@127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def test_an_engine_behind_ssh(
    engine: Engine,
    base: str,
    bare_home: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine.address.host)
    monkeypatch.setenv("DOCKER_HOST", request.getfixturevalue("neighbour"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the SDK waits for none of its `ssh`
        builds_and_runs(tmp_path)
        gc.collect()
