"""Where an order is simulated: the target, and an interpreter of its Python if this machine has one."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Mapping

from envspec.spec.target import Target
from envspec.system import process
from envspec.system.errors import OutsideError

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
class PipTarget:
    """Where the stages would run."""

    target: Target
    interpreter: pathlib.Path | None = None
    """An interpreter of the target's version on this machine; without one pip is made to believe in it."""

    @property
    def markers(self) -> Mapping[str, str]:
        """What requirement markers are judged by; `OutsideError` if the interpreter does not answer."""
        if self.interpreter is None:
            return self.target.markers()
        answer = process.run_process([self.interpreter, "-I", "-c", _ASK], timeout=60)
        try:
            found: dict[str, str] = json.loads(answer.stdout)
        except ValueError as error:
            raise OutsideError(f"{self.interpreter} does not work: {answer.tail}") from error
        return found

    @property
    def pip_options(self) -> tuple[str, ...]:
        """The words that make pip take files for this target when it runs under another Python."""
        stable = "abi3t" if self.target.free_threaded else "abi3"
        words = ["--python-version", self.target.release, "--implementation", "cp"]
        words += [word for abi in (self.target.abi, stable, "none") for word in ("--abi", abi)]
        words += [word for name in self.target.platforms() for word in ("--platform", name)]
        return tuple(words)
