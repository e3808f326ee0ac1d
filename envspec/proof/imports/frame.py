"""Where a statement stands: its module, and the scopes that it sees."""

from __future__ import annotations

import dataclasses

from envspec.proof.imports.values import Raised, SourceLine, Value


@dataclasses.dataclass(kw_only=True, slots=True)
class Frame:
    """The surroundings of a statement while it is read."""

    module: str
    scopes: list[dict[str, Value]]
    """Innermost last."""
    in_class: bool = False
    in_function: bool = False
    shared: set[str] = dataclasses.field(default_factory=set)
    """Names declared `global`."""
    handled: list[Raised] = dataclasses.field(default_factory=list)
    """Exceptions that are being handled, innermost last."""
    line: int = 0

    @property
    def names(self) -> dict[str, Value]:
        """The scope that is written to."""
        return self.scopes[-1]

    @property
    def where(self) -> SourceLine:
        """The line that is being read."""
        return SourceLine(module=self.module, line=self.line)
