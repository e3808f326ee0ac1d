"""Judges compatibility tags: was a distribution made for this Python and this platform?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.judge.facts import Distribution, Facts
from envspec.system import rules
from envspec.system.finding import Finding, Severity


def judge_wheels(facts: Facts) -> Iterator[Finding]:
    """Findings about distributions none of whose tags suits the environment."""
    for each in facts.distributions:
        if each.tags and not any(suits(tag, facts) for tag in each.tags):
            yield rules.FOREIGN_WHEEL.finding(
                f"{each.name} {each.version} was made for {', '.join(each.tags[:3])}, and this is "
                f"Python {facts.python['version']} on {facts.python['platform']}",
                hint=f"install {each.name} with this interpreter's own installer, without a platform option",
                where=each.name,
                severity=None if _is_compiled(each) else Severity.WARNING,
            )


def _is_compiled(dist: Distribution) -> bool:
    return any(not tag.endswith("-none-any") for tag in dist.tags)


def suits(tag: str, facts: Facts) -> bool:
    """Whether an expanded tag such as `cp311-cp311-manylinux_2_17_x86_64` suits this interpreter."""
    python, _, rest = tag.partition("-")
    abi, _, platform = rest.partition("-")
    return _suits_python(python, abi, facts) and any(
        _suits_platform(each, facts) for each in platform.split(".")
    )


def _suits_python(python: str, abi: str, facts: Facts) -> bool:
    markers = facts.python["markers"]
    here = tuple(int(part) for part in markers["python_version"].split("."))
    found = re.fullmatch(r"(py|cp|pp)(\d)(\d*)", python)
    if found is None:
        return True
    kind, major, minor = found[1], int(found[2]), found[3]
    wanted = (major, int(minor)) if minor else (major,)
    if kind != "py" and {"cp": "cpython", "pp": "pypy"}[kind] != markers["implementation_name"]:
        return False
    free_threaded = facts.python["free_threaded"]
    if kind == "cp" and abi not in ("abi3", "abi3t", "none"):
        return here == wanted and abi.endswith("t") == free_threaded
    if abi == "abi3" and free_threaded:  # source: PEP 703 and PEP 803
        return False
    return here[: len(wanted)] >= wanted and here[0] == major


def _suits_platform(platform: str, facts: Facts) -> bool:
    machine = facts.python["markers"]["platform_machine"]
    system = facts.python["markers"]["sys_platform"]
    if platform == "any":
        return True
    if system != "linux":
        return {"darwin": "macosx", "win32": "win"}.get(system, system) in platform
    if not platform.endswith("_" + machine) and not (machine == "armv7l" and platform.endswith("armv7l")):
        return False
    if platform.startswith("musllinux"):
        return not facts.python["libc"].startswith("glibc")
    if platform.startswith("manylinux"):
        return not facts.python["libc"].startswith("musl")
    return platform.startswith("linux_")
