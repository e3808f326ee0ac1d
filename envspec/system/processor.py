"""Processors that environments are made for, each with the name that every world gives it."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Processor:
    """One kind of processor and its names."""

    uname: str
    """As the kernel, Python and the tags of wheels have it; specs, locks and plans use this name."""
    debian: str
    """As Debian's archives have it."""
    oci: str
    """As images, registries and engines have it."""
    multiarch: str
    """As Debian names the folder of its libraries."""


PROCESSORS = (
    Processor(uname="x86_64", debian="amd64", oci="amd64", multiarch="x86_64-linux-gnu"),
    Processor(uname="aarch64", debian="arm64", oci="arm64", multiarch="aarch64-linux-gnu"),
)
"""Every processor that a spec may name."""


def processor_of(uname: str) -> Processor:
    """The processor of a spec, lock or plan. Raises `KeyError` for one that no spec may name."""
    return {each.uname: each for each in PROCESSORS}[uname]


def uname_of(oci: str) -> str:
    """The kernel's name of a processor that an image or an engine names; a strange one's name stays."""
    return next((each.uname for each in PROCESSORS if each.oci == oci), oci)
