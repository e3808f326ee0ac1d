"""The client: each call returns when the service has answered."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import email.utils
import http.client
import json
import pathlib
import random
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from typing import Any, BinaryIO

RETRIED = (429, 502, 503)
"""Statuses after which the same request may work."""
LONGEST_PAUSE = 10.0
"""Seconds between two tries at most, whatever the service asks for."""


@dataclasses.dataclass(frozen=True)
class Speech:
    """The sound that the service answered with."""

    audio: bytes
    """The bytes of a file of the format that was asked for."""
    sample_rate: int
    duration: float
    """Seconds."""


@dataclasses.dataclass(frozen=True)
class Heard:
    """What the service heard in a sound."""

    text: str
    language: str
    """As ISO 639-1; empty where nothing was heard."""
    duration: float
    """Seconds of the sound."""


class ClientError(Exception):
    """A refusal of the service, or that it could not be reached; the text is for people."""

    def __init__(
        self, message: str, *, status: int = 0, code: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status; 0 when there was no reply, or none that came whole."""
        self.code = code
        """The service's stable code, such as `text_too_long`."""
        self.retry_after = retry_after
        """Seconds after which to try again, where the service said so."""

    @property
    def retryable(self) -> bool:
        """Whether the same call may work later; what the service finds wrong with it, it will find again."""
        return self.status in (0, *RETRIED)


