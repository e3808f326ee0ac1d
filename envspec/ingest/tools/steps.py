"""The steps of a project: what comes from the machine's index, what from each other, and variants."""

from __future__ import annotations

from envspec.ingest.draft import Install
from envspec.ingest.drafting import Drafting, Step


class Steps:
    """Gives each package its step, by variant and index; steps with an index of their own come first."""

    def __init__(self, drafting: Drafting) -> None:
        self._drafting = drafting
        self._steps: dict[tuple[str, str], Step] = {}
        self.main = self.of("")

    def of(self, variant: str, index: str = "") -> Step:
        """The step of a variant (`""` is always installed) and of an index by its address."""
        if (variant, index) not in self._steps:
            drafting = self._drafting
            title = drafting.index_names.get(index, "other-index") if index else ""
            if not variant:
                step = drafting.step(title or "packages")
                if index:
                    drafting.installs.insert(0, drafting.installs.pop())
            else:
                step = drafting.variant(variant)
                step.name = f"{variant}-{title}" if title else variant
                if index:
                    steps = drafting.variants[variant]
                    steps.insert(0, steps.pop())
            step.index_url = index or None
            self._steps[variant, index] = step
        return self._steps[variant, index]

    def all(self) -> tuple[Install, ...]:
        """Every step, finished."""
        return tuple(step.finished() for step in self._steps.values())
