"""The engine: a connection to whatever speaks Docker's API, and what it is able to do.

Short questions go to its socket where it has one here; the SDK is loaded for all else.
"""

from __future__ import annotations

import contextlib
import functools
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from builder.backends.docker import asking
from builder.backends.docker.address import Address, find_address
from builder.backends.docker.refusals import unreachable
from envspec.system.errors import OutsideError, UsageError
from envspec.system.home import disk_refusals
from envspec.system.processor import uname_of

if TYPE_CHECKING:
    import docker

BUILDKIT_API = (1, 39)
"""The API since which an engine has BuildKit. Source: Docker's Engine API version history."""


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
        from builder.backends.docker.sdk import connect

        return connect(self.address.host, self.address.tls)

    @property
    def plain(self) -> bool:
        """Whether it can be asked without the SDK."""
        return self.address.context is None and self.address.host.startswith(asking.SCHEME)

    def ask(self, path: str) -> Any | None:
        """The answer to a short question; None where the engine does not have what is asked for.

        Raises `NoAnswerError`, also where it can only be asked by the SDK.
        """
        if not self.plain:
            raise asking.NoAnswerError("not by a socket")
        return asking.ask_engine(self.address.host, path)

    def ping(self) -> None:
        """Raise `OutsideError` where it does not answer."""
        if self.plain:
            try:
                asking.ping(self.address.host)
            except asking.NoAnswerError as error:
                raise unreachable(self.address.host, error) from error
            return
        from builder.backends.docker.sdk import translated

        with translated(self.address.host):
            self.client.ping()

    @functools.cached_property
    def version(self) -> dict[str, Any]:
        """What the engine says of itself."""
        with contextlib.suppress(asking.NoAnswerError):
            return dict(self.ask("/version") or {})
        from builder.backends.docker.sdk import translated

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
        bridged = any(name in {"bridge", "podman"} for name in self._networks())
        return "default" if bridged else "host"

    def _networks(self) -> list[str]:
        with contextlib.suppress(asking.NoAnswerError):
            return [each["Name"] for each in self.ask("/networks") or ()]
        from builder.backends.docker.sdk import translated

        with translated(self.address.host):
            return [str(network.name) for network in self.client.networks.list()]

    def image(self, name: str) -> Mapping[str, Any] | None:
        """What the engine says of the image of that name; None when it does not have it."""
        with contextlib.suppress(asking.NoAnswerError):
            return self.ask(f"/images/{name}/json")
        from builder.backends.docker.sdk import ImageNotFound, translated

        with translated(self.address.host):
            try:
                return self.client.images.get(name).attrs
            except ImageNotFound:
                return None

    def image_id(self, name: str) -> str | None:
        """Id of the image of that name; None when the engine does not have it."""
        found = self.image(name)
        return None if found is None else str(found["Id"])

    def layers(self, name: str) -> tuple[str, ...]:
        """Digests of the image's layers, uncompressed, lowest first; none when the engine lacks it."""
        found = self.image(name)
        return () if found is None else tuple(found["RootFS"].get("Layers") or ())

    def tag(self, image: str, reference: str) -> None:
        """Give an image a name. Raises `OutsideError`."""
        repository, _, tag = reference.rpartition(":")
        with contextlib.suppress(asking.NoAnswerError):
            if self.plain and asking.tag_image(self.address.host, image, repository, tag):
                return
        from builder.backends.docker.sdk import translated

        with translated(self.address.host):
            self.client.images.get(image).tag(repository, tag)

    def save(self, name: str, file: pathlib.Path) -> None:
        """Write an image of the engine's to a file, as `docker save` does.

        Raises `UsageError` where the engine has none of that name, `OutsideError` where it does not answer.
        """
        from builder.backends.docker.sdk import ImageNotFound, translated

        with translated(self.address.host):
            try:
                found = self.client.images.get(name)
            except ImageNotFound as error:
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
        if self.plain:
            return asking.answers(self.address.host)
        from builder.backends.docker.sdk import BROKEN

        try:
            return bool(self.client.api.ping())
        except (*BROKEN, OutsideError):
            return False
