"""What an image is made of, as its bill of materials lists it."""

from __future__ import annotations

from builder.values.plan import Plan
from builder.values.stages import PlannedWheel
from builder.values.tool import result_key
from envspec.lockfile.lock import LockedModel
from envspec.spec.part import Part
from envspec.system.home import tool_home
from envspec.system.kept import Kept


class BilledWheel(PlannedWheel):
    """One wheel of a bill."""

    stage: str
    """Name of the stage that installs it."""
    own: bool = False
    """Whether it was built of a tree of the spec's, and is nothing that an index has under its name."""


class Bill(Part):
    """The parts of one image: equal ones give equal bills of materials."""

    name: str
    lock: str
    """Digest of the lock."""
    packages: str
    """Digest of all that was planned of the base, and of the packages but those of the spec's own trees."""
    base: str
    """Name of the base, with its digest where it has one."""
    wheels: tuple[BilledWheel, ...]
    models: tuple[LockedModel, ...]


def bill_of(plan: Plan) -> Bill:
    """The bill of a plan."""
    base = plan.base.image or (f"debian:{plan.base.debian}" if plan.base.debian else "this machine")
    return Bill(
        name=plan.name,
        lock=plan.lock,
        packages=plan.lasting_digest,
        base=f"{base.partition('@')[0]}@{plan.base.digest}" if plan.base.digest else base,
        wheels=tuple(
            BilledWheel(stage=stage.name, own=bool(stage.trees), **wheel.model_dump())
            for stage in plan.stages
            for wheel in stage.wheels
        ),
        models=plan.models,
    )


def bill_text(bill: Bill) -> str:
    """The bill as CycloneDX has it, written once: the same bill is asked for at every edit of a payload."""

    def write() -> str:
        from builder.image.sbom import cyclonedx_text  # CycloneDX is slow to load

        return cyclonedx_text(bill)

    kept: Kept[str] = Kept(tool_home() / "bills", str)
    return kept.get_or_make(result_key(bill.model_dump(mode="json")), write)
