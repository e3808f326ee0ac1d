"""`envspec serve`: becomes the payload of a spec, in the virtual environment built for it."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any, NoReturn

import click

from builder.backends.virtualenv import VirtualenvBackend
from builder.cli.bars import shown_progress
from builder.cli.options import quiet_option, spec_argument, variant_option
from builder.flow.pipeline import run_pipeline
from builder.image import command as start
from builder.report import terminal
from builder.report.scrubbing import Private
from builder.values.environment import Environment
from builder.values.request import Request
from envspec.spec import load
from envspec.system.errors import OutsideError, UsageError
from envspec.system.interruption import undo_all


@click.command()
@spec_argument
@variant_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port to listen on; the spec's if left out, 0 for any."
)
@quiet_option
def serve(host: str, port: int | None, quiet: bool, **wanted: Any) -> int:
    """Serve the payload of SPEC in the virtual environment built for it.

    The environment is built below the tool's home where it does not stand yet, and a lock that does not fit
    is made anew. It serves until Ctrl-C.
    """
    return serve_payload(Request(backend="virtualenv", stop_after="build", **wanted), host, port, quiet=quiet)


def serve_payload(request: Request, host: str, port: int | None, *, quiet: bool) -> int:
    """Build what is missing, then turn into the payload, so that signals and its exit code are its own.

    Returns only when the build fails, with its exit code. The address stands on standard output as soon as
    it is known, for programs that wait for it. Raises `UsageError`, and `OutsideError` for a port in use.
    """
    spec = load.load_spec(load.find_spec(request.spec), request.variant)
    if spec.service is None:
        raise UsageError("the spec has no [service]: there is nothing to serve")
    with shown_progress(quiet=quiet) as progress:
        report = run_pipeline(request, progress)
    environment = report.environment
    if not report.sound or environment is None:
        sys.stderr.write(terminal.render(report, Private.here()))
        return report.exit_code
    chosen = _free(host, spec.service.port if port is None else port)
    sys.stdout.write(f"http://{host}:{chosen}\n")
    sys.stdout.flush()
    command = start.serve_command(spec.service, environment.python, host=host, port=chosen)
    return _become(command, environment)


def _become(command: list[str], environment: Environment) -> NoReturn:
    os.chdir(environment.payload or ".")
    undo_all()  # nobody comes back to it
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
