"""What an earlier run found out, found again: proofs, verdicts and trials, by all that they depend on."""

from __future__ import annotations

import pathlib
from typing import Any

from builder.values.verdict import Verdict
from envspec.lockfile.lock import Lock
from envspec.spec.model import Spec
from envspec.supply.facts import sha256_of
from envspec.system.finding import Finding
from envspec.system.home import tool_home
from envspec.system.kept import Kept

_LOADER_CACHE = pathlib.Path("/etc/ld.so.cache")
"""Which libraries this machine has. Source: ldconfig(8)."""


def kept_proofs() -> Kept[tuple[Finding, ...]]:
    """Findings of proofs."""
    return Kept(tool_home() / "proof", tuple[Finding, ...])


def kept_verdicts() -> Kept[Verdict]:
    """Good verdicts."""
    return Kept(tool_home() / "verdict", Verdict)


def kept_trials() -> Kept[tuple[tuple[Finding, ...], dict[str, Any] | None]]:
    """Findings of good trials, and what was measured."""
    return Kept(tool_home() / "trial", tuple[tuple[Finding, ...], dict[str, Any] | None])


def proof_depends(spec: Spec, lock: Lock, *, base_read: bool) -> dict[str, Any]:
    """All that a proof depends on; on a base that is this machine also the libraries that it has.

    `base_read` tells whether the libraries of the base, which the lock names, were looked at.
    """
    here = lock.base.host and _LOADER_CACHE.exists()
    return {
        "lock": lock.digest,
        "base": base_read,
        "spec": spec.digest,
        "budget": spec.base.budget,
        "trim": spec.remove.files,
        "smoke": spec.smoke.imports,
        "variables": dict(spec.variables),
        "target": spec.target.model_dump(mode="json"),
        "libraries": sha256_of(_LOADER_CACHE) if here else None,
    }
