"""The engine: a connection to whatever speaks Docker's API, and what it is able to do."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib.util
import os
import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import docker
import requests
import urllib3
from docker.context import ContextAPI
from docker.context.config import get_current_context_name
from docker.errors import APIError, DockerException
from docker.tls import TLSConfig
from docker.utils.utils import kwargs_from_env
from requests.utils import get_environ_proxies

from envspec.system.errors import OutsideError, UsageError
from envspec.system.home import disk_refusals
from envspec.system.processor import uname_of

BROKEN = (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, ConnectionError)
"""What the SDK lets through when it loses the engine; it does not wrap what breaks while it reads."""

TIMEOUT = 900
"""Seconds between two words of the engine: a step of a classic build may be silent for long."""

BUILDKIT_API = (1, 39)
"""The API since which an engine has BuildKit. Source: Docker's Engine API version history."""

_CERTIFICATE = re.compile(
    r"certificate verify failed[^(']*|client sent an HTTP request to an HTTPS server"
    r"|certificate required|bad certificate",
    re.IGNORECASE,
)
"""What TLS says when one side is not content with what the other one shows."""

HELP = "start one (`make engine` starts a private one), or set DOCKER_HOST; or use another --backend"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where an engine is, as the user's own docker would find it."""

    host: str
    """Such as `unix:///var/run/docker.sock`."""
    context: str | None
    """Name of the context that says so; None when `DOCKER_HOST` or nothing does."""
    tls: TLSConfig | None = None
    """Certificates for it."""


def find_address(env: Mapping[str, str] = os.environ) -> Address:
    """`DOCKER_HOST`, else the current context, else the local socket: the order of Docker's own client."""
    if host := env.get("DOCKER_HOST"):
        with translated(host):
            found = kwargs_from_env(dict(env))
        return Address(host=host, context=None, tls=found.get("tls"))
    name = env.get("DOCKER_CONTEXT") or get_current_context_name()
    if name != "default":
        context = ContextAPI.get_context(name)
        if context is None or context.Host is None:
            raise OutsideError(
                f"there is no docker context {name}", hint="`docker context ls` lists those there are"
            )
        return Address(host=context.Host, context=name, tls=context.TLSConfig)
    return Address(host="unix:///var/run/docker.sock", context=None)


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


class Engine:
    """A Docker engine, or another that speaks its API. The connection is made when first needed."""

    def __init__(self, place: Address | None = None) -> None:
        self._given = place

    @functools.cached_property
    def address(self) -> Address:
        """Where it is."""
        return self._given or find_address()

    @functools.cached_property
    def client(self) -> docker.DockerClient:
        """The SDK's client. Raises `OutsideError` when no engine answers."""
        place = self.address
        if place.host.startswith("ssh:") and importlib.util.find_spec("paramiko") is None:
            raise OutsideError(
                f"the engine at {place.host} is behind ssh, which takes one more package",
                hint="pip install 'envspec[ssh]'",
            )
        with translated(place.host):
            client = docker.DockerClient(
                base_url=place.host,
                tls=Certificates(place.tls, place.host) if place.tls else False,
                timeout=TIMEOUT,
                use_ssh_client=place.host.startswith("ssh:"),
            )
            client.ping()
        return client

    @functools.cached_property
    def version(self) -> dict[str, Any]:
        """What the engine says of itself."""
        with translated(self.address.host):
            return dict(self.client.version())

    @property
    def machine(self) -> str:
        """The processor that its containers run on, as specs name it."""
        return uname_of(str(self.version["Arch"]))

    @property
    def has_buildkit(self) -> bool:
        """Whether the engine itself has BuildKit; reaching it takes a client program too."""
        api = tuple(int(part) for part in self.version["ApiVersion"].split("."))
        return api >= BUILDKIT_API and not self.is_podman

    @property
    def is_podman(self) -> bool:
        """Whether it is podman's Docker-compatible service."""
        return any("podman" in part.get("Name", "").lower() for part in self.version.get("Components") or ())

    @property
    def network(self) -> str:
        """The network of a step that has to reach out: an engine may have been started without a bridge."""
        with translated(self.address.host):
            bridged = any(network.name in {"bridge", "podman"} for network in self.client.networks.list())
        return "default" if bridged else "host"

    def image_id(self, name: str) -> str | None:
        """Id of the image of that name; None when the engine does not have it."""
        with translated(self.address.host):
            try:
                found: str | None = self.client.images.get(name).id
                return found
            except docker.errors.ImageNotFound:
                return None

    def layers(self, name: str) -> tuple[str, ...]:
        """Digests of the image's layers, uncompressed, lowest first; none when the engine lacks it."""
        with translated(self.address.host):
            try:
                known = self.client.images.get(name).attrs["RootFS"]
            except docker.errors.ImageNotFound:
                return ()
        return tuple(known.get("Layers") or ())

    def save(self, name: str, file: pathlib.Path) -> None:
        """Write an image of the engine's to a file, as `docker save` does.

        Raises `UsageError` where the engine has none of that name, `OutsideError` where it does not answer.
        """
        with translated(self.address.host):
            try:
                found = self.client.images.get(name)
            except docker.errors.ImageNotFound as error:
                raise UsageError(
                    f"the engine has no image {name}", hint="`docker pull` fetches one"
                ) from error
            with disk_refusals(file, setting="TMPDIR"), file.open("wb") as target:
                for chunk in found.save(chunk_size=1 << 20, named=name):
                    target.write(chunk)

    def close(self) -> None:
        """Let go of the connection; it is made anew when needed again."""
        if "client" in self.__dict__:
            self.client.close()
            del self.__dict__["client"]

    def answers(self) -> bool:
        """Whether it is still there."""
        try:
            return bool(self.client.api.ping())
        except (*BROKEN, OutsideError):
            return False


@contextlib.contextmanager
def translated(host: str) -> Iterator[None]:
    """Turn what goes wrong with the engine into an `OutsideError` that says what to do."""
    try:
        yield
    except APIError as error:
        raise refusal(str(error.explanation or error)) from error
    except BROKEN as error:
        raise unreachable(host, error) from error


def refusal(text: str) -> OutsideError:
    """The error for what an engine answered."""
    if "no space left on device" in text:
        return OutsideError(
            "the engine's disk is full", hint="`docker system prune` frees what nothing uses; then run again"
        )
    return OutsideError(f"the engine refused: {text}")


def unreachable(host: str, error: BaseException) -> OutsideError:
    """The error for an engine that does not answer."""
    text = str(error)
    if isinstance(error, PermissionError) or "Permission" in text or "permission denied" in text:
        return OutsideError(
            f"the engine's socket {host} may not be opened by this user",
            hint="add yourself to its group (often `docker`) and log in again; or use another --backend",
        )
    if found := _CERTIFICATE.search(text):
        return OutsideError(
            f"the engine at {host} and this machine do not trust each other: {found[0].strip(' :')}",
            hint="DOCKER_CERT_PATH, or the docker context, names the folder of ca.pem, cert.pem and key.pem",
        )
    return OutsideError(f"no Docker engine answers at {host}", hint=HELP)
