"""Kubernetes: a deployment with its service, scaling by the queue, and a budget for disruptions."""

from __future__ import annotations

from typing import Any

from builder.orchestrate.deployment import Deployment
from builder.orchestrate.document import document, doubled

SETTLE = 5
"""Seconds a replica still works before it is told to stop, so that no proxy sends to it any more."""
QUEUE = "tts_queue_depth"
WAITING = "8"
"""Requests in a replica's queue, on average, from which on there are too few replicas."""

HEAD = """\
kubectl apply --filename THIS; Kubernetes 1.30 or newer.
The image must be in a registry that the cluster reaches: build-image --tag {image} --push.
"""
SCALING = """\
Scaling by {queue} needs an adapter that offers pods' metrics (custom.metrics.k8s.io), such as
prometheus-adapter; without one, scaling goes by the processor's use alone.
"""
CARDS = """\
Every replica asks for one NVIDIA card, which must be one of: {cards}. The device plugin or the GPU operator
offers them as nvidia.com/gpu. Where NVIDIA's runtime is not the default, add `runtimeClassName: nvidia` to
the pod, and a nodeSelector such as nvidia.com/gpu.product where the cluster has other cards too.
"""


def render(wanted: Deployment) -> str:
    """The manifest: Deployment, Service, HorizontalPodAutoscaler and PodDisruptionBudget.

    The number of replicas stands in the autoscaler alone: in the Deployment it would undo every scaling.
    """
    head = HEAD.format(image=wanted.image) + (SCALING.format(queue=QUEUE) if wanted.measured else "")
    head += CARDS.format(cards=", ".join(wanted.cards)) if wanted.cards else ""
    return document(head, _deployment(wanted), _service(wanted), _autoscaler(wanted), _budget(wanted))


def _object(wanted: Deployment, version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    head = {"name": wanted.name, "labels": _labels(wanted)}
    return {"apiVersion": version, "kind": kind, "metadata": head, "spec": spec}


def _labels(wanted: Deployment) -> dict[str, str]:
    return {"app.kubernetes.io/name": wanted.name}


def _deployment(wanted: Deployment) -> dict[str, Any]:
    scraped = {
        "prometheus.io/scrape": "true",
        "prometheus.io/path": "/metrics",
        "prometheus.io/port": str(wanted.port),
    }
    template = {
        "metadata": {
            "labels": _labels(wanted),
            **({"annotations": scraped} if wanted.measured else {}),
        },
        "spec": _pod(wanted),
    }
    return _object(
        wanted,
        "apps/v1",
        "Deployment",
        {
            "selector": {"matchLabels": _labels(wanted)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": _rolling(wanted)},
            "template": template,
        },
    )


def _rolling(wanted: Deployment) -> dict[str, int]:
    """One more at first; with cards one less, since a spare card that is not there would be waited for."""
    return {"maxUnavailable": 1, "maxSurge": 0} if wanted.cards else {"maxUnavailable": 0, "maxSurge": 1}


def _pod(wanted: Deployment) -> dict[str, Any]:
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": SETTLE + wanted.drain + 10,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": wanted.user,
            "runAsGroup": wanted.user,
            "fsGroup": wanted.user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": _labels(wanted)},
            }
        ],
        "containers": [_container(wanted)],
        "volumes": [{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}],
    }


def _container(wanted: Deployment) -> dict[str, Any]:
    ready = {"httpGet": {"path": wanted.ready, "port": "http"}}
    alive = (
        {"httpGet": {"path": wanted.alive, "port": "http"}}
        if wanted.alive
        else {"tcpSocket": {"port": "http"}}
    )
    return {
        "name": "service",
        "image": wanted.image,
        "ports": [{"name": "http", "containerPort": wanted.port}],
        **(
            {"env": [{"name": key, "value": doubled(value)} for key, value in sorted(wanted.env.items())]}
            if wanted.env
            else {}
        ),
        "startupProbe": {**ready, "periodSeconds": 2, "timeoutSeconds": 6, "failureThreshold": 150},
        "readinessProbe": {**ready, "periodSeconds": 10, "timeoutSeconds": 6, "failureThreshold": 2},
        "livenessProbe": {**alive, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
        "lifecycle": {"preStop": {"sleep": {"seconds": SETTLE}}},
        "resources": {
            "requests": {"cpu": f"{int(1000 * wanted.cores / 2)}m", "memory": wanted.memory},
            "limits": {
                "cpu": f"{int(1000 * wanted.cores)}m",
                "memory": wanted.memory,
                **({"nvidia.com/gpu": "1"} if wanted.cards else {}),
            },
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - inside the container
    }


def _service(wanted: Deployment) -> dict[str, Any]:
    port = {"name": "http", "port": 80, "targetPort": "http"}
    return _object(wanted, "v1", "Service", {"selector": _labels(wanted), "ports": [port]})


def _autoscaler(wanted: Deployment) -> dict[str, Any]:
    used = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 150}}
    waiting = {"metric": {"name": QUEUE}, "target": {"type": "AverageValue", "averageValue": WAITING}}
    return _object(
        wanted,
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": wanted.name},
            "minReplicas": wanted.replicas,
            "maxReplicas": wanted.most,
            "metrics": [
                *([{"type": "Pods", "pods": waiting}] if wanted.measured else []),
                {"type": "Resource", "resource": used},
            ],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
        },
    )


def _budget(wanted: Deployment) -> dict[str, Any]:
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": _labels(wanted)}}
    return _object(wanted, "policy/v1", "PodDisruptionBudget", spec)
