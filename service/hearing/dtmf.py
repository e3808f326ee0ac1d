"""The figures that a telephone's keys sound: ears that need no model, for menus, tests and trials."""

from __future__ import annotations

from service.hearing.crewed import CrewedEars
from service.settings.environment import Settings
from service.workers.crew import Program


class Dtmf(CrewedEars):
    """Dual-tone multi-frequency signalling, as telephones have it."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Dtmf:
        """The engine as the settings ask for it; they must be sized."""
        program = Program("service.hearing.dtmf_worker", start_wait=settings.start_wait, what="ears")
        return cls(program, settings.ears_workers, queue_wait=settings.queue_wait)
