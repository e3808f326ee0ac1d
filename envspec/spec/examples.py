"""How each key of a spec is written: an example for messages about values that are of another kind."""

from __future__ import annotations

from collections.abc import Sequence

_EXAMPLES = {
    "name": '"speech-service"',
    "python": '"3.12"',
    "machine": '"x86_64"',
    "as-of": "2024-04-01",
    "compile": "false",
    "build-timeout": "3600",
    "base": '{ debian = "bookworm" }',
    "base.image": '"python:3.12-slim"',
    "base.archive": '"base.tar"',
    "base.debian": '"bookworm"',
    "base.host": "true",
    "base.libc": '"musl"',
    "base.apt": '["libsndfile1"]',
    "base.build-apt": '["gcc", "libpq-dev"]',
    "base.budget": '"1.4 GB"',
    "target": '{ gpu = ["sm_90"] }',
    "target.cpu": '"x86-64-v3"',
    "target.gpu": '["sm_90", "RTX 4090"]',
    "target.driver": '"550.54.14"',
    "env": '{ OMP_NUM_THREADS = "1" }',
    "env.*": '"1"',
    "constraints": '["numpy<2"]',
    "overrides": '["protobuf==4.25.8"]',
    "index": '{ own = { url = "https://packages.example/simple" } }',
    "index.*": '{ url = "https://packages.example/simple" }',
    "index.*.url": '"https://packages.example/simple"',
    "index.*.extra": "true",
    "index.*.default": "true",
    "stage": '[{ name = "packages", install = ["numpy==1.26.4"] }]',
    "stage.name": '"packages"',
    "stage.why": '"it is large and rarely changes"',
    "stage.install": '["numpy==1.26.4"]',
    "stage.prebuilt": '["numpy"]',
    "stage.wheels": '[{ path = "wheels/own-1.0-py3-none-any.whl" }]',
    "stage.wheels.url": '"https://files.example/own-1.0-py3-none-any.whl"',
    "stage.wheels.path": '"wheels/own-1.0-py3-none-any.whl"',
    "stage.wheels.sha256": f'"{"0" * 64}"',
    "stage.index": '"own"',
    "stage.as-of": "2024-04-01",
    "stage.build-apt": '["gcc", "libpq-dev"]',
    "remove": '{ packages = ["pip"] }',
    "remove.packages": '["pip"]',
    "remove.files": '["**/tests/**"]',
    "smoke": '{ imports = ["numpy"] }',
    "smoke.imports": '["numpy", "scipy.linalg"]',
    "smoke.attributes": '["numpy:zeros"]',
    "smoke.exchange": "false",
    "smoke.ignore": '["EV203", "EV206:pylab"]',
    "service": '{ module = "shop.web:app" }',
    "service.module": '"shop.web:app"',
    "service.source": '"src"',
    "service.port": "8000",
    "service.health": '"/healthz"',
    "service.start-timeout": "300",
    "service.env": '{ LOG_LEVEL = "info" }',
    "service.env.*": '"info"',
    "service.models": '["./voices/mine"]',
    "service.include": '[".env"]',
    "service.trial": '{ path = "/tts", json = { text = "hello" } }',
    "service.trial.path": '"/tts"',
    "service.trial.json": '{ text = "hello" }',
    "service.trial.audio": '"audio"',
    "service.trial.heard": '"你好，世界"',
    "service.trial.heard.text": '"你好，世界"',
    "service.trial.heard.language": '"zh"',
    "service.trial.heard.by": '"/asr"',
    "service.trial.heard.within": "0.3",
    "run": '{ command = ["python", "-m", "shop"] }',
    "run.command": '["python", "-m", "http.server"]',
    "run.kind": '"job"',
    "run.port": "8000",
    "run.ports": "[8000, 9000]",
    "run.health": '"/healthz"',
    "run.health.path": '"/healthz"',
    "run.health.tcp": "8000",
    "run.health.command": '["python", "-m", "shop.well"]',
    "run.start-timeout": "300",
    "run.env": '{ LOG_LEVEL = "info" }',
    "run.env.*": '"info"',
    "run.workdir": '"/srv"',
    "run.user": '"app"',
    "run.volumes": '["/data"]',
    "run.stop-signal": '"SIGINT"',
    "run.restart": '"always"',
    "run.schedule": '"0 3 * * *"',
    "run.trial": '[{ path = "/healthz" }]',
    "run.trial.path": '"/healthz"',
    "run.trial.method": '"PUT"',
    "run.trial.headers": '{ Accept = "text/plain" }',
    "run.trial.headers.*": '"text/plain"',
    "run.trial.json": '{ text = "hello" }',
    "run.trial.body": '"hello"',
    "run.trial.status": "201",
    "run.trial.expect": '{ status = "ok" }',
    "run.trial.audio": '"audio"',
    "run.trial.heard": '"hello"',
    "run.trial.heard.text": '"hello"',
    "run.trial.heard.language": '"en"',
    "run.trial.heard.by": '"/asr"',
    "run.trial.heard.within": "0.3",
    "run.trial.command": '["python", "-m", "shop.ask"]',
    "run.trial.args": '["--once"]',
    "run.trial.exit": "0",
    "run.trial.output": '"ready"',
    "run.trial.timeout": "30",
    "run.trial.needs": '["network"]',
    "copy": '[{ from = "configs", to = "/srv/configs" }]',
    "copy.from": '"configs"',
    "copy.to": '"/srv/configs"',
    "copy.owner": '"app"',
    "copy.mode": '"0644"',
    "copy.include": '[".env"]',
    "variant": '{ cuda = { python = "3.12" } }',
    "variant.*": '{ python = "3.12" }',
}
"""TOML by key path: without numbers, and with `*` for names that a user chooses."""


def example_of(path: Sequence[str | int]) -> str:
    """TOML for a key, or for an entry of a list, as `key = value`; empty where no key is meant."""
    keys = [step for step in path if isinstance(step, str)]
    if keys[:1] == ["variant"] and len(keys) > 2:
        keys = keys[2:]
    value = _value(keys)
    return f"{keys[-1]} = {value}" if value else ""


def _value(keys: Sequence[str]) -> str:
    ways = [keys]
    if keys[:1] == ["run"]:  # of a program by name
        ways.append([keys[0], *keys[2:]])
    for way in ways:
        starred = [
            step if place != 1 or way[0] not in {"index", "variant", "env"} else "*"
            for place, step in enumerate(way)
        ]
        for path in (way, starred, [*way[:-1], "*"]):
            if found := _EXAMPLES.get(".".join(path), ""):
                return found
    return ""
