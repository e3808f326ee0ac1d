"""How a payload is served: the command that starts it."""

from __future__ import annotations

from envspec.spec.model import Service


def serve_command(service: Service, python: str, *, host: str, port: int | str) -> list[str]:
    """The command line that serves on `host` and `port`.

    The embedded speech service knows how to serve itself; any other payload is an application for gunicorn.
    """
    if service.source is None:
        return [python, "-m", "service", "--host", host, "--port", str(port)]
    return [
        python,
        "-m",
        "gunicorn",
        "--bind",
        f"{host}:{port}",
        "--workers",
        "1",
        "--threads",
        "4",
        service.module,
    ]
