"""What an image stands on, whatever it came from: layers, settings and an interpreter."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from builder.oci.store.blobs import LAYER, Blobs, Descriptor, Layer
from builder.oci.store.compress import CHUNK
from envspec.spec.part import Part
from envspec.system.errors import OutsideError

_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


class BaseImage(Part):
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


class BaseFacts(Part):
    """What an environment's own files depend on in a base."""

    python: str
    """Path of its interpreter."""
    passwd: str
    group: str


def examine_base(base: BaseImage, version: str, blobs: Blobs, *, outside: str) -> BaseFacts:
    """Look into a base's layers for its users and for a `python<version>` outside of the folder `outside`.

    Raises `OutsideError` when it has no such Python.
    """
    from builder.oci.store.lookup import (
        look_into_layers,  # with archives behind it: a base is looked into once
    )

    path = base.variables.get("PATH", ":".join(_PATH)).split(":")
    programs = [f"{folder.strip('/')}/python{version}" for folder in path if _usable(folder, outside)]
    wanted = {"etc/passwd", "etc/group", *programs, *(f"usr/{program}" for program in programs)}
    found = look_into_layers(base.layers, blobs, wanted)
    python = next((program for program in programs if program in found), None)
    if python is None:
        raise OutsideError(
            f"{base.name} has no Python {version}", hint="give [base] another image, or a debian suite"
        )
    return BaseFacts(
        python=f"/{python}",
        passwd=found.get("etc/passwd", b"").decode("utf-8", "replace"),
        group=found.get("etc/group", b"").decode("utf-8", "replace"),
    )


def _usable(folder: str, outside: str) -> bool:
    return folder.startswith("/") and not f"{folder}/".startswith(f"{outside}/")


def python_version(settings: Mapping[str, str], minor: str) -> str:
    """The full version of that line that an image's own variables tell; empty where they do not."""
    said = settings.get("PYTHON_VERSION", "")
    return said if re.fullmatch(rf"{re.escape(minor.removesuffix('t'))}\.\d+", said) else ""


def read_base(
    name: str, config: Descriptor, packed: list[Descriptor], machine: str, python: str, blobs: Blobs
) -> BaseImage:
    """The base that a configuration and its layers, both in the store, make up. Raises `OutsideError`."""
    try:
        document = json.loads(blobs.read(config))
        settings = document.get("config") or {}
        diff_ids = document["rootfs"]["diff_ids"]
        architecture = document.get("architecture", machine)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise OutsideError(f"{name}: its configuration cannot be read", hint="is it an image?") from error
    if len(diff_ids) != len(packed) or architecture != machine:
        raise OutsideError(f"{name} is not an image for {machine}", hint="name another image in [base]")
    title = f"base {name}"
    base = BaseImage(
        name=name,
        machine=machine,
        layers=tuple(_layer(blob, diff, title, blobs) for blob, diff in zip(packed, diff_ids, strict=True)),
        settings=settings,
    )
    return base.model_copy(update={"version": python_version(base.variables, python)})


def _layer(blob: Descriptor, diff_id: str, title: str, blobs: Blobs) -> Layer:
    """The layer, its inside checked once and remembered."""
    key = f"base-{blob.digest.removeprefix('sha256:')}"
    known = blobs.known(key)
    if known is not None and known.diff_id == diff_id:
        return known.model_copy(update={"title": title})
    plain = hashlib.sha256()
    length = 0
    rough = Layer(media=LAYER, digest=blob.digest, size=blob.size, diff_id=diff_id, length=0, title=title)
    try:
        with blobs.unpacked(rough) as stream:
            while chunk := stream.read(CHUNK):
                plain.update(chunk)
                length += len(chunk)
    except (OSError, EOFError, ValueError) as error:
        raise OutsideError(f"{title}: a layer cannot be read ({error})") from error
    if f"sha256:{plain.hexdigest()}" != diff_id:
        raise OutsideError(f"{title}: a layer holds something else than its configuration says")
    layer = rough.model_copy(update={"length": length})
    blobs.remember(key, layer)
    return layer
