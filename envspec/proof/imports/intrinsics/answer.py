"""The form of all functions that answer for one of a library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from envspec.proof.imports.frame import Frame
from envspec.proof.imports.values import Value
from envspec.proof.imports.world import World


class Answer(Protocol):
    """A function that says what a call gives; `Raised` where it surely raises."""

    def __call__(
        self, world: World, args: list[Value], named: Mapping[str, Value], frame: Frame, /
    ) -> Value: ...
