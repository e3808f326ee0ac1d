"""Constraints: what limits the version of a package, or decides it, without installing it."""

from __future__ import annotations

from typing import Annotated

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import AfterValidator

from envspec.spec.types import Line, bounded
from envspec.system.limits import PARENTHESES, REQUIREMENT
from envspec.system.quoting import shortened


def _constraint(text: str) -> str:
    bounded("a constraint", text, REQUIREMENT)
    try:
        parsed = Requirement(text) if text.count("(") <= PARENTHESES else None
    except InvalidRequirement:
        parsed = None
    if parsed is None or parsed.url or parsed.extras:
        raise ValueError(f"{shortened(repr(text))} is no constraint such as 'numpy<2'")
    return text


ConstraintText = Annotated[Line, AfterValidator(_constraint)]
"""A requirement by name alone: no extras, no address."""
