"""What happens to a verified image: its verdict as labels, a name, and the file or folder wanted."""

from __future__ import annotations

import json

from builder.backends.docker import places
from builder.environment import Environment
from builder.oci import output
from builder.oci.blobs import CONFIG, MANIFEST, Blobs
from builder.oci.image import Image, encoded
from builder.oci.images import Record
from builder.shipping import Shipped, Shipping
from builder.verdict import Verdict
from envspec.errors import UsageError
from envspec.progress import Progress


def ship(
    record: Record,
    environment: Environment,
    verdict: Verdict,
    wanted: Shipping,
    blobs: Blobs,
    progress: Progress,
) -> Shipped:
    """Seal the image with its verdict, name it, and write it out.

    Raises `UsageError` for what cannot be done, `OutsideError` when a disk refuses.
    """
    image = labelled(record.image, labels(verdict), blobs)
    tag = tagged(wanted.tag or environment.reference.rpartition(":")[0].partition("/")[2])
    output.enlist(image, record.machine, tag, blobs.root)
    files: list[str] = []
    said = [f"image {image.config.digest}"]
    if wanted.output is not None:
        progress.step(f"write {wanted.output.name}")
        output.write(image, record.machine, tag, blobs, wanted.output)
        files.append(str(wanted.output))
        said.append(how(wanted.output.suffix == ".tar", str(wanted.output), tag))
    if wanted.push:
        raise UsageError("the oci backend does not push yet", hint="use --backend docker")
    return Shipped(reference=tag, files=tuple(files), said=tuple(said))


def how(loadable: bool, place: str, tag: str) -> str:
    """The line that says how to use what was written."""
    if loadable:
        return f"load it with: docker load --input {place} && docker run --rm --publish 5000:5000 {tag}"
    return f"copy it with: skopeo copy oci:{place}:{tag} docker://REGISTRY/{tag}"


def tagged(name: str) -> str:
    """The name with a tag, `latest` where it has none."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def labels(verdict: Verdict) -> dict[str, str]:
    """What the verdict says of the image; the same as on the Dockerfile road."""
    return {
        f"{places.LABEL}.verdict": "ships" if verdict.ships else "must not ship",
        f"{places.LABEL}.findings": str(len(verdict.findings)),
        f"{places.LABEL}.python-version": verdict.python,
        f"{places.LABEL}.platform": verdict.platform,
    }


def labelled(image: Image, added: dict[str, str], blobs: Blobs) -> Image:
    """The image with more labels, in the same layers."""
    document = json.loads(blobs.read(image.config))
    document["config"]["Labels"] |= added
    config = blobs.put(encoded(document), CONFIG)
    manifest = json.loads(blobs.read(image.manifest))
    manifest["config"] = config.as_dict()
    manifest["annotations"] |= added
    return image.model_copy(update={"config": config, "manifest": blobs.put(encoded(manifest), MANIFEST)})
