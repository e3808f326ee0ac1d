"""Specs and locks made from a few words."""

import pathlib
import sys

import pytest

from envspec.lockfile.lock import Artifact, File, Lock, LockedBase
from envspec.spec.load import parse_spec
from envspec.spec.model import Spec
from envspec.supply.page import project_of

from .index import sha256

PIP_TOOLS = pytest.param(
    "pip-tools",
    marks=pytest.mark.skipif(
        sys.version_info[:2] != (3, 11),
        reason="pip-tools solves for the Python that it runs on",
    ),
)
"""The second resolver, where it needs no interpreter but this one."""

PINNED = "python:3.11-slim-bookworm@sha256:" + "0" * 64


def spec(*stages: str, head: str = "", tail: str = "") -> Spec:
    """A spec on Python 3.11 with a pinned base; each stage is the inside of a `[[stage]]`."""
    return parse_spec(spec_text(*stages, head=head, tail=tail))


def spec_text(*stages: str, head: str = "", tail: str = "") -> str:
    base = "" if "[base]" in tail else f'[base]\nimage = "{PINNED}"\n'
    tables = "".join(f"[[stage]]\n{stage}\n" for stage in stages)
    return f'name = "demo"\npython = "3.11"\n{head}\n{base}{tables}{tail}\n'


def stage(name: str, *install: str, more: str = "") -> str:
    """The inside of a `[[stage]]` that installs by name."""
    return f'name = "{name}"\ninstall = {list(install)!r}\n{more}'


def file_of(wheel: pathlib.Path) -> File:
    return File(file=wheel.name, sha256=sha256(wheel), size=wheel.stat().st_size)


def artifact(wheel: pathlib.Path, *, stage: str = "one", index: str = "default") -> Artifact:
    """The artifact that a lock would hold of that file."""
    return Artifact(
        name=str(project_of(wheel.name)),
        version=wheel.name.removesuffix(".tar.gz").split("-")[1],
        stage=stage,
        index=index,
        **file_of(wheel).model_dump(),
    )


def lock(*artifacts: Artifact, stages: tuple[str, ...] = ("one",), **more: object) -> Lock:
    """A lock of these artifacts, made from a spec that nobody has."""
    return Lock.model_validate(
        {
            "name": "demo",
            "spec": "sha256:" + "0" * 64,
            "resolver": "uv",
            "python": "3.11",
            "machine": "x86_64",
            "glibc": (2, 17),
            "base": LockedBase(host=True),
            "stages": stages,
            "artifact": artifacts,
            **more,
        }
    )
