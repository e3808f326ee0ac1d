"""What an image stands on, whatever it came from: layers, settings and an interpreter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from builder.oci.blobs import Blobs, Layer
from envspec.errors import OutsideError
from envspec.spec import Part

_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


class Base(Part):
    """A base, as far as an image built on it depends on it."""

    name: str
    """What its makers call it, such as `debian:bookworm`."""
    machine: str
    """`amd64` or `arm64`."""
    layers: tuple[Layer, ...]
    """Lowest first."""
    settings: Mapping[str, Any] = {}
    """The `config` part of its configuration: variables, labels and the like."""
    version: str = ""
    """Full version of its Python, where it can be told without running it."""

    @property
    def variables(self) -> dict[str, str]:
        """Its environment variables."""
        return dict(line.split("=", 1) for line in self.settings.get("Env") or () if "=" in line)


class Found(Part):
    """What an environment's own files depend on in a base."""

    python: str
    """Path of its interpreter."""
    passwd: str
    group: str


def examine(base: Base, version: str, blobs: Blobs, *, outside: str) -> Found:
    """Look into a base's layers for its users and for a `python<version>` outside of the folder `outside`.

    Raises `OutsideError` when it has no such Python.
    """
    from builder.oci.lookup import look  # with archives behind it: a base is looked into once

    path = base.variables.get("PATH", ":".join(_PATH)).split(":")
    programs = [f"{folder.strip('/')}/python{version}" for folder in path if _usable(folder, outside)]
    wanted = {"etc/passwd", "etc/group", *programs, *(f"usr/{program}" for program in programs)}
    found = look(base.layers, blobs, wanted)
    python = next((program for program in programs if program in found), None)
    if python is None:
        raise OutsideError(
            f"{base.name} has no Python {version}", hint="give [base] another image, or a debian suite"
        )
    return Found(
        python=f"/{python}",
        passwd=found.get("etc/passwd", b"").decode("utf-8", "replace"),
        group=found.get("etc/group", b"").decode("utf-8", "replace"),
    )


def _usable(folder: str, outside: str) -> bool:
    return folder.startswith("/") and not f"{folder}/".startswith(f"{outside}/")


def python_version(settings: Mapping[str, str], minor: str) -> str:
    """The full version that an image's own variables tell; empty where they do not."""
    said = settings.get("PYTHON_VERSION", "")
    return said if re.fullmatch(rf"{re.escape(minor)}\.\d+", said) else ""
