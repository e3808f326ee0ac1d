"""Images straight into a running engine, which is sent only the layers that it lacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from builder.backends.docker.engine import Engine
from builder.backends.docker.sdk import APIError, ImageLoadError, docker, translated
from builder.backends.docker.ship import how_to_run
from builder.oci.image import layout
from builder.oci.image.documents import Image
from builder.oci.store.blobs import Blobs
from envspec.system.errors import OutsideError
from envspec.system.progress import Progress


def into_engine(image: Image, tag: str, blobs: Blobs, progress: Progress) -> str:
    """Give the image to the engine of this machine, if one answers; the line that says what came of it."""
    engine = Engine()
    try:
        with translated(engine.address.host):
            held = load_image(image, tag, blobs, engine.client, progress)
    except OutsideError as error:
        return f"no engine took it ({error.message.splitlines()[0]}); --output X.tar writes it for one"
    start = how_to_run(engine, tag)
    return f"loaded into the engine, which had {held} of {len(image.layers)} layers; {start}"


def load_image(image: Image, tag: str, blobs: Blobs, client: docker.DockerClient, progress: Progress) -> int:
    """Give the engine the image under that name; tells how many layers it had already.

    Raises docker's own errors, and `OutsideError` when a layer in the store is damaged.
    """
    wanted = [layer.diff_id for layer in image.layers]
    held = shared_layers(wanted, _stacks(client))
    progress.step(f"load {tag}, {len(wanted) - held} of {len(wanted)} layers")
    try:
        _send(client, layout.docker_archive_chunks(image, tag, blobs, held=held))
    except (APIError, ImageLoadError):
        if not held:
            raise
        # An engine whose store is containerd's wants every layer, also those that it has.
        _send(client, layout.docker_archive_chunks(image, tag, blobs))
        return 0
    return held


def _send(client: docker.DockerClient, archive: Iterator[bytes]) -> None:
    body: Any = archive  # the SDK takes what requests takes; its types name only files
    client.images.load(body)


def _stacks(client: docker.DockerClient) -> Iterable[Sequence[str]]:
    for image in client.images.list():
        yield image.attrs.get("RootFS", {}).get("Layers") or ()


def shared_layers(wanted: Sequence[str], stacks: Iterable[Sequence[str]]) -> int:
    """How many of the lowest layers some stack has as its own lowest ones: engines keep layers as chains."""
    longest = 0
    for stack in stacks:
        same = 0
        for one, other in zip(wanted, stack, strict=False):
            if one != other:
                break
            same += 1
        longest = max(longest, same)
    return longest
