"""Where the engine is found, and what is said of one that cannot be reached."""

import pytest

from builder.backends.docker.address import Address, find_address
from builder.backends.docker.engine import Engine
from builder.backends.docker.program import client_environment
from builder.backends.docker.refusals import unreachable
from envspec.system.errors import OutsideError


def test_the_environment_names_the_engine() -> None:
    assert find_address({"DOCKER_HOST": "tcp://there:1"}) == Address(host="tcp://there:1", context=None)


def test_a_context_that_is_not_there() -> None:
    with pytest.raises(OutsideError, match="no docker context missing"):
        find_address({"DOCKER_CONTEXT": "missing"})


def test_the_client_reaches_the_same_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "another")
    env = client_environment(Address(host="unix:///here", context=None))
    assert env["DOCKER_HOST"] == "unix:///here"
    assert "DOCKER_CONTEXT" not in env
    assert client_environment(Address(host="tcp://far", context="far"))["DOCKER_CONTEXT"] == "far"


def test_a_forbidden_socket() -> None:
    error = unreachable("unix:///s", PermissionError(13, "Permission denied"))
    assert "may not be opened by this user" in error.message
    assert "group" in error.hint


def test_an_engine_behind_ssh_without_the_package_that_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(OutsideError, match="takes one more package") as caught:
        _ = Engine(Address(host="ssh://nobody@127.0.0.1:1", context=None)).client
    assert caught.value.hint == "pip install 'envspec[ssh]'"
