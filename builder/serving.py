"""`envspec serve`: the payload of a spec, in the virtual environment built for it, until it is stopped."""

from __future__ import annotations

import socket
import subprocess
import sys

from builder import pipeline, serve
from builder.backends.virtualenv import VirtualenvBackend
from builder.report import terminal
from builder.request import Request
from envspec import load
from envspec.errors import UsageError
from envspec.progress import Progress


def run(request: Request, host: str, port: int | None, progress: Progress) -> int:
    """Build what is missing, then serve. Gives the payload's exit code, or that of a failed build.

    The address stands on standard output as soon as it is known, for programs that wait for it.
    """
    spec = load.load(load.find(request.spec), request.variant)
    if spec.service is None:
        raise UsageError("the spec has no [service]: there is nothing to serve")
    report = pipeline.run(request, progress)
    if not report.sound or report.environment is None:
        sys.stderr.write(terminal.render(report))
        return report.exit_code
    chosen = spec.service.port if port is None else port or _free_port(host)
    sys.stdout.write(f"http://{host}:{chosen}\n")
    sys.stdout.flush()
    environment = report.environment
    command = serve.command(spec.service, environment.python, host=host, port=chosen)
    variables = VirtualenvBackend.variables(environment)
    process = subprocess.Popen(command, env=variables, cwd=environment.payload)
    return _waited(process)


def _waited(process: subprocess.Popen[bytes]) -> int:
    """Wait for it; Ctrl-C reaches the payload too, which is given the time to finish what it works on."""
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
