"""Drives the service's ModelScope engine against a model's folder; prints what came out as JSON.

Run inside the reference environment with the project's root on PYTHONPATH: `python ... FOLDER [DEVICE]`.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import sys
import time

from service.app import create_app
from service.errors import ServiceError
from service.settings.environment import Settings
from service.voices.modelscope import ModelScope, find_models
from service.voices.port import EMOTIONS, Utterance

TEXT = "今天 <天气> & 很好"


def main(folder: str, device: str = "cpu") -> None:
    engine = ModelScope(find_models((folder,), ""), device=device, threads=1)
    facts: dict[str, object] = {"voices": [dataclasses.asdict(voice) for voice in engine.voices()]}
    started = time.monotonic()
    facts["plain"] = spoken(engine, Utterance("你好世界", "plain"))
    facts["load_seconds"] = round(time.monotonic() - started, 2)
    facts["emotions"] = {name: spoken(engine, Utterance(TEXT, "zhitian_emo", name)) for name in EMOTIONS}
    facts["again"] = spoken(engine, Utterance(TEXT, "zhitian_emo", "happy"))
    facts["intense"] = spoken(engine, Utterance(TEXT, "zhitian_emo", "happy", 1.8))
    facts["fast"] = spoken(engine, Utterance(TEXT, "zhitian_emo", speed=2.0))
    facts["pitched"] = spoken(engine, Utterance(TEXT, "zhitian_emo", pitch=1.2))
    facts["crashed"] = spoken(engine, Utterance("crash", "plain"))
    facts["after_crash"] = spoken(engine, Utterance("你好世界", "plain"))
    facts["starts"] = engine.health().restarts + 1
    facts["http"] = over_http(engine)
    engine.close()
    print(json.dumps(facts))  # noqa: T201


def spoken(engine: ModelScope, utterance: Utterance) -> dict[str, object]:
    """What one utterance became, or how it was refused."""
    try:
        audio = engine.synthesize(utterance, time.monotonic() + 120, 60.0)
    except ServiceError as error:
        said = {"status": error.status, "code": error.code, "message": error.message, "field": error.field}
        return {name: value for name, value in said.items() if value is not None}
    digest = hashlib.sha256(audio.pcm).hexdigest()
    return {"rate": audio.sample_rate, "duration": audio.duration, "rms": audio.rms, "sha256": digest}


def over_http(engine: ModelScope) -> dict[str, object]:
    """The article's request, answered by the whole application."""
    http = create_app(Settings(engine="modelscope"), engine).test_client()
    ready = http.get("/readyz")
    place = [line for line in http.get("/metrics").text.splitlines() if line.startswith("tts_device_info{")]
    reply = http.post("/tts", json={"text": "今天天气很好。", "emotion": "happy", "speed": 1.0}).get_json()
    said = {"ready": ready.status_code, "readyz": ready.get_json(), "place": place}
    return {**said, "head": base64.b64decode(reply.pop("audio", ""))[:4].decode(), **reply}


if __name__ == "__main__":
    main(*sys.argv[1:])
