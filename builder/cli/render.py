"""`envspec render`: the Dockerfile of a spec, or what an orchestrator needs to run its image."""

from __future__ import annotations

from typing import Any

import click

from builder import orchestrate
from builder.cli.options import lock_options, spec_argument, variant_option
from builder.cli.streams import say_document
from builder.values.request import Request
from envspec.spec import load


@click.command()
@spec_argument
@variant_option
@lock_options
@click.option("--classic", is_flag=True, help="The form for engines without BuildKit.")
@click.option("--to", type=click.Choice(["compose", "kubernetes"]), help="What runs the image, instead.")
@click.option("--image", help="With --to: the image's name there; the spec's own if left out.")
@click.option("--replicas", type=click.IntRange(1, 1000), help="With --to: how many run at least (2).")
@click.option("--cores", type=float, help="With --to: processors for each (2).")
@click.option("--memory", help="With --to: memory for each, such as 512Mi; left out, by what it runs.")
def render(
    classic: bool,
    to: str | None,
    image: str | None,
    replicas: int | None,
    cores: float | None,
    memory: str | None,
    **wanted: Any,
) -> None:
    """Print the Dockerfile that `build-image --backend docker` builds, or what runs its image.

    SPEC is locked and proved for a Dockerfile, which writes a lock where none fits. No engine is asked.
    """
    if to is None:
        from builder.backends.docker.dockerfile import render_dockerfile  # an orchestrator needs neither
        from builder.flow.pipeline import plan_spec

        say_document(render_dockerfile(plan_spec(Request(**wanted)), mounts=not classic))
        return
    spec = load.load_spec(load.find_spec(wanted["spec"]), wanted["variant"])
    run = orchestrate.deployment(spec, image=image, replicas=replicas, cores=cores, memory=memory)
    say_document(orchestrate.FORMS[to](run))
