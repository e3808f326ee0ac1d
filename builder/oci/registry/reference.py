"""Names of images in registries."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import urllib.parse
from collections.abc import Mapping

REGISTRY = "ENVSPEC_REGISTRY"
"""Environment variable with the address of the registry that is asked for images named without one."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """Where an image is."""

    address: str
    """Of its registry, `https://host` or `http://host`."""
    repository: str
    target: str
    """Its tag, or its digest."""

    @property
    def host(self) -> str:
        """The registry's name, as credentials are filed under."""
        return self.address.partition("://")[2]


def parse_reference(
    name: str, digest: str | None = None, variables: Mapping[str, str] = os.environ
) -> Reference:
    """The registry, repository and tag that a name means; `digest` wins over the tag."""
    rest, _, pinned = name.partition("@")
    host, slash, below = rest.partition("/")
    named = bool(slash) and ("." in host or ":" in host or host == "localhost")
    repository, tag = _split(below if named else rest)
    if not named and "/" not in repository and REGISTRY not in variables:
        repository = f"library/{repository}"
    address = _address(host) if named else _default(variables)
    return Reference(address=address, repository=repository, target=digest or pinned or tag or "latest")


def _split(text: str) -> tuple[str, str]:
    head, colon, tag = text.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (text, "")


def _default(variables: Mapping[str, str]) -> str:
    if said := variables.get(REGISTRY):
        return said.rstrip("/") if "://" in said else _address(said.rstrip("/"))
    from docker import auth  # the one place that knows what a name without a registry means

    return f"https://{urllib.parse.urlsplit(auth.INDEX_URL).hostname}"


def _address(host: str) -> str:
    """Registries on this machine speak plain HTTP, as engines have it; all others do not."""
    name = host.rpartition(":")[0] or host
    try:
        local = ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        local = name == "localhost"
    return f"{'http' if local else 'https'}://{host}"
