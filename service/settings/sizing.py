"""The sizes that the settings leave open, decided by what the container grants."""

from __future__ import annotations

import dataclasses

from service.settings.container import Grant
from service.settings.environment import Settings

MIB = 1 << 20
WORKERS_A_CORE = 2
"""One speaks while the other's sound is fetched and its next text sent: a quarter more speech in all."""
WORKER_MEMORY = 32 * MIB
"""For a process of the embedded voice: 17 MiB at rest, and the sound of one text."""
REQUEST_MEMORY = 4 * MIB
"""For a request: the sound of some ten seconds, as samples, as a file and as its reply."""
CACHE_MEMORY = 64 * MIB
LEAST_ADMITTED, MOST_ADMITTED = 4, 64


def size_settings(settings: Settings, grant: Grant) -> Settings:
    """The settings with nothing left open; what was set by hand stays as it is.

    A quarter of the memory is for workers, a quarter for requests, an eighth for the cache; the rest is for
    the interpreter and for what is larger than thought.
    """
    workers = min(WORKERS_A_CORE * grant.cores, grant.memory // 4 // WORKER_MEMORY)
    admitted = min(MOST_ADMITTED, grant.memory // 4 // REQUEST_MEMORY)
    return dataclasses.replace(
        settings,
        threads=settings.threads or grant.cores,
        workers=settings.workers or max(1, workers),
        admitted=settings.admitted or max(LEAST_ADMITTED, admitted),
        cache_bytes=(
            min(CACHE_MEMORY, grant.memory // 8) if settings.cache_bytes is None else settings.cache_bytes
        ),
    )
