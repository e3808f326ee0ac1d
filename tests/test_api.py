"""The public interface: what `__all__` names is there, typed, documented, and loads nothing that is slow."""

import importlib
import inspect
import re
import subprocess
import sys
import types

import pytest

from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
PACKAGES = ("envspec", "builder")


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest) -> types.ModuleType:
    return importlib.import_module(request.param)


def test_every_public_name_is_there_and_says_what_it_is(package: types.ModuleType) -> None:
    assert package.__all__ == sorted(package.__all__)
    for name in package.__all__:
        assert inspect.getdoc(getattr(package, name)), name
        assert name in dir(package)
    with pytest.raises(AttributeError, match="no_such_name"):
        package.no_such_name  # noqa: B018


def test_every_public_name_stands_on_the_page_and_no_other(package: types.ModuleType) -> None:
    said = set(re.findall(rf"`{package.__name__}\.(\w+)", PAGE))
    assert said == set(package.__all__)


def test_types_travel_with_the_packages() -> None:
    assert all((ROOT / package / "py.typed").is_file() for package in (*PACKAGES, "service"))


@pytest.mark.parametrize("package", PACKAGES)
def test_the_import_of_a_package_loads_nothing_else(package: str) -> None:
    program = f"import sys; before = set(sys.modules); import {package}; print(*set(sys.modules) - before)"
    loaded = subprocess.check_output([sys.executable, "-I", "-c", program], text=True).split()
    assert [name for name in loaded if name.partition(".")[0] in {"pydantic", "click", "requests"}] == []
