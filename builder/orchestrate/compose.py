"""Compose: replicas behind a proxy, in one file."""

from __future__ import annotations

import importlib.resources
from typing import Any

from builder.inside import places
from builder.orchestrate.deployment import Deployment
from builder.orchestrate.document import document, doubled

PROXY = "nginx:1.28-alpine"
PROXY_USER = 101
"""nginx's own in that image."""
PROXY_PORT = 8080
_START = "printf %s \"$$CONFIGURATION\" >/tmp/nginx.conf && exec nginx -c /tmp/nginx.conf -g 'daemon off;'"
"""`$$` is Compose's own way to write `$`."""

HEAD = """\
docker compose up --detach --wait; then http://localhost:{port} (PORT names another).
Name the image with `build-image --tag {image}`, or pull it; more replicas: --scale service=4.
"""
CARDS = """\
Every replica is given the first NVIDIA card, which must be one of: {cards}; the engine needs the NVIDIA
container toolkit. More cards: count in an override file.
"""
CARD = {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
"""What a replica is given. Source: the Compose specification, "Deploy", `devices`."""


def render(wanted: Deployment) -> str:
    """The Compose file: `service`, in as many replicas as wanted, and `proxy`, the only one with a port."""
    head = HEAD.format(port=wanted.port, image=wanted.image)
    head += CARDS.format(cards=", ".join(wanted.cards)) if wanted.cards else ""
    return document(head, {"services": {"service": _service(wanted), "proxy": _proxy(wanted)}})


def _service(wanted: Deployment) -> dict[str, Any]:
    return {
        "image": wanted.image,
        **({"environment": {k: doubled(v) for k, v in sorted(wanted.env.items())}} if wanted.env else {}),
        "expose": [str(wanted.port)],
        "healthcheck": {
            "test": ["CMD", *places.entrypoint(), "health"],
            "interval": "10s",
            "timeout": "5s",
            "start_period": "60s",
            "retries": 3,
        },
        "stop_grace_period": f"{wanted.drain + 10}s",
        **_hardened(wanted.user),
        "deploy": {
            "replicas": wanted.replicas,
            "resources": {
                "limits": {"cpus": f"{wanted.cores:g}", "memory": f"{wanted.bytes >> 10}K"},
                **({"reservations": {"devices": [CARD]}} if wanted.cards else {}),
            },
        },
    }


def _proxy(wanted: Deployment) -> dict[str, Any]:
    return {
        "image": PROXY,
        "command": ["sh", "-c", _START],
        "environment": {"CONFIGURATION": doubled(configuration(wanted.port))},
        "ports": [f"${{PORT:-{wanted.port}}}:{PROXY_PORT}"],
        "depends_on": {"service": {"condition": "service_healthy"}},
        **_hardened(PROXY_USER),
        "deploy": {"resources": {"limits": {"cpus": "1", "memory": "131072K"}}},
    }


def _hardened(user: int) -> dict[str, Any]:
    """Nothing may be written but /tmp, and nothing gained; the engine's own seccomp profile stays on."""
    return {
        "user": f"{user}:{user}",
        "read_only": True,
        "tmpfs": ["/tmp"],  # noqa: S108 - inside the container
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "restart": "unless-stopped",
    }


def configuration(port: int) -> str:
    """nginx's configuration."""
    text = (importlib.resources.files("builder.orchestrate") / "nginx.conf").read_text(encoding="utf-8")
    return text.replace("SERVICE_PORT", str(port)).replace("PROXY_PORT", str(PROXY_PORT))
