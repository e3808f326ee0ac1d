"""Compose: every program in one file; what `[service]` names in replicas behind a proxy."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator
from typing import Any

from builder.orchestrate.deployment import PROXY, SERVICE, Deployed, Deployment
from builder.orchestrate.document import document, doubled
from envspec.spec.program import MAIN

PROXY_IMAGE = "nginx:1.28-alpine"
PROXY_USER = 101
"""nginx's own in that image."""
PROXY_PORT = 8080
_START = "printf %s \"$$CONFIGURATION\" >/tmp/nginx.conf && exec nginx -c /tmp/nginx.conf -g 'daemon off;'"
"""`$$` is Compose's own way to write `$`."""

HEAD = """\
docker compose up --detach --wait; then http://localhost:{port} (PORT names another).
Name the image with `build-image --tag {image}`, or pull it; more replicas: --scale service=4.
"""
PLAIN = """\
docker compose up --detach --wait{where}
Name the image with `build-image --tag {image}`, or pull it.
"""
JOBS = """\
{names} is started by hand, or by cron: docker compose run --rm {first}
"""
CARDS = """\
Every replica is given the first NVIDIA card, which must be one of: {cards}; the engine needs the NVIDIA
container toolkit. More cards: count in an override file.
"""
CARD = {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
"""What a replica is given. Source: the Compose specification, "Deploy", `devices`."""
_JOB = "jobs"
"""Profile of the jobs: what is in one is started when it is asked for."""


def render(wanted: Deployment) -> str:
    """The Compose file: a service for each program, and `proxy` before what `[service]` names."""
    services: dict[str, Any] = {each.name: _service(wanted, each) for each in wanted.programs}
    proxied = next((each for each in wanted.programs if each.proxied), None)
    if proxied is not None:
        services[PROXY] = _proxy(proxied)
    named: dict[str, Any] = {name: {} for name in wanted.volumes.values()}
    return document("".join(_head(wanted)), {"services": services, **({"volumes": named} if named else {})})


def _head(wanted: Deployment) -> Iterator[str]:
    main = next((each for each in wanted.programs if each.program.name == MAIN), None)
    if main is not None and main.proxied:
        yield HEAD.format(port=main.program.port, image=wanted.image)
    else:
        port = main.program.port if main is not None and main.program.lasting else None
        where = f"; then port {port} (PORT names another)." if port else ""
        yield PLAIN.format(where=where, image=wanted.image)
    for each in wanted.jobs:
        schedule = f", as in {each.program.schedule!r}" if each.program.schedule else ""
        yield JOBS.format(names=f"{each.name}{schedule}", first=each.name)
    if wanted.cards:
        yield CARDS.format(cards=", ".join(wanted.cards))


def _service(wanted: Deployment, each: Deployed) -> dict[str, Any]:
    program = each.program
    return {
        "image": wanted.image,
        **({"command": list(each.words)} if each.words else {}),
        **({} if program.lasting else {"profiles": [_JOB]}),
        **({} if each.proxied else {"init": True}),  # a first process without handlers is deaf to signals
        **({"environment": {k: doubled(v) for k, v in sorted(each.env.items())}} if each.env else {}),
        **_ports(each),
        **_health(each),
        **({"stop_signal": program.stop_signal} if program.stop_signal else {}),
        "stop_grace_period": f"{each.drain + 10}s",
        **_hardened(
            each.user,
            program.restart or ("unless-stopped" if program.lasting else "no"),
            writes=bool(program.writes),
        ),
        **({"volumes": [f"{wanted.volumes[path]}:{doubled(path)}" for path in program.volumes]}
           if program.volumes else {}),
        "deploy": {
            **({"replicas": wanted.replicas} if each.proxied else {}),
            "resources": {
                "limits": {"cpus": f"{wanted.cores:g}", "memory": f"{wanted.bytes >> 10}K"},
                **({"reservations": {"devices": [CARD]}} if wanted.cards else {}),
            },
        },
    }  # fmt: skip


def _ports(each: Deployed) -> dict[str, Any]:
    """What is behind a proxy is seen by that alone; the main program's own port may be moved."""
    ports = each.program.all_ports
    if not ports:
        return {}
    if each.proxied:
        return {"expose": [str(port) for port in ports]}
    moved = each.program.port if each.program.name == MAIN else None
    return {"ports": [f"${{PORT:-{port}}}:{port}" if port == moved else f"{port}:{port}" for port in ports]}


def _health(each: Deployed) -> dict[str, Any]:
    if not each.health or each.program.health is None:
        return {}
    return {
        "healthcheck": {
            "test": ["CMD", *each.health],
            "interval": "10s",
            "timeout": "30s" if each.program.health.command else "5s",
            "start_period": f"{each.program.start_period}s",
            "retries": 3,
        }
    }


def _proxy(each: Deployed) -> dict[str, Any]:
    port = each.program.port
    return {
        "image": PROXY_IMAGE,
        "command": ["sh", "-c", _START],
        "environment": {"CONFIGURATION": doubled(configuration(port))},
        "ports": [f"${{PORT:-{port}}}:{PROXY_PORT}"],
        "depends_on": {SERVICE: {"condition": "service_healthy"}},
        **_hardened(f"{PROXY_USER}:{PROXY_USER}"),
        "deploy": {"resources": {"limits": {"cpus": "1", "memory": "131072K"}}},
    }


def _hardened(user: str, restart: str = "unless-stopped", *, writes: bool = False) -> dict[str, Any]:
    """Nothing may be written but /tmp, and nothing gained; the engine's own seccomp profile stays on.

    A program that wants to be root wants to write, and what else is root's; with `writes` it owns its code.
    """
    root = user.partition(":")[0] == "0"
    return {
        "user": user,
        **({} if root or writes else {"read_only": True}),
        "tmpfs": ["/tmp"],  # noqa: S108 - inside the container
        **({} if root else {"cap_drop": ["ALL"]}),
        "security_opt": ["no-new-privileges:true"],
        "restart": restart,
    }


def configuration(port: int | None) -> str:
    """nginx's configuration."""
    text = (importlib.resources.files("builder.orchestrate") / "nginx.conf").read_text(encoding="utf-8")
    return text.replace("SERVICE_PORT", str(port)).replace("PROXY_PORT", str(PROXY_PORT))
