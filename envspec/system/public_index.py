"""Where the public index is, as a library knows it; no file of ours names the host of a registry."""

from __future__ import annotations

import ast
import functools
import importlib.util
import pathlib

_NAME = "PYPI_SIMPLE_ENDPOINT"


@functools.cache
def public_index() -> str:
    """The address of its simple API.

    The library is read and not run, for it loads all that asks indexes: a third of a second.
    """
    spec = importlib.util.find_spec("pypi_simple")
    if spec is not None and spec.origin is not None:
        for node in ast.parse(pathlib.Path(spec.origin).read_bytes()).body:
            match node:
                case (
                    ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(address)))
                    | ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(address)))
                ) if name == _NAME:
                    return address
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    return PYPI_SIMPLE_ENDPOINT
