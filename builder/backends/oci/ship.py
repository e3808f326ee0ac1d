"""What happens to a verified image: its verdict as labels, a name, and the file or folder wanted."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from builder.image.settings import verdict_labels
from builder.image.starting import start_line
from builder.oci.image import attest, layout
from builder.oci.image.attest import Referrer
from builder.oci.image.documents import Image, encode_document
from builder.oci.image.records import ImageRecord
from builder.oci.store.blobs import CONFIG, INDEX, MANIFEST, Blobs, Descriptor
from builder.values.environment import Environment
from builder.values.shipping import Shipped, Shipping
from builder.values.verdict import Verdict
from envspec.system.progress import Progress

if TYPE_CHECKING:
    from builder.oci.registry.names import Named
    from builder.oci.store.network import Network


Load = Callable[[Image, str, Blobs, Progress], str]
"""Gives an engine of this machine the image under that name; the line that says what came of it."""


def ship_image(
    record: ImageRecord,
    environment: Environment,
    verdict: Verdict,
    wanted: Shipping,
    blobs: Blobs,
    network: Callable[[], Network],
    progress: Progress,
    load: Load | None,
) -> Shipped:
    """Seal the image with its verdict, name it, and write it out; `network` is called only to push.

    An image that is named and goes nowhere else is given to the engine of this machine by `load`.

    Raises `UsageError` when something else stands where it goes, `OutsideError` when disk or registry refuse.
    """
    image = label_image(record.image, verdict_labels(verdict), blobs)
    tag = with_tag(wanted.tag or environment.reference.rpartition(":")[0].partition("/")[2])
    bill = attest.attest_bill(image, blobs)
    artifacts = [attest.attest_verdict(image, tag, verdict, blobs), *([bill] if bill else [])]
    layout.enlist_at_home(image, record.machine, tag, blobs, artifacts)
    files: list[str] = []
    said = [f"image {image.config.digest}"]
    if wanted.output is not None:
        progress.step(f"write {wanted.output.name}")
        written = layout.write_image(image, record.machine, tag, blobs, wanted.output, artifacts)
        files += map(str, written)
        loadable = wanted.output.suffix == ".tar"
        said.append(how_to_use(loadable, str(wanted.output), tag))
        said += [start_line(tag, json.loads(blobs.read(image.config))["config"])] * loadable
    if load is not None and wanted.tag and wanted.output is None and not wanted.push:
        said.append(load(image, tag, blobs, progress))
    if wanted.push:
        named = push_image(image, record.machine, tag, blobs, network(), progress, artifacts)
        also = f", an index for {' and '.join(named.machines)}" if len(named.machines) > 1 else ""
        said.append(f"pushed: {tag} {named.digest}{also}")
    return Shipped(reference=tag, files=tuple(files), said=tuple(said))


def push_image(
    image: Image,
    machine: str,
    tag: str,
    blobs: Blobs,
    network: Network,
    progress: Progress,
    artifacts: Sequence[Referrer] = (),
) -> Named:
    """Send what the registry lacks, then what refers to the image, and give the image its name last.

    Raises `OutsideError`.
    """
    from builder.oci.registry import names, reference
    from builder.oci.registry.credentials import stored_credentials
    from builder.oci.registry.repository import Registry

    place = reference.parse_reference(tag)
    progress.step(f"push {tag}")
    parts = [*image.layers, image.config, *(blob for artifact in artifacts for blob in artifact.blobs[:-1])]
    with network.session() as session:
        registry = Registry(place, session, stored_credentials)
        for blob in dict.fromkeys(parts):
            if not registry.has(blob):
                registry.push(blob, blobs)
        registry.tag(image.manifest, blobs, image.manifest.digest)
        understood = [registry.tag(one.manifest, blobs, one.manifest.digest) for one in artifacts]
        if not all(understood):
            registry.tag(_referrers(artifacts, blobs), blobs, image.manifest.digest.replace(":", "-"))
        return names.name_image(registry, image, machine, place.target, blobs)


def _referrers(artifacts: Sequence[Referrer], blobs: Blobs) -> Descriptor:
    """The list of what refers to an image, for registries that do not keep it themselves.

    Source: OCI distribution specification 1.1, referrers tag schema.
    """
    listed = [artifact.as_dict() for artifact in artifacts]
    return blobs.put(encode_document({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}), INDEX)


def how_to_use(loadable: bool, place: str, tag: str) -> str:
    """The line that says how to use what was written."""
    if loadable:
        return f"load it with: docker load --input {place}"
    return f"use it with: podman pull oci:{place}:{tag} (skopeo copies it from there to a registry)"


def with_tag(name: str) -> str:
    """The name with a tag, `latest` where it has none."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def label_image(image: Image, added: dict[str, str], blobs: Blobs) -> Image:
    """The image with more labels, in the same layers."""
    document = json.loads(blobs.read(image.config))
    document["config"]["Labels"] |= added
    config = blobs.put(encode_document(document), CONFIG)
    manifest = json.loads(blobs.read(image.manifest))
    manifest["config"] = config.as_dict()
    manifest["annotations"] |= added
    return image.model_copy(
        update={"config": config, "manifest": blobs.put(encode_document(manifest), MANIFEST)}
    )
