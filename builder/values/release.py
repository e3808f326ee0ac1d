"""One release of Python that is wanted, held against the release that a base or an environment has."""

from __future__ import annotations

from builder.values.plan import Plan
from envspec.lockfile.lock import Lock
from envspec.spec.python import full_version
from envspec.system import rules
from envspec.system.errors import OutsideError
from envspec.system.finding import Finding


def refuse_other_release(asker: Plan | Lock, name: str, version: str) -> None:
    """Raise `OutsideError` where the base of that name surely has another release than the one asked for.

    `version` is what was read of the base, such as `3.11.2-6`; empty where nobody could tell.
    """
    if why := _differs(asker, version):
        raise OutsideError(
            f"{name} has Python {why}",
            hint=f'write python = "{asker.python}" where every release will do, or name a base that has it',
        )


def release_findings(plan: Plan, version: str) -> tuple[Finding, ...]:
    """EV280: an environment was built of a base that told its release to nobody before."""
    why = _differs(plan, version)
    return (rules.DRIFT.finding(f"the environment has Python {why}", where="python"),) if why else ()


def _differs(asker: Plan | Lock, version: str) -> str:
    found = full_version(version)
    if asker.patch is None or found is None or found[2] == asker.patch:
        return ""
    there = ".".join(map(str, found))
    return f"{there}, and {asker.python.removesuffix('t')}.{asker.patch} is wanted"
