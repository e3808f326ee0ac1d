"""The trial: the payload started and asked once inside its environment, and what the facts of that mean."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from builder.backends.port import Backend
from builder.image import command as serve
from builder.image import travelling
from builder.values.environment import Environment
from envspec.spec.model import Service
from envspec.system import rules
from envspec.system.finding import Finding
from envspec.system.quoting import quoted_output
from envspec.system.rules import Rule

DEADLINE = 120.0
"""Seconds that a payload gets to become ready, models included."""

SILENCE = 100
"""Root mean square of 16-bit samples below which audio is no speech: a quiet voice has some thousands."""


def try_payload(backend: Backend, environment: Environment, service: Service) -> dict[str, Any]:
    """Try the payload inside its environment; the facts are those that `builder/inside/trial.py` prints."""
    script = travelling.program("trial")
    request = service.trial.model_dump(mode="json", by_alias=True) if service.trial else None
    task = {
        "command": serve.serve_command(service, environment.python, host="127.0.0.1", port="{port}"),
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


def judge_trial(facts: Mapping[str, Any], service: Service) -> Iterator[Finding]:
    """Findings about the payload: why it did not work, or how it started (EV301 to EV305)."""
    last = quoted_output("\n".join(str(facts.get("log", "")).strip().splitlines()[-8:]))
    if not facts.get("ready"):
        yield _not_ready(facts, service, last)
        return
    answer = facts.get("answer")
    if answer is not None and answer.get("status") != 200:
        said = quoted_output(answer.get("said") or answer.get("error", ""))
        yield _failed(
            rules.PAYLOAD_NO_ANSWER,
            f"the payload answers its trial with {answer.get('status', 'nothing')}: {said}",
            last,
        )
    elif answer is not None and "audio" in answer:
        yield from _judge_audio(answer["audio"])
    yield rules.PAYLOAD_READY.finding(
        f"the payload is ready after {facts['ready_seconds']:.1f} s "
        f"and holds {facts.get('memory', 0) / 1e6:.0f} MB",
        where=service.module,
    )


def _not_ready(facts: Mapping[str, Any], service: Service, last: str) -> Finding:
    if "ended" in facts:
        return _failed(rules.PAYLOAD_ENDS, f"the payload ends with {facts['ended']} instead of serving", last)
    if facts.get("broken"):
        return _failed(rules.PAYLOAD_ENDS, "the payload could not be started in the environment", last)
    status = facts.get("health_status")
    return _failed(
        rules.PAYLOAD_NOT_READY,
        f"the payload is not ready after {DEADLINE:.0f} s: {service.health} answers {status or 'nothing'}",
        last,
    )


def _judge_audio(audio: Mapping[str, Any]) -> Iterator[Finding]:
    if "error" in audio:
        yield _failed(rules.PAYLOAD_NO_SPEECH, f"the trial's answer holds no audio: {audio['error']}")
    elif not audio["seconds"]:
        yield _failed(rules.PAYLOAD_NO_SPEECH, "the trial's audio is empty")
    elif audio.get("rms", SILENCE) < SILENCE:
        yield _failed(
            rules.PAYLOAD_NO_SPEECH, f"the trial's audio is silent: its root mean square is {audio['rms']}"
        )


def _failed(rule: Rule, message: str, last: str = "") -> Finding:
    hint = f"its last words:\n{last}" if last else "`envspec serve` starts it for a closer look"
    return rule.finding(message, hint=hint, where="service")
