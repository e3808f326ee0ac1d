"""What the trial's facts mean: the payload works, or which of its steps failed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from builder.backends.port import Backend
from builder.image import command as serve
from builder.image import travelling
from builder.values.environment import Environment
from envspec.spec.model import Service
from envspec.system.finding import Finding, Severity

TITLES: Mapping[str, str] = {
    "EV301": "the payload ends instead of serving",
    "EV302": "the payload does not become ready",
    "EV303": "the payload does not answer its trial",
    "EV304": "the trial's audio is no speech",
    "EV305": "the payload is ready",
}
"""What each rule of the trial says, in a few words."""

DEADLINE = 120.0
"""Seconds that a payload gets to become ready, models included."""

SILENCE = 100
"""Root mean square of 16-bit samples below which audio is no speech: a quiet voice has some thousands."""


def run(backend: Backend, environment: Environment, service: Service) -> dict[str, Any]:
    """Try the payload inside its environment; the facts as `builder.inside.trial` describes them."""
    script = travelling.program("trial")
    request = service.trial.model_dump(mode="json", by_alias=True) if service.trial else None
    task = {
        "command": serve.command(service, environment.python, host="127.0.0.1", port="{port}"),
        "health": service.health,
        "deadline": DEADLINE,
        "request": request,
    }
    command = [environment.python, "-", json.dumps(task)]
    done = backend.run(environment, command, stdin=script, timeout=3 * DEADLINE)
    try:
        facts: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return {"ready": False, "log": done.tail, "broken": True}
    return facts


def judge(facts: Mapping[str, Any], service: Service) -> Iterator[Finding]:
    """EV301 to EV305."""
    last = "\n".join(str(facts.get("log", "")).strip().splitlines()[-8:])
    if not facts.get("ready"):
        yield _not_ready(facts, service, last)
        return
    answer = facts.get("answer")
    if answer is not None and answer.get("status") != 200:
        said = answer.get("said") or answer.get("error", "")
        yield _error(
            "EV303", f"the payload answers its trial with {answer.get('status', 'nothing')}: {said}", last
        )
    elif answer is not None and "audio" in answer:
        yield from _judge_audio(answer["audio"])
    yield Finding(
        rule="EV305",
        severity=Severity.INFO,
        message=f"the payload is ready after {facts['ready_seconds']:.1f} s "
        f"and holds {facts.get('memory', 0) / 1e6:.0f} MB",
        where=service.module,
    )


def _not_ready(facts: Mapping[str, Any], service: Service, last: str) -> Finding:
    if "ended" in facts:
        return _error("EV301", f"the payload ends with {facts['ended']} instead of serving", last)
    if facts.get("broken"):
        return _error("EV301", "the payload could not be started in the environment", last)
    status = facts.get("health_status")
    return _error(
        "EV302",
        f"the payload is not ready after {DEADLINE:.0f} s: {service.health} answers {status or 'nothing'}",
        last,
    )


def _judge_audio(audio: Mapping[str, Any]) -> Iterator[Finding]:
    if "error" in audio:
        yield _error("EV304", f"the trial's answer holds no audio: {audio['error']}")
    elif not audio["seconds"]:
        yield _error("EV304", "the trial's audio is empty")
    elif audio.get("rms", SILENCE) < SILENCE:
        yield _error("EV304", f"the trial's audio is silent: its root mean square is {audio['rms']}")


def _error(rule: str, message: str, last: str = "") -> Finding:
    hint = f"its last words:\n{last}" if last else "`envspec serve` starts it for a closer look"
    return Finding(rule=rule, severity=Severity.ERROR, message=message, hint=hint, where="service")
