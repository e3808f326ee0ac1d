"""Where the engine is found, which road is taken, and what a failed build is understood to be."""

import json
import pathlib
import stat

import pytest

from builder.backends.docker.engine import Address, Engine, address, unreachable
from builder.backends.docker.failure import understood
from builder.backends.docker.program import buildkit_program, variables
from builder.backends.docker.roads import BuildKit, Classic, apt_settings, road
from builder.inside.places import FAILURE
from envspec.supply.pip_settings import Machine
from envspec.system.errors import BuildError, OutsideError


class FakeEngine(Engine):
    """An engine that says what it is told to."""

    def __init__(self, *, api: str = "1.41", alive: bool = True, name: str = "Engine") -> None:
        super().__init__(Address(host="unix:///nowhere", context=None))
        self.__dict__["version"] = {"ApiVersion": api, "Arch": "amd64", "Components": [{"Name": name}]}
        self._alive = alive

    def answers(self) -> bool:
        return self._alive


@pytest.fixture
def path(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A PATH with nothing on it but what the test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    buildkit_program.cache_clear()
    return tmp_path


def program(folder: pathlib.Path, text: str) -> pathlib.Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "docker"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def test_the_environment_names_the_engine() -> None:
    assert address({"DOCKER_HOST": "tcp://there:1"}) == Address(host="tcp://there:1", context=None)


def test_a_context_that_is_not_there() -> None:
    with pytest.raises(OutsideError, match="no docker context missing"):
        address({"DOCKER_CONTEXT": "missing"})


def test_a_client_without_its_buildx_component_is_passed_over(
    path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(path / "one", "echo 'ERROR: buildx component is missing' >&2; exit 1")
    able = program(path / "two", "echo '      --secret stringArray'")
    monkeypatch.setenv("PATH", f"{path / 'one'}:{path / 'two'}")
    assert buildkit_program() == able
    assert isinstance(road(FakeEngine()), BuildKit)


def test_without_such_a_client_the_classic_builder_is_taken(path: pathlib.Path) -> None:
    assert isinstance(road(FakeEngine()), Classic)


@pytest.mark.parametrize("engine", [FakeEngine(api="1.38"), FakeEngine(name="Podman Engine")])
def test_an_engine_without_buildkit(engine: FakeEngine, path: pathlib.Path) -> None:
    program(path, "echo --secret")
    assert isinstance(road(engine), Classic)


def test_the_client_reaches_the_same_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "another")
    env = variables(Address(host="unix:///here", context=None))
    assert env["DOCKER_HOST"] == "unix:///here"
    assert "DOCKER_CONTEXT" not in env
    assert variables(Address(host="tcp://far", context="far"))["DOCKER_CONTEXT"] == "far"


def test_a_forbidden_socket() -> None:
    error = unreachable("unix:///s", PermissionError(13, "Permission denied"))
    assert "may not be opened by this user" in error.message
    assert "group" in error.hint


def test_an_engine_behind_ssh_without_the_package_that_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(OutsideError, match="takes one more package") as caught:
        _ = Engine(Address(host="ssh://nobody@127.0.0.1:1", context=None)).client
    assert caught.value.hint == "pip install 'envspec[ssh]'"


def test_a_stage_tells_what_failed_in_it() -> None:
    facts = {"stage": "stage-2-web", "message": "broke", "requirement": "a==1", "hint": "do this"}
    error = understood(FakeEngine(), ["#9 1.2 noise", f"#9 1.3 {FAILURE}{json.dumps(facts)}", "#9 ERROR: 1"])
    assert isinstance(error, BuildError)
    assert (error.message, error.hint) == ("stage web (a==1): broke", "do this")


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        ("write /x: no space left on device", OutsideError, "the engine's disk is full"),
        ('exec: "python3.11": executable file not found in $PATH', BuildError, "has no python3.11"),
        ("E: Unable to locate package libnothing", BuildError, "no Debian package libnothing"),
        ("pull access denied for x", OutsideError, "the base image cannot be had"),
        ("something new", BuildError, "could not build the image\nbefore\nsomething new"),
    ],
)
def test_what_engines_say(line: str, kind: type[Exception], message: str) -> None:
    error = understood(FakeEngine(), ["before", line])
    assert isinstance(error, kind)
    assert message in str(error)


def test_a_dead_engine_explains_everything() -> None:
    error = understood(FakeEngine(alive=False), ["no space left on device"])
    assert "stopped answering" in error.message


def test_apt_gets_this_machines_proxy_and_certificates(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    own = tmp_path / "ca.pem"
    own.write_text("x")
    text = apt_settings(Machine(proxy="http://user:secret@proxy:3128", cert=str(own)), "/run/secrets")
    assert 'Acquire::https::Proxy "http://user:secret@proxy:3128";' in text
    assert 'CaInfo "/run/secrets/certificates"' in text
    assert apt_settings(Machine(), "/run/secrets") == ""
