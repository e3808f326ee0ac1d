"""`envspec serve`: becomes the payload of a spec, in the virtual environment built for it."""

from __future__ import annotations

import os
import socket
import sys
from typing import NoReturn

from builder.backends.virtualenv import VirtualenvBackend
from builder.cli.bars import shown
from builder.flow import pipeline
from builder.image import command as serve
from builder.report import terminal
from builder.values.environment import Environment
from builder.values.request import Request
from envspec.spec import load
from envspec.system.errors import OutsideError, UsageError


def run(request: Request, host: str, port: int | None, *, quiet: bool) -> int:
    """Build what is missing, then turn into the payload, so that signals and its exit code are its own.

    Returns only when the build fails, with its exit code. The address stands on standard output as soon as
    it is known, for programs that wait for it. Raises `UsageError`, and `OutsideError` for a port in use.
    """
    spec = load.load(load.find(request.spec), request.variant)
    if spec.service is None:
        raise UsageError("the spec has no [service]: there is nothing to serve")
    with shown(quiet=quiet) as progress:
        report = pipeline.run(request, progress)
    environment = report.environment
    if not report.sound or environment is None:
        sys.stderr.write(terminal.render(report))
        return report.exit_code
    chosen = _free(host, spec.service.port if port is None else port)
    sys.stdout.write(f"http://{host}:{chosen}\n")
    sys.stdout.flush()
    command = serve.command(spec.service, environment.python, host=host, port=chosen)
    return _become(command, environment)


def _become(command: list[str], environment: Environment) -> NoReturn:
    os.chdir(environment.payload or ".")
    os.execve(command[0], command, VirtualenvBackend.variables(environment))  # noqa: S606


def _free(host: str, port: int) -> int:
    """The port, or for 0 any that is free."""
    try:
        with socket.create_server((host, port)) as probe:
            return int(probe.getsockname()[1])
    except OSError as error:
        raise OutsideError(
            f"{host}:{port} cannot be listened on: {error.strerror or error}",
            hint="--port 0 takes any free port; --host must be an address of this machine",
        ) from error
