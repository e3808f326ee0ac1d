"""Imports a family of modules: the root in one process, every compiled module in a fork below its parents."""

from __future__ import annotations

import faulthandler
import functools
import importlib
import json
import os
import resource

from . import child, importing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


class Group:
    """One family. Outcomes go to the report as JSON lines, each announced before it begins."""

    def __init__(self, job: dict[str, Any], report: int) -> None:
        self.report = report
        self.timeout = float(job["timeout"])
        self.guarded = list(job["guarded"])
        self.attributes = dict(job.get("attributes", {}))
        self.witness = None  # type: importing.Witness | None

    def say(self, line: dict[str, Any]) -> None:
        """One line of the report."""
        os.write(self.report, json.dumps(line).encode("utf-8", "replace") + b"\n")

    def run(self, root: str, below: list[str]) -> None:
        """Import `root`, then each module of `below` under its own parents."""
        self.step(root, lambda: self.descend(root, below))

    def step(self, name: str, then: Callable[[], None] | None = None) -> None:
        """One import in one process; `then` goes on in that process if it succeeded."""
        self.say({"begin": name})

        def go_on(found: dict[str, Any]) -> None:
            if then is not None and "error" not in found:
                then()

        child.step(
            lambda: self.work(name),
            timeout=self.timeout,
            tell=lambda result: self.tell(name, result),
            then=go_on,
        )

    def work(self, name: str) -> dict[str, Any]:
        """In the child: the import itself, under limits, watched."""
        limit(self.timeout)
        faulthandler.enable()
        faulthandler.dump_traceback_later(max(self.timeout - 0.5, 0.5), exit=False)
        if self.witness is None:
            self.witness = importing.Witness(self.guarded)
        found = importing.outcome(name, self.witness, self.attributes.get(name, []))
        faulthandler.cancel_dump_traceback_later()
        return found

    def tell(self, name: str, result: dict[str, Any]) -> None:
        """Report how one import ended."""
        value = result.pop("value", None) or {}
        self.say({"end": name, "outcome": dict(result, **value)})

    def descend(self, package: str, below: list[str]) -> None:
        """The modules below `package`, which is imported here: subpackages that hold some recursively."""
        prefix = package + "."
        families = {}  # type: dict[str, list[str]]
        for name in below:
            first, _, rest = name[len(prefix) :].partition(".")
            families.setdefault(prefix + first, []).extend([name] if rest else [])
        for name, inner in families.items():
            if inner and name not in below:
                self.pass_through(name, inner)
            elif inner:
                self.step(name, functools.partial(self.descend, name, inner))
            else:
                self.step(name)

    def pass_through(self, package: str, inner: list[str]) -> None:
        """A parent that is not judged itself: where it fails, each module below says so for itself."""
        went = []  # type: list[bool]
        child.step(
            lambda: self.enter(package),
            timeout=self.timeout,
            tell=lambda result: went.append(bool(result.get("value"))),
            then=lambda entered: self.descend(package, inner) if entered else None,
        )
        if not any(went):
            for name in inner:
                self.step(name)

    def enter(self, package: str) -> bool:
        """In the child: whether a parent can be imported."""
        limit(self.timeout)
        try:
            importlib.import_module(package)
        except BaseException:
            return False
        return True


def limit(timeout: float) -> None:
    """Bound what one import may take: processor time, file sizes, no core dumps."""
    bound(resource.RLIMIT_CORE, 0)
    bound(resource.RLIMIT_FSIZE, 1 << 30)
    used = resource.getrusage(resource.RUSAGE_SELF)
    bound(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + 8 * timeout) + 1)


def bound(kind: int, value: int) -> None:
    """Set a soft limit, never above the hard one."""
    hard = resource.getrlimit(kind)[1]
    try:
        resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
    except (OSError, ValueError):
        pass


def main(job: dict[str, Any], report: int, kinds: dict[str, Any]) -> None:
    """Carry out one job: `root`, `below`, `timeout`, `guarded`, `attributes`, or one of another `kind`."""
    os.set_inheritable(report, False)
    child.prctl(child.PR_SET_CHILD_SUBREAPER, 1)
    group = Group(job, report)
    group.say({"started": True})
    if job.get("kind") in kinds:
        kinds[job["kind"]](job, group.say)
    else:
        group.run(job["root"], list(job.get("below", [])))
    group.say({"done": True})
