"""`envspec explain`: who wants a package, at which version and from which stage; who wants which driver."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

import click
from packaging.utils import canonicalize_name

from builder.cli.completing import offer_packages
from builder.cli.options import PLACE, variant_option
from builder.cli.streams import say_text
from builder.flow.project import open_project
from envspec.proof.prove import known_metadata
from envspec.resolve.explain import Explanation, explain_package
from envspec.system.errors import FindingsError, UsageError

if TYPE_CHECKING:
    from envspec.proof.gpu.served import GpuProof


@click.command()
@click.argument("spec", type=PLACE)
@click.argument("package", required=False, shell_complete=offer_packages)
@click.option("--gpu", is_flag=True, help="Say what serves which card, and why which driver is needed.")
@variant_option
def explain(spec: pathlib.Path, package: str | None, variant: str | None, *, gpu: bool) -> None:
    """Say who wants PACKAGE, at which version and from which stage; with --gpu, who wants which driver.

    It reads the lock of SPEC and changes nothing.
    """
    if gpu == (package is not None):
        raise UsageError("name a package, or ask --gpu", hint="envspec explain SPEC PACKAGE")
    if package is not None:
        say_text(explanation(spec, variant, package).text().removesuffix("\n"))
        return
    from builder.report.gpu import explanation as explained

    say_text("\n".join(explained(gpu_explanation(spec, variant))))


def explanation(spec: pathlib.Path | None, variant: str | None, package: str) -> Explanation:
    """Why a package is in the lock of a spec. Raises `FindingsError` when it is not, or without a lock."""
    project = open_project(spec, variant)
    lock = project.needed_lock()
    known = known_metadata(lock, project.sources(), project.store)
    found = explain_package(project.spec, lock, known, package)
    if found is None:
        kept_out = canonicalize_name(package) in lock.removed
        raise FindingsError(
            f"{package} is not in the lock" + (": the spec removes it" if kept_out else ""), ()
        )
    return found


def gpu_explanation(spec: pathlib.Path | None, variant: str | None) -> GpuProof:
    """What of the lock of a spec serves which card, proved now where that was not done.

    Raises `FindingsError` without a lock, and what stands in the way of the proof.
    """
    from builder.flow.pipeline import run_pipeline
    from builder.values.request import Request
    from envspec.proof.gpu.served import known_gpu_proof
    from envspec.supply.facts import FactStore
    from envspec.system.home import tool_home

    project = open_project(spec, variant)
    facts = FactStore(tool_home() / "facts")
    known = known_gpu_proof(project.spec, project.needed_lock(), facts)
    if known is not None:
        return known
    report = run_pipeline(Request(spec=spec, variant=variant, locked=True, stop_after="prove", fresh=True))
    if report.gpu is None:
        raise report.failure or FindingsError("the proof did not come to the cards", ())
    return report.gpu
