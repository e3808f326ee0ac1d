"""`envspec serve`: becomes the service of a spec, in the virtual environment built for it."""

from __future__ import annotations

import socket
import sys
from typing import Any

import click

from builder.cli.becoming import become, build_here
from builder.cli.options import quiet_option, spec_argument, variant_option
from builder.report.model import Report
from builder.values.program import HOST, PORT, PlannedProgram, planned_programs
from builder.values.request import Request
from envspec.spec import load
from envspec.spec.program import MAIN
from envspec.system.errors import OutsideError, UsageError
from envspec.system.machine import want_linux


@click.command()
@spec_argument
@variant_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port to listen on; the spec's if left out, 0 for any."
)
@quiet_option
def serve(host: str, port: int | None, quiet: bool, **wanted: Any) -> int:
    """Serve what SPEC has as its service in the virtual environment built for it.

    The environment is built below the tool's home where it does not stand yet, and a lock that does not fit
    is made anew. It serves until Ctrl-C.
    """
    return serve_program(Request(backend="virtualenv", **wanted), host, port, quiet=quiet)


def serve_program(request: Request, host: str, port: int | None, *, quiet: bool) -> int:
    """Build what is missing, then turn into the main program, so that signals and its exit code are its own.

    Gives the exit code of a build that failed. The address stands on standard output as soon as it is known,
    for programs that wait for it. Raises `UsageError`, and `OutsideError` for a port in use.
    """
    want_linux(
        "the payload is served in a virtual environment, which is built for Linux",
        hint="build an image with `build-image --backend docker` and run that",
    )
    spec = load.load_spec(load.find_spec(request.spec), request.variant)
    programs = {program.name: program for program in planned_programs(spec)}
    _refuse_unmovable(programs.get(MAIN), host, port)
    built = build_here(request, quiet=quiet)
    if isinstance(built, Report):
        return built.exit_code
    program = built.plan.program(MAIN)
    assert program is not None and program.port is not None  # noqa: S101, PT018 - refused above
    chosen = _free(host, program.port if port is None else port)
    sys.stdout.write(f"http://{host}:{chosen}\n")
    sys.stdout.flush()
    return become(built, program.words(host, chosen), program)


def _refuse_unmovable(program: PlannedProgram | None, host: str, port: int | None) -> None:
    """Raise `UsageError` where there is nothing to serve, or its command says itself where it listens."""
    if program is None or program.port is None:
        raise UsageError(
            "the spec has no [service], and no [run] with a port: there is nothing to serve",
            hint="`envspec run` starts any program of a spec",
        )
    words = "\0".join(program.command)
    if port is not None and port != program.port and PORT not in words:
        raise UsageError(
            f"the command of [run] has its port in itself: --port {port} cannot change it",
            hint=f"write {PORT} where {program.port} stands in it",
        )
    if host != "127.0.0.1" and HOST not in words:
        raise UsageError(
            f"the command of [run] says itself where it listens: --host {host} cannot change it",
            hint=f"write {HOST} where the address stands in it",
        )


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
