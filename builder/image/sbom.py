"""A bill of materials as CycloneDX 1.6 has it, in JSON. The same bill gives the same bytes."""

from __future__ import annotations

import uuid

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from builder.image.bill import Bill, BilledWheel

_NAMESPACE = uuid.UUID("6f1c2a52-5d0f-5b43-9d1e-3c8a4b0f7e21")
"""Of the serial numbers, which are derived from bills."""


def cyclonedx_text(bill: Bill) -> str:
    """Every locked package with version, sha256 and stage, the models, and the base beneath them."""
    whole = Component(
        type=ComponentType.CONTAINER,
        name=bill.name,
        version=bill.lock.removeprefix("sha256:")[:12],
        bom_ref="image",
    )
    base = Component(type=ComponentType.OPERATING_SYSTEM, name=bill.base, bom_ref="base")
    packages = [
        Component(
            type=ComponentType.LIBRARY,
            name=wheel.name,
            version=wheel.version,
            purl=_purl(wheel),
            bom_ref=_purl(wheel).to_string(),
            # Of one's own code the bill has none: its layer alone changes where the same version is edited.
            hashes=[] if wheel.own else [HashType(alg=HashAlgorithm.SHA_256, content=wheel.sha256)],
            properties=[
                Property(name="envspec:stage", value=wheel.stage),
                Property(name="envspec:file", value=wheel.file),
            ],
        )
        for wheel in bill.wheels
    ]
    models = [
        Component(
            type=ComponentType.MACHINE_LEARNING_MODEL,
            name=model.name,
            bom_ref=f"model:{model.name}",
            properties=[Property(name="envspec:digest", value=model.digest)],
        )
        for model in bill.models
    ]
    bom = Bom(
        components=[base, *packages, *models],
        metadata=BomMetaData(component=whole),
        serial_number=uuid.uuid5(_NAMESPACE, f"{bill.packages} {bill.lock}"),
    )
    bom.metadata.timestamp = None  # type: ignore[assignment]
    bom.register_dependency(whole, [base, *packages, *models])
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _purl(wheel: BilledWheel) -> PackageURL:
    """Where it can be had: one's own code is not the index's package of that name, nor has its weaknesses."""
    return PackageURL(type="generic" if wheel.own else "pypi", name=wheel.name, version=wheel.version)
