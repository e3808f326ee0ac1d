"""What existing orchestrators run: a deployment of a spec's image, as Compose or Kubernetes have it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from builder.orchestrate import compose, kubernetes
from builder.orchestrate.deployment import Deployment, deployment

__all__ = ["FORMS", "Deployment", "deployment"]

FORMS: Mapping[str, Callable[[Deployment], str]] = {
    "compose": compose.render,
    "kubernetes": kubernetes.render,
}
"""Renders a deployment as YAML, by the orchestrator's name."""
