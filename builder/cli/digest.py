"""What an image is, in lines that can stand beside its spec: its digest, and that of every layer.

`python -m builder.cli.digest SPEC` makes the image and writes the lines; `--check` compares instead.
"""

from __future__ import annotations

import pathlib
import sys

import click

from builder.backends.oci.backend import OciBackend
from builder.cli.main import run_command
from builder.cli.streams import keep_streams
from builder.flow.pipeline import run_pipeline
from builder.oci.image.documents import Image
from builder.values.request import Request
from envspec.system.errors import BuildError, FindingsError

FILE = "image.digest"
"""Beside the spec."""

_HEAD = "# The image that the oci backend makes of this spec; `make digest` writes it anew.\n"
_IMAGE = "image"


def digest_lines(image: Image) -> str:
    """The lines: the image's own digest, then each layer's, lowest first, with what it holds.

    Layers are named by their archives' digests, which no compressor changes.
    """
    rows = [(image.config.digest, _IMAGE), *((layer.diff_id, layer.title) for layer in image.layers)]
    return _HEAD + "".join(f"{digest}  {title}\n" for digest, title in rows)


def digest_differences(kept: str, found: str) -> tuple[str, ...]:
    """What differs between two such texts, in words; nothing when they say the same."""
    before, after = _read(kept), _read(found)
    same = before.keys() & after.keys()
    changed = [
        f"{title} is another one" for title in before if title in same and before[title] != after[title]
    ]
    gone = [f"{title} is no longer there" for title in before if title not in same]
    new = [f"{title} is new" for title in after if title not in same]
    moved = ["the layers stand in another order"] if not gone + new and list(before) != list(after) else []
    all_of_it = [*changed, *gone, *new, *moved]
    whole = f"{_IMAGE} is another one"  # it always is when a layer is: said only where nothing else differs
    return tuple(one for one in all_of_it if one != whole) or tuple(all_of_it)


def _read(lines: str) -> dict[str, str]:
    rows = (line.split(maxsplit=1) for line in lines.splitlines() if line and not line.startswith("#"))
    return {title: digest for digest, title in rows}


def digest_of_image(spec: pathlib.Path) -> str:
    """The lines of a spec's image, which is built if it is not there. Raises `EnvspecError`."""
    report = run_pipeline(Request(spec=spec, backend="oci", locked=True, stop_after="build"))
    if report.failure is not None:
        raise report.failure
    if report.environment is None:
        raise FindingsError("the spec has errors: `envspec check` shows them", report.findings)
    return digest_lines(OciBackend().record(report.environment).image)


@click.command("identity")
@click.argument("spec", type=click.Path(exists=True, path_type=pathlib.Path))
@click.option("--check", is_flag=True, help="Compare with the file instead of writing it.")
def write_digest(spec: pathlib.Path, *, check: bool) -> None:
    """Write the digests of SPEC's image beside it."""
    place = (spec if spec.is_dir() else spec.parent) / FILE
    found = digest_of_image(spec)
    if not check:
        place.write_text(found, encoding="utf-8")
        click.echo(found, nl=False)
        return
    kept = place.read_text(encoding="utf-8") if place.is_file() else ""
    if changed := digest_differences(kept, found):
        raise BuildError(
            f"the image of {spec} is not the one that {place} promises: " + "; ".join(changed),
            hint="if it is meant: `make digest` writes the new one; any change of service/ changes `payload`",
        )
    click.echo(f"{place}: the same image")


if __name__ == "__main__":
    keep_streams()
    run_command(write_digest, sys.argv[0])
