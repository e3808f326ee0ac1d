"""Thousands of hostile requests over the network: answered as the description has it, and nothing dies."""

from __future__ import annotations

import collections
import json
import os
from typing import Any

import jsonschema

from tests.service.abuse.attack import Victim
from tests.service.hostile import Attack, attacks

MOST = 20_000 if os.environ.get("ENVSPEC_DAYS") == "all" else 1_500
SECRET = "/etc/envspec-secret"
LEAKS = (b"Traceback", b"site-packages", b"/service/", b"root:")


def raw(attack: Attack) -> bytes:
    """The request as bytes; what cannot be sent as it is, is sent as near to it as can be."""
    target = attack.path.encode("utf-8", "replace").replace(b" ", b"%20")
    lines = [attack.method.encode() + b" " + target + b" HTTP/1.1", b"Connection: close"]
    names = {name.lower() for name, _ in attack.headers}
    if "host" not in names:
        lines.append(b"Host: x")
    lines.extend(name.encode() + b": " + value.encode("latin-1", "replace") for name, value in attack.headers)
    lines.append(b"Content-Length: %d" % len(attack.body))
    return b"\r\n".join([*lines, b"", b""]) + attack.body


def test_every_answer_is_one_that_is_described(one: Victim) -> None:
    document = json.loads(one.get("/openapi.json").body)
    refusal: dict[str, Any] = {"$ref": "#/components/schemas/Refusal", "components": document["components"]}
    judge = jsonschema.Draft202012Validator(refusal)
    seen: collections.Counter[int] = collections.Counter()
    for attack in attacks(MOST, SECRET, seed=7):
        answer = one.ask(raw(attack), 30)
        seen[answer.status] += 1
        assert 200 <= answer.status < 500 or answer.status == 501, (attack, answer)
        if answer.status >= 400 and attack.method != "HEAD":
            judge.validate(answer.json)
            assert not any(leak in answer.body for leak in LEAKS), attack
        described = document["paths"].get(attack.path, {}).get(attack.method.lower())
        if described is not None and answer.status not in (404, 417, 431):
            assert str(answer.status) in described["responses"], (attack, answer.status)
    assert seen[200] > MOST // 50
    assert {400, 404, 405, 413, 415, 422} <= set(seen)
