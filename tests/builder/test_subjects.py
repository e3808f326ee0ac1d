"""What each backend shows the judge of an environment: its interpreter, its files, no payload."""

from __future__ import annotations

import dataclasses
import pathlib
import sys
from collections.abc import Mapping, Sequence

import pytest

from builder.backends.docker.address import Address
from builder.backends.docker.backend import DockerBackend
from builder.backends.docker.engine import Engine
from builder.backends.oci.backend import OciBackend
from builder.backends.port import RemoteSubject
from builder.backends.virtualenv import VirtualenvBackend
from builder.values.environment import Environment
from builder.values.program import PlannedProgram
from builder.values.subject import FollowedSubject
from envspec.system.process import Completed
from tests.support.fakes import FakeBackend, environment

BUILT = dataclasses.replace(environment(variables={"VOICE": "en"}), python=sys.executable, payload="/payload")
TELL = [sys.executable, "-c", "import os, sys; print(os.environ.get('PYTHONPATH'), os.environ['VOICE'])"]


def test_a_virtual_environment_shows_its_files_and_not_the_payload() -> None:
    subject = VirtualenvBackend().subject(BUILT)
    assert (subject.label, subject.python, subject.root) == ("nowhere", sys.executable, pathlib.Path("/"))
    assert subject.run(TELL, stdin=None, timeout=30).stdout == "None en\n"
    assert subject.follow(TELL, stdin="", timeout=30, on_line=print).stdout == "None en\n"


def test_a_virtual_environment_says_how_far_a_command_is() -> None:
    subject = VirtualenvBackend().subject(BUILT)
    lines: list[str] = []
    command = [sys.executable, "-c", "import sys; sys.stderr.write('one\\ntwo\\n')"]
    subject.follow(command, stdin="", timeout=30, on_line=lines.append)
    assert [line.strip() for line in lines] == ["one", "two"]


class Asked(FakeBackend):
    """Remembers the payload of the environments in which it ran commands."""

    def __init__(self) -> None:
        super().__init__(says="facts")
        self.payloads: list[str | None] = []

    def run(
        self,
        environment: Environment,
        command: Sequence[str],
        *,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        program: PlannedProgram | None = None,
        network: bool = False,
    ) -> Completed:
        self.payloads.append(environment.payload)
        return super().run(environment, command, stdin=stdin, env=env, timeout=timeout)


def test_an_image_is_asked_by_commands_without_the_payload() -> None:
    backend = Asked()
    subject = RemoteSubject(backend=backend, environment=BUILT)
    assert (subject.label, subject.python, subject.root) == ("nowhere", sys.executable, None)
    assert subject.run(["python"], stdin=None, timeout=1).stdout == "facts"
    assert backend.payloads == [None]
    assert not isinstance(subject, FollowedSubject)


@pytest.mark.usefixtures("home")
def test_images_are_remote_subjects() -> None:
    engine = Engine(Address(host="unix:///nowhere", context=None))
    backends: list[DockerBackend | OciBackend] = [DockerBackend(engine=engine), OciBackend()]
    for backend in backends:
        assert backend.subject(BUILT) == RemoteSubject(backend=backend, environment=BUILT)
