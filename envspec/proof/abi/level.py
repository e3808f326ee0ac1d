"""EV180: compiled files that say they need a newer x86-64 than the target's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from envspec.proof.abi.binary import Binary
from envspec.system import rules
from envspec.system.finding import Finding
from envspec.system.quoting import with_version

_CHOSEN = re.compile(r"(?i)glibc-hwcaps|x86[-_]64[-_]?v\d|avx|sse4|haswell|skylake|[._-]v[234](?=[./_-])")
"""Names of files that are there beside plainer ones, and are chosen where they fit."""


def level_findings(
    cpu: str | None, binaries: Mapping[str, Sequence[Binary]], versions: Mapping[str, str]
) -> Iterator[Finding]:
    """Files whose note says x86-64-vN above `cpu`: glibc refuses to load them there (2.33 and newer)."""
    if cpu is None:
        return
    has = int(cpu[-1])
    for package, files in binaries.items():
        above = [
            binary
            for binary in files
            if binary.elf and binary.elf.cpu_level > has and not _CHOSEN.search(binary.path)
        ]
        if above:
            level = max(binary.elf.cpu_level for binary in above if binary.elf)
            more = f" and {len(above) - 1} more files" if len(above) > 1 else ""
            yield rules.PROCESSOR_OLD.finding(
                f"{with_version(package, versions)} needs processors of x86-64-v{level} by what "
                f"{above[0].path}"
                f"{more} says; the target's are x86-64-v{has}",
                hint=f"pin another {package}, whose wheel was made for older processors, or raise "
                "[target] cpu",
                where=package,
            )
