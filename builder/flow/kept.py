"""What an earlier run found out, found again: proofs, verdicts and trials, by all that they depend on."""

from __future__ import annotations

import os
import pathlib
from typing import Any

from builder.values.environment import Environment
from builder.values.plan import Plan
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


def kept_trials() -> Kept[tuple[tuple[Finding, ...], dict[str, dict[str, Any]]]]:
    """Findings of good trials, and what was measured of each program."""
    return Kept(tool_home() / "trial", tuple[tuple[Finding, ...], dict[str, dict[str, Any]]])


def proof_depends(spec: Spec, lock: Lock, *, base_read: bool) -> dict[str, Any]:
    """All that a proof depends on; on a base that is this machine also the libraries that it has.

    `base_read` tells whether the libraries of the base, which the lock names, were looked at.
    """
    wheels = {artifact.name: artifact.installed.sha256 for artifact in lock.artifact}
    here = lock.base.host and _LOADER_CACHE.exists()
    return {
        "lock": lock.digest,
        "programs": {name: each.model_dump(mode="json") for name, each in spec.programs.items()},
        "trees": {source.name: wheels[source.name] for source in lock.trees},
        "base": base_read,
        "spec": spec.digest,
        "budget": spec.base.budget,
        "trim": spec.remove.files,
        "smoke": spec.smoke.imports,
        "variables": dict(spec.variables),
        "target": spec.target.model_dump(mode="json"),
        "libraries": sha256_of(_LOADER_CACHE) if here else None,
    }


def trial_depends(spec: Spec, plan: Plan, environment: Environment, *, offline: bool) -> dict[str, Any]:
    """All that the trial of programs depends on, with what this machine has that some of them need."""
    needs = {need for program in plan.programs for trial in program.trials for need in trial.needs}
    volumes = {path for program in plan.programs for path in program.volumes}
    return {
        "plan": plan.digest,
        "backend": environment.backend,
        "reference": environment.reference,
        "ignored": spec.smoke.ignore,
        **({"network": not offline} if "network" in needs else {}),
        **({"card": _has_card()} if "gpu" in needs else {}),
        **({"volumes": sorted(filter(os.path.isdir, volumes))} if volumes else {}),
    }


def _has_card() -> bool:
    from builder.inside.trial import CARDS  # it asks programs over HTTP

    return any(map(os.path.exists, CARDS))
