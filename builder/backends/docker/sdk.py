"""Docker's SDK: how it is connected to an engine, and what its errors mean in words.

It takes a quarter of a second to load, so whoever can ask an engine's socket (`asking.py`) does without.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator

import requests
import urllib3
from requests.utils import get_environ_proxies

from builder.backends.docker.asking import plain_address
from builder.backends.docker.refusals import refusal, unreachable
from envspec.system.errors import OutsideError

_HIDDEN = "paramiko"
"""What the SDK loads for engines behind ssh, wherever the engine is: as slow again as all the rest of it."""

with contextlib.ExitStack() as _stack:
    if plain_address(os.environ) is not None and _HIDDEN not in sys.modules:
        sys.modules[_HIDDEN] = None  # type: ignore[assignment]  # to whoever imports it, it is not there
        _stack.callback(sys.modules.pop, _HIDDEN)
    import docker
    from docker.errors import APIError, BuildError, DockerException, ImageLoadError, ImageNotFound, NotFound
    from docker.tls import TLSConfig
    from docker.types import LogConfig
    from docker.utils import parse_repository_tag

__all__ = [
    "BROKEN",
    "APIError",
    "BuildError",
    "ImageLoadError",
    "ImageNotFound",
    "LogConfig",
    "NotFound",
    "connect",
    "docker",
    "parse_repository_tag",
    "translated",
]

BROKEN = (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, ConnectionError)
"""What the SDK lets through when it loses the engine; it does not wrap what breaks while it reads."""

TIMEOUT = 900
"""Seconds between two words of the engine: a step of a classic build may be silent for long."""


class Certificates(TLSConfig):
    """The authority and the certificate for one engine.

    They alone count: `requests` would take an authority that the environment names for servers in general
    (`REQUESTS_CA_BUNDLE`) over the session's own.
    """

    def __init__(self, given: TLSConfig, host: str) -> None:
        super().__init__(client_cert=given.cert, ca_cert=given.ca_cert, verify=given.verify)
        self._host = host

    def configure_client(self, client: docker.APIClient) -> None:
        """See the SDK. What else the environment says holds: its proxies."""
        super().configure_client(client)
        client.trust_env = False
        client.proxies = get_environ_proxies(self._host.replace("tcp://", "https://", 1))


def _bring_ssh() -> None:
    """Give the SDK its way through ssh, where that was left out when it was loaded."""
    from docker.api import client
    from docker.transport.sshconn import SSHHTTPAdapter

    vars(client).setdefault("SSHHTTPAdapter", SSHHTTPAdapter)


def connect(host: str, tls: TLSConfig | None) -> docker.DockerClient:
    """The SDK's client for the engine at an address. Raises `OutsideError` when none answers."""
    if host.startswith("ssh:") and importlib.util.find_spec(_HIDDEN) is None:
        raise OutsideError(
            f"the engine at {host} is behind ssh, which takes one more package",
            hint="pip install 'envspec[ssh]'",
        )
    if host.startswith("ssh:"):
        _bring_ssh()
    with translated(host):
        client = docker.DockerClient(
            base_url=host,
            tls=Certificates(tls, host) if tls else False,
            timeout=TIMEOUT,
            use_ssh_client=host.startswith("ssh:"),
        )
        client.ping()
    return client


@contextlib.contextmanager
def translated(host: str) -> Iterator[None]:
    """Turn what goes wrong with the engine into an `OutsideError` that says what to do."""
    try:
        yield
    except APIError as error:
        raise refusal(str(error.explanation or error)) from error
    except BROKEN as error:
        raise unreachable(host, error) from error
