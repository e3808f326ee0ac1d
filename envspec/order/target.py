"""The Python and the platform that an order is simulated for."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Mapping

from envspec import process
from envspec.errors import OutsideError

_ASK = """
import json, os, platform, sys
v = sys.implementation.version
print(json.dumps({
    "implementation_name": sys.implementation.name,
    "implementation_version": "%d.%d.%d" % v[:3],
    "os_name": os.name,
    "platform_machine": platform.machine(),
    "platform_python_implementation": platform.python_implementation(),
    "platform_release": platform.release(),
    "platform_system": platform.system(),
    "platform_version": platform.version(),
    "python_full_version": platform.python_version(),
    "python_version": ".".join(platform.python_version_tuple()[:2]),
    "sys_platform": sys.platform,
}))
"""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where the stages would run: CPython on Linux with glibc."""

    python: str
    """`3.11` or `3.11.7`."""
    interpreter: pathlib.Path | None = None
    """An interpreter of that version on this machine; without one pip is made to believe in it."""
    machine: str = "x86_64"
    glibc: tuple[int, int] = (2, 36)

    @property
    def short(self) -> str:
        """`3.11`."""
        return ".".join(self.python.split(".")[:2])

    @property
    def markers(self) -> Mapping[str, str]:
        """What requirement markers are judged by; `OutsideError` if the interpreter does not answer."""
        if self.interpreter is None:
            return self._supposed_markers()
        answer = process.run([self.interpreter, "-I", "-c", _ASK], timeout=60)
        try:
            found: dict[str, str] = json.loads(answer.stdout)
        except ValueError as error:
            raise OutsideError(f"{self.interpreter} does not work: {answer.tail}") from error
        return found

    def _supposed_markers(self) -> Mapping[str, str]:
        full = self.python if self.python.count(".") >= 2 else f"{self.python}.0"
        return {
            "implementation_name": "cpython",
            "implementation_version": full,
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": full,
            "python_version": self.short,
            "sys_platform": "linux",
        }

    @property
    def pip_options(self) -> tuple[str, ...]:
        """The words that make pip take files for this target when it runs under another Python."""
        tag = "cp" + self.short.replace(".", "")
        major, minor = self.glibc
        platforms = [f"manylinux_{major}_{number}_{self.machine}" for number in range(minor, 4, -1)]
        platforms += [f"{name}_{self.machine}" for name in ("manylinux2014", "manylinux2010", "manylinux1")]
        words = ["--python-version", self.short, "--implementation", "cp"]
        words += [word for abi in (tag, f"{tag}m", "abi3", "none") for word in ("--abi", abi)]
        words += [word for name in (*platforms, f"linux_{self.machine}") for word in ("--platform", name)]
        return tuple(words)
