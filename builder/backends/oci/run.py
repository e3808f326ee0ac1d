"""Runs a command in an image where there is no engine: its layers unpacked, a sandbox around them."""

from __future__ import annotations

import json
import pathlib
import sys
from collections.abc import Mapping, Sequence

from builder.image import travelling
from builder.image.users import user_numbers
from builder.inside import sandbox
from builder.oci.image.records import ImageRecord
from builder.oci.store.blobs import Blobs
from builder.oci.store.tree import unpack_layers
from envspec.system.errors import OutsideError
from envspec.system.process import Completed, Words, run_process
from envspec.system.scratch import scratch_folder

_WHY = {
    "unshare: ": "its kernel, or the container that this is, allows no user namespaces",
    "'/proc/": "there is no /proc here, which a sandbox cannot be made without",
}
"""What a refusal means: a kernel that has reached their number says that no space is left."""

OUT = sandbox.OUT
"""Where a command finds the folder that it may leave files in."""


def run_in_image(
    record: ImageRecord,
    command: Sequence[str],
    blobs: Blobs,
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    user: str | None = None,
    folder: str | None = None,
    volumes: Sequence[str] = (),
) -> Completed:
    """Run it with the image's variables and without a network.

    User and folder are the image's where none is named; volumes may be written to.

    Raises `OutsideError` where this machine's kernel allows no such thing.
    """
    image = record.image
    layers = unpack_layers(image.layers[: record.base], image.layers[record.base :], blobs)
    return run_in_layers(
        layers,
        command,
        user=user_numbers(user or image.user, _passwd(layers))[0],
        folder=folder or image.folder,
        volumes=volumes,
        env={"HOME": "/tmp", **image.variables, **(env or {})},  # noqa: S108 - as /etc/passwd has it
        stdin=stdin,
        timeout=timeout,
        hint="allow user namespaces, or verify it where an engine is: `envspec verify --image`",
    )


def _passwd(layers: Sequence[pathlib.Path]) -> str:
    """The file of users that is seen."""
    files = (layer / "etc" / "passwd" for layer in reversed(layers))
    file = next((file for file in files if file.is_file() and not file.is_symlink()), None)
    return file.read_text(encoding="utf-8", errors="replace") if file else ""


def run_in_layers(
    layers: Sequence[pathlib.Path],
    command: Sequence[str],
    *,
    user: int,
    folder: str,
    env: Mapping[str, str],
    hint: str,
    stdin: str | None = None,
    timeout: float | None = None,
    out: pathlib.Path | None = None,
    volumes: Sequence[str] = (),
    shown: Sequence[pathlib.Path] = (),
    keep: int | None = None,
    what: str = "the image",
) -> Completed:
    """Run it in folders laid over each other, lowest first; `out` may be written to, as `OUT`.

    So may volumes, which begin with what is there, and what is `shown`, at its own path, which one of the
    layers must have.
    `keep` is how many bytes of each stream are kept, `what` the folders are, for people.

    Raises `OutsideError` with that hint where this machine's kernel allows no such thing.
    """
    with scratch_folder("root") as root:
        wanted = {
            "layers": [str(layer) for layer in layers],
            "root": str(root),
            "env": dict(env),
            "cwd": folder,
            "user": user,
            "out": str(out) if out else None,
            "volumes": list(volumes),
            "shown": [str(folder) for folder in shown],
        }
        words: Words = [sys.executable, "-I", "-S", "-c", travelling.program("sandbox"), json.dumps(wanted)]
        words += command
        done = run_process(words, env={}, input_text=stdin, timeout=timeout, keep=keep)
    if done.code == sandbox.REFUSED and done.stderr.startswith("no sandbox"):
        why = next((words for sign, words in _WHY.items() if sign in done.stderr), done.stderr.strip())
        raise OutsideError(f"{what} cannot be run on this machine: {why}", hint=hint)
    return Completed(
        command=tuple(command),
        code=done.code,
        stdout=done.stdout,
        stderr=done.stderr,
        timed_out=done.timed_out,
    )
