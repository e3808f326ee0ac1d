"""What travels beside an image: its verdict and its bill of materials, as artifacts that refer to it.

Source: in-toto attestation framework, statement 1.0; OCI image specification 1.1, manifests with a subject.
"""

from __future__ import annotations

from typing import Any

from builder.inside import places
from builder.oci.image.documents import RUNTIME, Image, encode_document, image_date
from builder.oci.store.blobs import MANIFEST, Blobs, Descriptor
from builder.oci.store.lookup import look_into_layers
from builder.values.verdict import Verdict
from envspec.spec.part import Part
from envspec.system.foreign import readable

STATEMENT = "application/vnd.in-toto+json"
BOM = "application/vnd.cyclonedx+json"
VERDICT = "https://in-toto.io/attestation/test-result/v0.1"
"""Kind of the verdict's statement: in-toto's own for the result of tests."""

_EMPTY = "application/vnd.oci.empty.v1+json"


class Referrer(Part):
    """Something that refers to an image."""

    kind: str
    """Media type of its content."""
    content: Descriptor
    config: Descriptor
    manifest: Descriptor

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """All that it is made of, its manifest last."""
        return self.content, self.config, self.manifest

    @property
    def suffix(self) -> str:
        """What a file with its content is called after the image's own name."""
        return {STATEMENT: "intoto.json", BOM: "cdx.json"}[self.kind]

    def as_dict(self) -> dict[str, Any]:
        """How an index lists it."""
        return {**self.manifest.as_dict(), "artifactType": self.kind}


def attest_verdict(image: Image, name: str, judged: Verdict, blobs: Blobs) -> Referrer:
    """The verdict as a statement about the image's manifest. It holds no times: they differ each run."""
    facts = judged.as_dict()
    predicate = {
        "result": "PASSED" if judged.ships else "FAILED",
        "configuration": [{"name": "probe", "annotations": {"fast": judged.fast}}],
        "passedTests": [],
        "warnedTests": [each["rule"] for each in facts["findings"] if each["severity"] == "warning"],
        "failedTests": [each["rule"] for each in facts["findings"] if each["severity"] == "error"],
        "findings": facts["findings"],
        "python": readable(judged.python),
        "platform": readable(judged.platform),
    }
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": image.manifest.digest.removeprefix("sha256:")}}],
        "predicateType": VERDICT,
        "predicate": predicate,
    }
    return attach_referrer(
        image, STATEMENT, encode_document(statement), {"in-toto.io/predicate-type": VERDICT}, blobs
    )


def attest_bill(image: Image, blobs: Blobs) -> Referrer | None:
    """The bill of materials that the image carries; None where it carries none."""
    path = places.SBOM[1:]
    for layer in reversed(image.layers):
        if layer.title == RUNTIME and (found := look_into_layers([layer], blobs, {path}).get(path)):
            return attach_referrer(image, BOM, found, {}, blobs)
    return None


def attach_referrer(
    image: Image, kind: str, content: bytes, annotations: dict[str, str], blobs: Blobs
) -> Referrer:
    """Store some content as an artifact that refers to the image."""
    body = blobs.put(content, kind)
    config = blobs.put(b"{}", _EMPTY)
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": kind,
        "config": config.as_dict(),
        "layers": [body.as_dict()],
        "subject": image.manifest.as_dict(),
        "annotations": {**annotations, "org.opencontainers.image.created": image_date()},
    }
    return Referrer(
        kind=kind, content=body, config=config, manifest=blobs.put(encode_document(manifest), MANIFEST)
    )
