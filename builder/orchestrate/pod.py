"""The pod of a program, as every kind of workload in a cluster has it."""

from __future__ import annotations

import math
from typing import Any

from builder.orchestrate.deployment import Deployed, Deployment, host_name
from builder.orchestrate.document import doubled

SETTLE = 5
"""Seconds a replica still works before it is told to stop, so that no proxy sends to it any more."""

_START_TIMEOUT = 300
"""Seconds until a program must have started where the spec says nothing: a cluster is shared."""


def labels(each: Deployed) -> dict[str, str]:
    """By which its pods are found."""
    return {"app.kubernetes.io/name": each.host}


def ports(each: Deployed) -> dict[int, str]:
    """Name of each port: what answers requests is called `http`."""
    program = each.program
    web = each.proxied or (program.health is not None and program.health.path is not None)
    web = web or any(trial.path for trial in program.trials)
    names = {port: f"port-{port}" for port in program.all_ports}
    return {**names, **({program.port: "http"} if program.port and web else {})}


def pod(wanted: Deployment, each: Deployed) -> dict[str, Any]:
    """Its specification."""
    program = each.program
    lasting = program.lasting
    spread = {
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": labels(each)},
            }
        ]
    }
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        **({} if lasting else {"restartPolicy": "OnFailure" if program.restart == "on-failure" else "Never"}),
        "terminationGracePeriodSeconds": SETTLE + each.drain + 10,
        "securityContext": _rights(each),
        **(spread if lasting else {}),
        "containers": [_container(wanted, each)],
        "volumes": [
            {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
            *(
                {"name": name, "persistentVolumeClaim": {"claimName": f"{wanted.name}-{name}"}}
                for path, name in wanted.volumes.items()
                if path in program.volumes
            ),
        ],
    }


def _rights(each: Deployed) -> dict[str, Any]:
    """Who it runs as. A cluster knows users by number alone: one that has a name is left to the image."""
    user, _, group = each.user.partition(":")
    group = group or (user if user.isdigit() else "")
    return {
        **({"runAsNonRoot": True} if user.isdigit() and not each.is_root else {}),
        **({"runAsUser": int(user)} if user.isdigit() else {}),
        **({"runAsGroup": int(group), "fsGroup": int(group)} if group else {}),
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _container(wanted: Deployment, each: Deployed) -> dict[str, Any]:
    names = ports(each)
    whole = not each.program.writes
    confined = {"readOnlyRootFilesystem": whole, "capabilities": {"drop": ["ALL"]}}
    return {
        "name": host_name(each.name),
        "image": wanted.image,
        **({"args": list(each.words)} if each.words else {}),
        **(
            {"ports": [{"name": name, "containerPort": port} for port, name in names.items()]}
            if names
            else {}
        ),
        **(
            {"env": [{"name": key, "value": doubled(value)} for key, value in sorted(each.env.items())]}
            if each.env
            else {}
        ),
        **(_probes(each, names) if each.program.lasting else {}),
        **({"lifecycle": {"preStop": {"sleep": {"seconds": SETTLE}}}} if names else {}),
        "resources": {
            "requests": {"cpu": f"{int(1000 * wanted.cores / 2)}m", "memory": wanted.memory},
            "limits": {
                "cpu": f"{int(1000 * wanted.cores)}m",
                "memory": wanted.memory,
                **({"nvidia.com/gpu": "1"} if wanted.cards else {}),
            },
        },
        "securityContext": {"allowPrivilegeEscalation": False, **({} if each.is_root else confined)},
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - inside the container
            *({"name": wanted.volumes[path], "mountPath": path} for path in each.program.volumes),
        ],
    }


def _probes(each: Deployed, names: dict[int, str]) -> dict[str, Any]:
    """When it is ready, and whether it lives: asked as its health says."""
    health = each.program.health
    if health is None:
        return {}
    if health.command is not None:
        asked = {"exec": {"command": list(each.health)}, "timeoutSeconds": 30}
        return {
            "startupProbe": {**asked, **_startup(each, 10)},
            "readinessProbe": {**asked, "periodSeconds": 30, "failureThreshold": 2},
            "livenessProbe": {**asked, "periodSeconds": 60, "failureThreshold": 3},
        }
    if health.path is not None:
        port = names[each.program.port or 0]
        ready: dict[str, Any] = {"httpGet": {"path": health.path, "port": port}}
        there: dict[str, Any] = {"tcpSocket": {"port": port}}
    else:
        port_number = health.tcp or 0
        ready = there = {"tcpSocket": {"port": names.get(port_number, port_number)}}
    alive = {"httpGet": {"path": each.alive, "port": "http"}} if each.alive else there
    return {
        "startupProbe": {**ready, "timeoutSeconds": 6, **_startup(each, 2)},
        "readinessProbe": {**ready, "periodSeconds": 10, "timeoutSeconds": 6, "failureThreshold": 2},
        "livenessProbe": {**alive, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
    }


def _startup(each: Deployed, period: int) -> dict[str, int]:
    """How often it is asked whether it has started, in seconds, and how many times in vain."""
    patience = each.program.start_timeout or _START_TIMEOUT
    return {"periodSeconds": period, "failureThreshold": math.ceil(patience / period)}
