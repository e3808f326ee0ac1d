"""Which ways a block of statements may end."""

from __future__ import annotations

import dataclasses

from envspec.proof.imports.values import Raised, Value


@dataclasses.dataclass(kw_only=True, slots=True)
class Flow:
    """How a block may end."""

    normal: bool = True
    """It may run to its end."""
    jumps: bool = False
    """It may break or continue."""
    returns: list[Value] = dataclasses.field(default_factory=list)
    raises: list[Raised] = dataclasses.field(default_factory=list)
    """Exceptions that some way through the block surely meets."""

    @property
    def surely(self) -> Raised | None:
        """The exception, when every way through the block raises."""
        ends = self.normal or self.jumps or self.returns
        return None if ends or not self.raises else self.raises[-1]

    def take(self, other: Flow) -> None:
        """Add the ways of a part that may be left early."""
        self.jumps |= other.jumps
        self.returns += other.returns
        self.raises += other.raises

    @property
    def lasting(self) -> bool:
        """Whether names that it bound may be seen afterwards."""
        return self.normal or self.jumps
