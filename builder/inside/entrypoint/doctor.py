"""The doctor: whether what is installed is what was locked, told a line a library. Imports none of them."""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..names import of_dist_info, same_version


def examine(facts: Mapping[str, Any], env: Mapping[str, str]) -> Iterator[tuple[bool, str]]:
    """All lines, each with whether it is well; `facts` is what `environment.json` holds."""
    site = pathlib.Path(facts["site"])
    pins: Mapping[str, str] = facts["pins"]
    found = installed(site)
    for name, version in sorted(pins.items()):
        wrong = _wrong(version, found.get(name, []))
        if wrong:
            yield False, f"{name} {version} {wrong}"
        elif name in facts["named"]:
            yield True, f"{name} {version}{_device(site) if name == 'torch' else ''}"
    for name in sorted(set(found) - set(pins)):
        yield False, f"{name} {', '.join(found[name])} was never locked"
    for model in facts.get("models", ()):
        there = os.path.isdir(model)  # noqa: PTH112 - as above
        name = "/".join(model.split("/")[-2:])
        yield there, f"model {name}" + ("" if there else " is not there")
    if facts["embedded"]:
        yield _voice(site, env)


def installed(site: pathlib.Path) -> dict[str, list[str]]:
    """Versions by canonical name, read off the names of the folders alone."""
    found: dict[str, list[str]] = {}
    try:
        entries = os.listdir(str(site))  # noqa: PTH208 - paths are made for none of the thousand others
    except OSError:
        return found
    for entry in entries:
        if entry.endswith(".dist-info"):
            name, version = of_dist_info(entry)
            found.setdefault(name, []).append(version)
    return found


def _wrong(version: str, found: list[str]) -> str:
    if not found:
        return "is not there"
    if len(found) > 1:
        return f"is there {len(found)} times: {', '.join(sorted(found))}"
    return "" if same_version(found[0], version) else f"is {found[0]} instead"


def _device(site: pathlib.Path) -> str:
    """What torch computes on, read from its own description of its build and the devices there are."""
    try:
        text = (site / "torch" / "version.py").read_text(encoding="utf-8")
    except OSError:
        return ""
    built = re.search(r"^cuda(?::[^=]*)? = '([^']+)'", text, re.MULTILINE)
    if not built:
        return " on cpu"
    return (
        f" on cuda {built.group(1)}"
        if pathlib.Path("/dev/nvidia0").exists()
        else " on cpu, no GPU is passed in"
    )


_PACKAGES = {"auto": "espeakng_loader", "espeak": "espeakng_loader", "fastspeech": "ai_edge_litert"}
"""What a voice engine needs, where it is called otherwise."""


def _voice(site: pathlib.Path, env: Mapping[str, str]) -> tuple[bool, str]:
    engine = env.get("TTS_ENGINE", "espeak")
    needed = site / _PACKAGES.get(engine, engine)
    return needed.is_dir(), f"voice {engine}" + ("" if needed.is_dir() else f" needs {needed.name}")
