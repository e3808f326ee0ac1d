"""Who this machine is towards an index: names and passwords from addresses, netrc and keyring.

They are found as pip finds them, and go to the scheme, host and port that they were given for alone.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import sys
import threading
import urllib.parse
from collections.abc import Iterable, Iterator
from typing import Any

import requests
from requests.utils import get_netrc_auth

from envspec.system.errors import OutsideError
from envspec.system.process import Words, run_process

Known = tuple[str, str | None]
"""A name, and its password where there is one."""

_PORTS = {"http": 80, "https": 443}

_KEYRING_SECONDS = 30.0
"""How long a keyring may take: it cannot ask anybody here."""

_MODULE = """
import json, sys, keyring
found = keyring.get_credential(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
print(json.dumps(found and {"username": found.username, "password": found.password}))
"""


def split_credentials(url: str) -> tuple[str, Known | None]:
    """An address without its credentials, and these. Percent-encoded characters of them are decoded."""
    parts = urllib.parse.urlsplit(url)
    said, separator, host = parts.netloc.rpartition("@")
    if not separator:
        return url, None
    name, colon, password = said.partition(":")
    known = urllib.parse.unquote(name), urllib.parse.unquote(password) if colon else None
    return urllib.parse.urlunsplit(parts._replace(netloc=host)), known


def plain_address(url: str) -> str:
    """An address without its credentials, also one that is no whole address."""
    try:
        return split_credentials(url)[0]
    except ValueError:  # half an address, such as an unclosed bracket
        return url


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address: what a password belongs to."""
    parts = urllib.parse.urlsplit(url)
    scheme = parts.scheme.lower()
    try:
        port = parts.port
    except ValueError:  # no number
        port = -1
    return scheme, (parts.hostname or "").rstrip("."), port or _PORTS.get(scheme)


class Credentials(requests.auth.AuthBase):
    """Puts names and passwords into requests. Safe for any number of threads."""

    def __init__(self, addresses: Iterable[str], keyring: str = "") -> None:
        """`addresses` are those of indexes, which may hold credentials; `keyring` is pip's provider."""
        self._places = list(_places(addresses))
        self._keyring = keyring
        self._asked: dict[tuple[str, str | None], Known | None] = {}
        self._asking = threading.Lock()
        self._read: dict[str, tuple[str, str] | None] = {}

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request with what is known for its address, which itself holds nothing of it any more."""
        request.url, own = split_credentials(request.url or "")
        if "Authorization" in request.headers:  # whoever asks has something better, such as a token
            return request
        if own is not None and (request.url, own) not in self._places:
            self._places.append((request.url, own))  # its files and redirections want them too
        name, password = own or self._known(request.url) or ("", None)
        if password is None:
            netrc = self._from_netrc(request.url)
            name, password = netrc if netrc and name in {"", netrc[0]} else (name, password)
        if name or password is not None:
            request.headers["Authorization"] = _basic(name, password or "")
        if own is None or password is None:
            request.register_hook("response", self._refused)  # type: ignore[no-untyped-call]
        return request

    def _refused(self, answer: requests.Response, **settings: Any) -> requests.Response:
        """The answer to the same question with what else is known for that place: indexes, then a keyring."""
        url = answer.request.url or ""
        tried = {answer.request.headers.get("Authorization")}
        for name, password in self._others(url):
            header = _basic(name, password)
            if answer.status_code != requests.codes.unauthorized:
                break
            if header in tried:
                continue
            tried.add(header)
            answer.close()
            again = answer.request.copy()
            again.hooks["response"] = []
            again.headers["Authorization"] = header
            answer = answer.connection.send(again, **settings)
        return answer

    def _others(self, url: str) -> Iterator[tuple[str, str]]:
        """Names and passwords that may open a place, those of the nearest index first."""
        yield from ((known[0], known[1]) for _, known in self._nearest(url) if known and known[1] is not None)
        if self._keyring not in {"", "auto", "disabled"}:
            known = self._from_keyring(url)
            if known is not None and known[1] is not None:
                yield known[0], known[1]

    def _known(self, url: str) -> Known | None:
        """What the addresses of indexes say: the one that shares most of the path counts."""
        return next((known for _, known in self._nearest(url) if known is not None), None)

    def _nearest(self, url: str) -> list[tuple[str, Known | None]]:
        """The indexes of the address's origin, the nearest first."""
        same = [(place, known) for place, known in self._places if origin_of(place) == origin_of(url)]
        return sorted(same, key=lambda entry: -_shared(entry[0], url))

    def _from_netrc(self, url: str) -> tuple[str, str] | None:
        """What the file says of a host; it is read once for each."""
        host = urllib.parse.urlsplit(url).netloc
        if host not in self._read:
            self._read[host] = get_netrc_auth(url)
        return self._read[host]

    def _from_keyring(self, url: str) -> Known | None:
        """pip's order: the index is asked for first, then the host."""
        near = self._nearest(url)
        name = next((known[0] for _, known in near if known is not None), None) or None
        for service in [*(place for place, _ in near[:1]), urllib.parse.urlsplit(url).netloc]:
            if (found := self._asked_keyring(service, name)) is not None:
                return found
        return None

    def _asked_keyring(self, service: str, name: str | None) -> Known | None:
        with self._asking:
            if (service, name) not in self._asked:
                self._asked[service, name] = _read_keyring(self._keyring, service, name)
            return self._asked[service, name]


def _places(addresses: Iterable[str]) -> Iterator[tuple[str, Known | None]]:
    for address in addresses:
        try:
            yield split_credentials(address)
        except ValueError:  # half an address: whoever asks it is told
            continue


def _shared(one: str, other: str) -> int:
    """How many parts of the path two addresses share from its beginning."""
    paths = (urllib.parse.urlsplit(url).path.split("/") for url in (one, other))
    pairs = zip(*paths, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), len(one))


def _basic(name: str, password: str) -> str:
    """RFC 7617, in UTF-8 as pip's users have it."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def _read_keyring(provider: str, service: str, name: str | None) -> Known | None:
    """What the keyring answers, as a program or, for the provider `import`, as a module of this Python."""
    asked = [service, *([name] if name else [])]
    if provider == "import":
        commands: list[Words] = [[sys.executable, "-c", _MODULE, *asked]]
    elif program := shutil.which("keyring"):
        # Programs before 25.2.1 know no modes, and want a name.
        commands = [[program, "--mode=creds", "--output=json", "get", *asked]]
        commands += [[program, "get", *asked]] if name else []
    else:
        return None
    env = os.environ | {"PYTHONIOENCODING": "utf-8"}
    for command in commands:
        try:
            done = run_process(command, env=env, timeout=_KEYRING_SECONDS)
        except OutsideError:
            return None
        if done.ok and (found := _said(done.stdout, name)) is not None:
            return found
    return None


def _said(text: str, name: str | None) -> Known | None:
    try:
        said = json.loads(text)
        return str(said["username"]), str(said["password"])
    except (ValueError, KeyError, TypeError, RecursionError):
        line = text.strip("\r\n")
        return (name, line) if name and line and line != "null" else None
