"""The bill of materials of a plan: CycloneDX 1.6 as JSON. The same plan gives the same bytes."""

from __future__ import annotations

import uuid

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from builder.values.plan import Plan

_NAMESPACE = uuid.UUID("6f1c2a52-5d0f-5b43-9d1e-3c8a4b0f7e21")
"""Of the serial numbers, which are derived from plans."""


def sbom(plan: Plan) -> str:
    """Every locked package with version, sha256 and stage, the models, and the base beneath them."""
    whole = Component(
        type=ComponentType.CONTAINER,
        name=plan.name,
        version=plan.lock.removeprefix("sha256:")[:12],
        bom_ref="image",
    )
    base = Component(type=ComponentType.OPERATING_SYSTEM, name=_base(plan), bom_ref="base")
    packages = [
        Component(
            type=ComponentType.LIBRARY,
            name=wheel.name,
            version=wheel.version,
            purl=(purl := PackageURL(type="pypi", name=wheel.name, version=wheel.version)),
            bom_ref=purl.to_string(),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=wheel.sha256)],
            properties=[
                Property(name="envspec:stage", value=stage.name),
                Property(name="envspec:file", value=wheel.file),
            ],
        )
        for stage in plan.stages
        for wheel in stage.wheels
    ]
    models = [
        Component(
            type=ComponentType.MACHINE_LEARNING_MODEL,
            name=model.name,
            bom_ref=f"model:{model.name}",
            properties=[Property(name="envspec:digest", value=model.digest)],
        )
        for model in plan.models
    ]
    bom = Bom(
        components=[base, *packages, *models],
        metadata=BomMetaData(component=whole),
        serial_number=uuid.uuid5(_NAMESPACE, f"{plan.packages_digest} {plan.lock}"),
    )
    bom.metadata.timestamp = None  # type: ignore[assignment]
    bom.register_dependency(whole, [base, *packages, *models])
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _base(plan: Plan) -> str:
    name = plan.base.image or (f"debian:{plan.base.debian}" if plan.base.debian else "this machine")
    return f"{name.partition('@')[0]}@{plan.base.digest}" if plan.base.digest else name
