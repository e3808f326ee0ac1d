"""Free-threaded builds: a module that turns the interpreter lock on again is told once, by its owner."""

import re

from builder.judge.facts import Facts
from builder.judge.judge import NO_CHECKS
from builder.judge.rules.imports import judge_imports
from builder.judge.rules.threads import judge_threads
from tests.builder.verify.facts import SITE, STDLIB, facts

SAID = (
    "The global interpreter lock (GIL) has been enabled to load module '{}', which has not declared that it "
    "can run safely without the GIL. To override this behavior and keep the GIL disabled (at your own risk), "
    "run with PYTHON_GIL=0 or -Xgil=0."
)


def environment(*modules: str, threads: bool = True) -> Facts:
    """An environment whose package `wanted` was imported, and what Python warned of meanwhile."""
    warnings = [
        {"category": "RuntimeWarning", "message": SAID.format(each), "file": f"{SITE}/wanted/__init__.py"}
        for each in modules
    ]
    markers = {"python_version": "3.14", "implementation_name": "cpython", "platform_machine": "x86_64",
               "sys_platform": "linux"}  # fmt: skip
    python = {"version": "3.14.2", "stdlib": STDLIB, "real_stdlib": STDLIB, "markers": markers}
    done = {"module": "wanted", "seconds": 0.1, "warnings": warnings}
    return facts(done, python={**python, "free_threaded": threads})


def test_the_owner_of_the_module_is_named_with_what_to_do() -> None:
    (finding,) = judge_threads(environment("wanted._speed", "wanted._more"))
    assert (finding.rule, finding.severity, finding.where) == ("EV248", "warning", "wanted")
    assert {"wanted._more", "wanted._speed"} <= set(re.findall(r"[\w.]+", finding.message))
    assert 'PYTHON_GIL = "0"' in finding.hint


def test_each_owner_is_told_once() -> None:
    found = list(judge_threads(environment("wanted._speed", "helper.core", "nobody")))
    assert [each.where for each in found] == ["helper", "nobody", "wanted"]


def test_nothing_is_said_where_the_lock_stays_off_or_always_is_on() -> None:
    assert list(judge_threads(environment())) == []
    assert list(judge_threads(environment("wanted._speed", threads=False))) == []


def test_it_is_no_noise_besides() -> None:
    found = judge_imports(environment("wanted._speed"), NO_CHECKS)
    assert "EV206" not in [each.rule for each in found]
