"""Kubernetes: a workload for each program, with what reaches it, scales it and keeps its volumes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from builder.orchestrate.deployment import Deployed, Deployment
from builder.orchestrate.document import document
from builder.orchestrate.pod import labels, pod, ports

QUEUE = "tts_queue_depth"
WAITING = "8"
"""Requests in a replica's queue, on average, from which on there are too few replicas."""
STORAGE = "1Gi"
"""What a volume asks for: a spec does not say how much it is to hold."""

HEAD = """\
kubectl apply --filename THIS; Kubernetes 1.30 or newer.
The image must be in a registry that the cluster reaches: build-image --tag {image} --push.
"""
SCALING = """\
Scaling by {queue} needs an adapter that offers pods' metrics (custom.metrics.k8s.io), such as
prometheus-adapter; without one, scaling goes by the processor's use alone.
"""
VOLUMES = """\
Every volume asks for {storage} of the cluster's default kind, for one node at a time: change what does
not suit.
"""
CARDS = """\
Every replica asks for one NVIDIA card, which must be one of: {cards}. The device plugin or the GPU operator
offers them as nvidia.com/gpu. Where NVIDIA's runtime is not the default, add `runtimeClassName: nvidia` to
the pod, and a nodeSelector such as nvidia.com/gpu.product where the cluster has other cards too.
"""


def render(wanted: Deployment) -> str:
    """The manifest: volumes, and for each program a Deployment, a Job or a CronJob with what belongs to it.

    The number of replicas of what is scaled stands in its autoscaler alone: in the Deployment it would undo
    every scaling.
    """
    head = HEAD.format(image=wanted.image)
    head += SCALING.format(queue=QUEUE) if any(each.measured for each in wanted.programs) else ""
    head += VOLUMES.format(storage=STORAGE) if wanted.volumes else ""
    head += CARDS.format(cards=", ".join(wanted.cards)) if wanted.cards else ""
    return document(
        head, *_volumes(wanted), *(part for each in wanted.programs for part in _parts(wanted, each))
    )


def _parts(wanted: Deployment, each: Deployed) -> Iterator[dict[str, Any]]:
    if not each.program.lasting:
        yield _job(wanted, each)
        return
    yield _deployment(wanted, each)
    if each.program.all_ports:
        yield _service(each)
    if each.scaled:
        yield _autoscaler(wanted, each)
        yield _budget(each)


def _object(each: Deployed, version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    head = {"name": each.host, "labels": labels(each)}
    return {"apiVersion": version, "kind": kind, "metadata": head, "spec": spec}


def _volumes(wanted: Deployment) -> Iterator[dict[str, Any]]:
    for name in wanted.volumes.values():
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": f"{wanted.name}-{name}", "labels": {"app.kubernetes.io/name": wanted.name}},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": STORAGE}}},
        }


def _template(wanted: Deployment, each: Deployed) -> dict[str, Any]:
    scraped = {
        "prometheus.io/scrape": "true",
        "prometheus.io/path": "/metrics",
        "prometheus.io/port": str(each.program.port),
    }
    marks = {"labels": labels(each), **({"annotations": scraped} if each.measured else {})}
    return {"metadata": marks, "spec": pod(wanted, each)}


def _deployment(wanted: Deployment, each: Deployed) -> dict[str, Any]:
    body = {
        **({} if each.scaled else {"replicas": 1}),
        "selector": {"matchLabels": labels(each)},
        "strategy": _strategy(wanted, each),
        "template": _template(wanted, each),
    }
    return _object(each, "apps/v1", "Deployment", body)


def _strategy(wanted: Deployment, each: Deployed) -> dict[str, Any]:
    """One more at first; with cards one less, since a spare card that is not there would be waited for.

    A volume is one's at a time: the old one goes before the new one comes.
    """
    if each.program.volumes:
        return {"type": "Recreate"}
    rolling = {"maxUnavailable": 1, "maxSurge": 0} if wanted.cards else {"maxUnavailable": 0, "maxSurge": 1}
    return {"type": "RollingUpdate", "rollingUpdate": rolling}


def _job(wanted: Deployment, each: Deployed) -> dict[str, Any]:
    """A Job, or where it has a schedule a CronJob, of which no two run at once."""
    again = each.program.restart == "on-failure"
    job = {"backoffLimit": 3 if again else 0, "template": _template(wanted, each)}
    if each.program.schedule is None:
        return _object(each, "batch/v1", "Job", job)
    body = {
        "schedule": each.program.schedule,
        "concurrencyPolicy": "Forbid",
        "jobTemplate": {"metadata": {"labels": labels(each)}, "spec": job},
    }
    return _object(each, "batch/v1", "CronJob", body)


def _service(each: Deployed) -> dict[str, Any]:
    names = ports(each)
    shown = [
        {"name": name, "port": 80 if name == "http" else port, "targetPort": name}
        for port, name in names.items()
    ]
    return _object(each, "v1", "Service", {"selector": labels(each), "ports": shown})


def _autoscaler(wanted: Deployment, each: Deployed) -> dict[str, Any]:
    used = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 150}}
    waiting = {"metric": {"name": QUEUE}, "target": {"type": "AverageValue", "averageValue": WAITING}}
    return _object(
        each,
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": each.host},
            "minReplicas": wanted.replicas,
            "maxReplicas": wanted.most,
            "metrics": [
                *([{"type": "Pods", "pods": waiting}] if each.measured else []),
                {"type": "Resource", "resource": used},
            ],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
        },
    )


def _budget(each: Deployed) -> dict[str, Any]:
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": labels(each)}}
    return _object(each, "policy/v1", "PodDisruptionBudget", spec)
