"""Asks a running program over HTTP, and measures the sound that an answer holds."""

from __future__ import annotations

import array
import base64
import binascii
import contextlib
import http.client
import io
import json
import time
import urllib.error
import urllib.request
import wave
from typing import Any

MOST = 4 << 20
"""Bytes of an answer that are read; more than any trial compares."""
LISTENS = "/asr"
"""Where the speech service listens; what has its default is not told."""
MOST_HEARD = 4000
"""Characters of a text that was heard; what is to be heard has a thousand at most."""
SIMPLIFIED = "以下是普通话的句子。"
"""Told to a model before it hears Chinese: without, many write traditional characters."""
_SHOWN = 300
"""Characters of an answer that are reported."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirection is an answer like others: a trial may expect it."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _opener() -> urllib.request.OpenerDirector:
    """Plain HTTP alone: through no proxy, and without the certificates that HTTPS would load."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        _Stay(),
    ):
        opener.add_handler(handler)
    return opener


_OPENER = _opener()


def asked(url: str, wanted: dict[str, Any], timeout: float) -> dict[str, Any]:
    """Status and body of one request, or the error that stood in its way.

    `wanted` may have `method`, `headers`, and `json` or `body`, what is sent.
    """
    headers = dict(wanted.get("headers") or {})
    data = None
    if wanted.get("json") is not None:
        data = json.dumps(wanted["json"]).encode()
        headers.setdefault("Content-Type", "application/json")
    elif wanted.get("body") is not None:
        data = wanted["body"].encode()
        headers.setdefault("Content-Type", "text/plain; charset=utf-8")
    try:
        request = urllib.request.Request(url, data=data, headers=headers, method=wanted.get("method"))
        with _OPENER.open(request, timeout=timeout) as answer:
            return {"status": answer.status, "body": answer.read(MOST), "server": answer.headers["Server"]}
    except urllib.error.HTTPError as error:
        with error:
            return {"status": error.code, "body": error.read(MOST), "server": error.headers["Server"]}
    except (OSError, ValueError) as error:
        return {"error": str(error) or type(error).__name__}
    except http.client.HTTPException as error:  # of an answer that is no HTTP
        return {"error": "%s: %s" % (type(error).__name__, error)}


def answered(url: str, wanted: dict[str, Any], timeout: float) -> dict[str, Any]:
    """The answer to one real request: what is compared with the spec's words, and the sound it holds."""
    began = time.monotonic()
    got = asked(url + wanted["path"], wanted, timeout)
    body = got.pop("body", b"")
    got["seconds"] = round(time.monotonic() - began, 3)
    got["bytes"] = len(body)
    text = body.decode("utf-8", "replace")
    if wanted.get("output") is not None:
        got["holds"] = wanted["output"] in text
    if wanted.get("expect") is not None:
        try:
            got["json"] = json.loads(text)
        except ValueError as error:
            got["no_json"] = str(error)
    if wanted.get("audio") and got.get("status") == wanted.get("status", 200):
        got["audio"] = measured(body, wanted["audio"])
        if wanted.get("heard") and got["audio"].get("seconds"):
            got["heard"] = heard(url, json.loads(body)[wanted["audio"]], wanted["heard"], timeout)
    else:
        got["said"] = text[:_SHOWN]
    return got


def heard(url: str, audio: str, wanted: dict[str, Any], timeout: float) -> dict[str, Any]:
    """What is understood of a base64 WAV by the same program, at the path that listens."""
    sent = {"audio": audio}
    chinese = any("\u4e00" <= character <= "\u9fff" for character in wanted["text"])
    language = wanted.get("language") or ("zh" if chinese else "")
    if language:
        sent["language"] = language
    if language == "zh":
        sent["prompt"] = SIMPLIFIED
    got = asked(url + wanted.get("by", LISTENS), {"json": sent}, timeout)
    body = got.pop("body", b"").decode("utf-8", "replace")
    got["said"] = body[:_SHOWN]
    with contextlib.suppress(ValueError, KeyError, TypeError):
        got["text"] = str(json.loads(body)["text"])[:MOST_HEARD]
    return got


def measured(body: bytes, key: str) -> dict[str, Any]:
    """Rate, length, channels and loudness of the base64 WAV that a JSON answer holds under `key`."""
    try:
        data = base64.b64decode(json.loads(body)[key], validate=True)
        with contextlib.closing(wave.open(io.BytesIO(data))) as sound:
            frames = sound.readframes(sound.getnframes())
            facts = {
                "rate": sound.getframerate(),
                "channels": sound.getnchannels(),
                "bits": sound.getsampwidth() * 8,
            }
    except (ValueError, KeyError, TypeError, EOFError, wave.Error, binascii.Error) as error:
        return {"error": "no WAV under %r: %s" % (key, error)}
    facts["seconds"] = round(len(frames) / (facts["rate"] * facts["channels"] * facts["bits"] // 8), 3)
    if facts["bits"] == 16:
        samples = array.array("h", frames)
        facts["rms"] = round((sum(value * value for value in samples) / max(1, len(samples))) ** 0.5)
    return facts
