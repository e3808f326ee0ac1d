"""`envspec explain`: who wants a package, at which version, and from which stage."""

from __future__ import annotations

import pathlib

import click
from packaging.utils import canonicalize_name

from builder.cli.options import PLACE, variant_option
from builder.cli.streams import say_text
from builder.flow.project import open_project
from envspec.proof.prove import known_metadata
from envspec.resolve.explain import Explanation, explain_package
from envspec.system.errors import FindingsError


@click.command()
@click.argument("spec", type=PLACE)
@click.argument("package")
@variant_option
def explain(spec: pathlib.Path, package: str, variant: str | None) -> None:
    """Say who wants PACKAGE, at which version and from which stage."""
    say_text(explanation(spec, variant, package).text().removesuffix("\n"))


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
