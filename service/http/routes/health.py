"""`/healthz` says that the process answers, `/readyz` that it can speak, `/metrics` how it fares."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from service.http.context import context

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Alive: nothing is tested, so that a busy service is not taken for a dead one."""
    return jsonify({"status": "ok"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """Ready: a sentence was really spoken, at most a moment ago."""
    parts = context()
    answer = parts.self_test.answer()
    health = parts.speaker.engine.health()
    said = {
        "status": "ready" if answer.ready else "not ready",
        "engine": health.detail,
        "workers": health.workers,
        **({"device": health.device} if health.device else {}),
        **({"card": health.card} if health.card else {}),
    }
    reason = answer.reason
    ears = parts.listener.ears
    if ears is not None:
        listening = ears.health()
        said["ears"] = listening.detail
        reason = reason or ("" if listening.ready else f"ears: {listening.detail}")
    if reason:
        said.update(status="not ready", reason=reason)
    response = jsonify(said)
    if reason:
        response.status_code = 503
        response.headers["Retry-After"] = "2"
    return response


@blueprint.get("/metrics")
def metrics() -> Response:
    """Everything counted and timed, for Prometheus."""
    measures = context().metrics
    return Response(measures.text(), content_type=measures.content_type)
