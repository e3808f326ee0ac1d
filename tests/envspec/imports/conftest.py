"""Packages made of text, and a linker over them."""

from collections.abc import Callable, Mapping

import pytest

from envspec.proof.abi.base import LoaderBase
from envspec.proof.imports import LinkReport, Package, link

Files = Mapping[str, str | bytes]

Linked = Callable[..., LinkReport]
"""Links package `app` against package `other`: see the fixture `linked`."""

Make = Callable[..., Package]
"""Makes a distribution: see `package`."""


def package(
    name: str,
    files: Files,
    *,
    requested: bool = True,
    requires: tuple[str, ...] = (),
    version: str = "1.0",
    large: bool = False,
) -> Package:
    """A distribution whose files are given as text."""
    raw = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    tops = {path.split("/")[0].removesuffix(".py") for path in files if path.endswith((".py", ".so"))}
    return Package(
        name=name, version=version, files=tuple(files), read=raw.__getitem__, requires=requires,
        requested=requested, top_level=tuple(sorted(tops)), large=large,
    )  # fmt: skip


@pytest.fixture
def make() -> Make:
    return package


@pytest.fixture(params=["read whole", "read in outline"])
def large(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether packages count as large ones, of which every body is left out then."""
    monkeypatch.setattr("envspec.proof.imports.outline.SHORTEST", 1)
    return bool(request.param == "read in outline")


@pytest.fixture
def linked(large: bool) -> Linked:
    """`linked(files, other={...}, python="3.11")`: link package `app` against package `other`."""

    def run(
        app: Files,
        other: Files | None = None,
        *,
        python: str = "3.11",
        base: LoaderBase | None = None,
        broken: dict[str, str] | None = None,
    ) -> LinkReport:
        packages = [package("app", app, requires=("other",), large=large)]
        packages += [package("other", other, requested=False, large=large)] if other else []
        return link(packages, python=python, base=base, broken=broken, variables=["OTHER_BACKEND"])

    return run