class Client:
    """A client of one service; it keeps no connection, so threads may share it."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:5000",
        *,
        key: str = "",
        timeout: float = 70.0,
        retries: int = 4,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ClientError(f"{url!r} is no address; it begins with http:// or https://")
        self._url = url.rstrip("/")
        self._key = key
        self._timeout = timeout
        self._retries = retries
        self._sleep = sleep

    def speak(self, text: str, **choices: Any) -> Speech:
        """Speak a text; `choices` are the other fields of `POST /tts`: emotion, speed, voice, format, ...

        What may work later (429, 502, 503, no connection, a reply that broke off) is tried again, after
        the time that the service names or a growing random one. Raises `ClientError`.
        """
        asked = {**({"text": text} if text else {}), **choices}
        found: Speech = self._again(lambda: _speech(self._fetch("POST", "/tts", asked)))
        return found

    def hear(self, audio: bytes, **choices: Any) -> Heard:
        """What is said in a file; `choices` are the other fields of `POST /asr`: language, prompt, ...

        Tried again as `speak` is. Raises `ClientError`.
        """
        asked = {"audio": base64.b64encode(audio).decode(), **choices}
        found: Heard = self._again(lambda: _heard(self._fetch("POST", "/asr", asked)))
        return found

    def stream(self, text: str, **choices: Any) -> Generator[bytes, None, None]:
        """The sound of a text in pieces, the first as soon as the first sentence is spoken.

        `format` is `wav` or `pcm`. Raises `ClientError`, also when the sound breaks off before its end;
        it is not tried again once pieces came.
        """
        asked = {**({"text": text} if text else {}), **choices}
        with self._again(lambda: self._open("POST", "/tts/stream", asked)) as response:
            came = False
            while True:
                try:
                    piece = response.read1(65536)
                except (OSError, ValueError, http.client.HTTPException) as error:
                    raise ClientError(f"the sound broke off: {error}") from error
                if piece:
                    came = True
                    yield piece
                elif response.length or not came:  # the bytes that were told, and did not come
                    raise ClientError("the sound broke off before its end")
                else:
                    return

    def save(self, text: str, path: pathlib.Path, **choices: Any) -> None:
        """Stream the sound of a text into a file, sentence by sentence; it appears only when it is complete.

        A WAV file's header gets its true length at the end. Raises `ClientError`, `OSError`.
        """
        unfinished = path.with_name(path.name + ".part")
        try:
            with unfinished.open("wb") as file:
                for piece in self.stream(text, **choices):
                    file.write(piece)
                if choices.get("format", "wav") == "wav":
                    _set_length(file)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def voices(self) -> dict[str, Any]:
        """Voices, emotions, formats and limits. Raises `ClientError`."""
        said: dict[str, Any] = self._again(lambda: _object(self._fetch("GET", "/voices")))
        return said

    def wait_until_ready(self, seconds: float = 60.0) -> None:
        """Return as soon as the service can speak. Raises `ClientError` when it cannot in that time."""
        end = time.monotonic() + seconds
        while True:
            try:
                with self._open("GET", "/readyz"):
                    return
            except ClientError as error:
                if time.monotonic() > end:
                    raise ClientError(f"not ready after {seconds:g} seconds: {error}") from error
            self._sleep(0.2)

    def _fetch(self, method: str, path: str, asked: dict[str, Any] | None = None) -> bytes:
        with self._open(method, path, asked) as response:
            try:
                data: bytes = response.read()
            except (OSError, ValueError, http.client.HTTPException) as error:
                raise ClientError(f"the reply broke off: {error}") from error
            return data

    def _again(self, attempt: Callable[[], Any]) -> Any:
        for tried in range(self._retries + 1):
            try:
                return attempt()
            except ClientError as error:
                if tried == self._retries or not error.retryable:
                    raise
                self._sleep(_pause(tried, error.retry_after))
        raise AssertionError("unreachable")

    def _open(self, method: str, path: str, asked: dict[str, Any] | None = None) -> Any:
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        body = None if asked is None else json.dumps(asked).encode()
        request = urllib.request.Request(self._url + path, body, headers, method=method)  # noqa: S310 - http(s), see above
        try:
            return urllib.request.urlopen(request, timeout=self._timeout)  # noqa: S310 - as above
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error) from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise ClientError(f"{self._url} cannot be reached: {reason}") from error


def _heard(body: bytes) -> Heard:
    said = _object(body)
    try:
        return Heard(str(said["text"]), str(said["language"]), float(said["duration"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ClientError("the reply is none of the service's") from error


def _set_length(file: BinaryIO) -> None:
    """Put the lengths into the header of a WAV file that was streamed: 44 bytes, as the service writes it."""
    length = file.tell()
    for place, value in ((4, length - 8), (40, length - 44)):
        file.seek(place)
        file.write(value.to_bytes(4, "little"))


def _refusal(error: urllib.error.HTTPError) -> ClientError:
    """What the service said, as an exception."""
    try:
        said = _object(error.read())
    except (ClientError, OSError, ValueError, http.client.HTTPException):
        said = {}  # a proxy has answered
    code, field, message = (str(said.get(name) or "") for name in ("code", "field", "error"))
    return ClientError(
        f"{error.code} {code}: {field + ': ' if field else ''}{message or error.reason}",
        status=error.code,
        code=code,
        retry_after=_seconds(error.headers.get("Retry-After", "")),
    )


def _seconds(after: str) -> float | None:
    """The seconds that a `Retry-After` means, a number of them or a date; None where it is neither."""
    after = after.strip()
    if re.fullmatch("[0-9]{1,9}", after):
        return float(after)
    try:
        when = email.utils.parsedate_to_datetime(after)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=dt.timezone.utc)  # noqa: UP017 - `UTC` is of Python 3.11
    return max(0.0, when.timestamp() - time.time())


def _object(data: bytes) -> dict[str, Any]:
    """The JSON object that a reply is. Raises `ClientError`."""
    try:
        said = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ClientError(f"the reply is no JSON: {error}") from error
    if not isinstance(said, dict):
        raise ClientError("the reply is no JSON object")
    return said


def _speech(data: bytes) -> Speech:
    """The sound that a reply carries. Raises `ClientError`."""
    said = _object(data)
    try:
        sound = base64.b64decode(said["audio"], validate=True)
        return Speech(sound, int(said["sample_rate"]), float(said["duration"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ClientError(f"the reply holds no sound: {error}") from error


def _pause(tried: int, asked: float | None) -> float:
    """Seconds before the next try: what the service asks for or 0.2, 0.4, 0.8 ..., and a random part more."""
    base = asked if asked is not None else 0.2 * 2**tried
    return min(LONGEST_PAUSE, base * random.uniform(1.0, 1.5))  # noqa: S311 - spreads load, guards nothing
