"""The sizes that the settings leave open, decided by what the container grants."""

from __future__ import annotations

import dataclasses

from service.settings.container import Grant
from service.settings.environment import Settings

MIB = 1 << 20
WORKERS_A_CORE = 2
"""One speaks while the other's sound is fetched and its next text sent: a quarter more speech in all."""
MOST_WEB = MOST_CODECS = 4
BASE_MEMORY = 32 * MIB
"""For the process that keeps all others."""
WEB_MEMORY = 48 * MIB
"""For a web process at rest, and the little that each of its connections takes."""
CODEC_MEMORY = 48 * MIB
"""For a codec process: 36 MiB at rest, and files that grow."""
WORKER_MEMORY = 32 * MIB
"""For a process of the embedded voice: 17 MiB at rest, and the sound of one sentence."""
DECODER_MEMORY = 48 * MIB
"""For a decoder process: 36 MiB at rest, and the samples of what it decodes."""
EARS_MEMORY = 400 * MIB
"""For a process that listens: 350 MiB with Whisper's base model."""
ANSWER_MEMORY = 1024 * MIB
"""For answers, at most."""
CACHE_MEMORY = 64 * MIB
LEAST_ADMITTED, MOST_ADMITTED = 4, 64
MOST_LIVE = 16
REQUEST_MEMORY = MIB
"""For a request, beside its sound: a thread and what it reads."""
LEAST_ANSWERS = 8 * MIB
LEAST_CONNECTIONS, MOST_CONNECTIONS = 8, 4096
OWN_DESCRIPTORS = 24
"""Descriptors of a web process that neither clients nor requests have."""
REQUEST_DESCRIPTORS = 3
"""Of one request: a voice, a codec, a file of the cache."""


def size_settings(settings: Settings, grant: Grant) -> Settings:
    """The settings with nothing left open; what was set by hand stays as it is.

    Each process is counted with what it takes; of what is left, a third is for the cache and a half for
    answers. The rest is for what the kernel holds of connections, and for what is larger than thought.
    """
    web = settings.web or max(1, min(MOST_WEB, grant.cores, grant.memory // 8 // WEB_MEMORY))
    codecs = settings.codecs or max(1, min(MOST_CODECS, grant.cores, grant.memory // 8 // CODEC_MEMORY))
    workers = settings.workers or max(
        1, min(WORKERS_A_CORE * grant.cores, grant.memory // 5 // WORKER_MEMORY)
    )
    ears = settings.ears_workers or int(bool(settings.ears))
    taken = BASE_MEMORY + web * WEB_MEMORY + codecs * CODEC_MEMORY + workers * WORKER_MEMORY
    if ears:
        taken += ears * EARS_MEMORY + codecs * DECODER_MEMORY
    left = max(0, grant.memory - taken)
    cache = min(CACHE_MEMORY, left // 3) if settings.cache_bytes is None else settings.cache_bytes
    answers = min(ANSWER_MEMORY, max(LEAST_ANSWERS, (left - cache) // 2))
    files = max(4, grant.descriptors - OWN_DESCRIPTORS)
    admitted = min(MOST_ADMITTED, answers // 2 // REQUEST_MEMORY, files // 2 // REQUEST_DESCRIPTORS)
    admitted = settings.admitted or max(LEAST_ADMITTED, admitted)
    sockets = max(LEAST_CONNECTIONS, files - REQUEST_DESCRIPTORS * admitted)
    buffers = max(LEAST_CONNECTIONS, left // 4 // (2 * send_buffer(grant)))
    return dataclasses.replace(
        settings,
        threads=settings.threads or grant.cores,
        web=web,
        codecs=codecs,
        workers=workers,
        ears_workers=ears,
        admitted=admitted,
        live=settings.live or max(1, min(MOST_LIVE, admitted // 4)),
        cache_bytes=cache,
        answer_bytes=settings.answer_bytes or answers,
        connections=settings.connections or min(MOST_CONNECTIONS, sockets, buffers),
    )


def send_buffer(grant: Grant) -> int:
    """Bytes that the kernel is to keep of what one client has not taken yet; it takes twice as much."""
    return max(32 << 10, min(256 << 10, grant.memory >> 12))
