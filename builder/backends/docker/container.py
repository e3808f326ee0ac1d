"""Runs a command in a container that is thrown away afterwards, without a network unless one is named."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import requests

from builder.backends.docker.engine import Engine
from builder.backends.docker.sdk import BROKEN, APIError, LogConfig, translated
from envspec.system.errors import OutsideError
from envspec.system.interruption import undoing
from envspec.system.process import Completed

_STDIN = "envspec-stdin"
_FEED = """
import os, sys
os.dup2(os.open("/{name}", os.O_RDONLY), 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Makes a file standard input, then becomes the command: it works over every transport an engine has."""


def run_in_container(
    engine: Engine,
    image: str,
    command: Sequence[str],
    *,
    python: str,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    user: str | None = None,
    folder: str | None = None,
    network: str = "none",
) -> Completed:
    """Run the command in a new container of the image; `python` is an interpreter inside.

    User and folder are the image's where none is named.

    Raises `OutsideError` when the engine refuses, or is gone.
    """
    words = list(command)
    if stdin is not None:
        words = [python, "-I", "-S", "-c", _FEED.format(name=_STDIN), *words]
    with translated(engine.address.host):
        container = engine.client.containers.create(
            image,
            entrypoint=words[:1],
            command=words[1:],
            environment=dict(env or {}),
            network_mode=network,
            user=user,
            working_dir=folder,
            log_config=LogConfig(type="json-file"),
            shm_size="1g",
            healthcheck={"test": ["NONE"]},
        )
    with thrown_away(container):
        with translated(engine.address.host):
            if stdin is not None:
                container.put_archive("/", files_as_tar({_STDIN: stdin.encode()}))
        return _finished(engine, container, tuple(command), timeout)


@contextlib.contextmanager
def thrown_away(container: Any) -> Iterator[None]:
    """Throw a container away after the block, with all that runs in it; also when a signal ends us."""
    remove = functools.partial(container.remove, force=True, v=True)
    with undoing(remove):
        try:
            yield
        finally:
            with contextlib.suppress(*BROKEN):
                remove()


def _finished(engine: Engine, container: Any, command: tuple[str, ...], timeout: float | None) -> Completed:
    try:
        container.start()
    except APIError as error:
        if "no such file" in str(error) or "not found" in str(error):
            return Completed(command=command, code=127, stdout="", stderr=str(error.explanation))
        raise OutsideError(f"the engine could not start a container: {error.explanation}") from error
    late = False
    code = -9
    with translated(engine.address.host):
        try:
            code = int(container.wait(timeout=timeout)["StatusCode"])
        except requests.RequestException:
            late = engine.answers()
            if not late:
                raise
            container.kill()
            container.wait(timeout=60)
        stdout = container.logs(stdout=True, stderr=False).decode("utf-8", "replace")
        stderr = container.logs(stdout=False, stderr=True).decode("utf-8", "replace")
    # A shell's way to tell of a signal; a process of this machine would show it as a negative number.
    code = -(code - 128) if code > 128 else code
    return Completed(command=command, code=code, stdout=stdout, stderr=stderr, timed_out=late)


def files_as_tar(files: Mapping[str, bytes]) -> bytes:
    """A tar of those files, which everybody may read, as containers take it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o444
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def find_python(engine: Engine, image: str) -> str:
    """Path of the interpreter that users of the image meet first.

    Raises `OutsideError` when it has none.
    """
    script = "import json, sys; print(json.dumps(sys.executable))"
    for name in ("python", "python3"):
        done = run_in_container(engine, image, [name, "-I", "-S", "-c", script], python=name, timeout=120)
        if done.ok:
            return str(json.loads(done.stdout))
    raise OutsideError(
        f"{image} has no Python that can be run", hint="only images with a Python can be judged"
    )
