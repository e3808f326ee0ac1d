"""A distribution that is installed, as a requirement that would bring the same: what `pip freeze` says.

Source: PEP 610 for what is not of an index; https://packaging.python.org/en/latest/specifications/direct-url/.
"""

from __future__ import annotations

import dataclasses
import json

_TOOLS = {"pip", "wheel", "envspec"}
"""What environments have for their own management, and need not be asked for."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Installed:
    """One distribution of an environment."""

    name: str
    version: str
    installer: str = ""
    """The program that put it there, as its INSTALLER says."""
    direct: str = ""
    """Its `direct_url.json`; empty for what came from an index."""


def frozen_word(found: Installed) -> tuple[str, str]:
    """The requirement, or why there is none; neither for what manages environments."""
    if found.name.lower() in _TOOLS:
        return "", ""
    pinned = f"{found.name}=={found.version}"
    try:
        said = json.loads(found.direct) if found.direct and found.installer != "conda" else {}
    except (ValueError, RecursionError):
        said = {}
    said = said if isinstance(said, dict) else {}
    url = said.get("url")
    if not isinstance(url, str):
        return pinned, ""
    below = f"#subdirectory={said['subdirectory']}" if isinstance(said.get("subdirectory"), str) else ""
    vcs = said.get("vcs_info")
    if isinstance(vcs, dict) and isinstance(vcs.get("commit_id"), str):
        return f"{found.name} @ {vcs.get('vcs', 'git')}+{url}@{vcs['commit_id']}{below}", ""
    if url.startswith(("https:", "http:")):
        return f"{found.name} @ {url}{below}", ""
    editable = isinstance(said.get("dir_info"), dict) and said["dir_info"].get("editable")
    kind = "editable, from" if editable else "from"
    return "", f"was installed {kind} a place of that machine: add a folder beside the spec, as in `./mine`"
