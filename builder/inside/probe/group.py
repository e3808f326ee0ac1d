"""Imports a family of modules: the root in one process, every compiled module in a fork below its parents."""

from __future__ import annotations

import faulthandler
import functools
import gc
import importlib
import os
import sys
import tempfile
import types

from . import child, importing, naming, usage
from .worker import limit, serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


class Group:
    """The importer of one family of modules: it reports line by line, each import at its begin and end."""

    def __init__(self, job: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
        self.say = say
        self.timeout = float(job["timeout"])
        self.guarded = list(job["guarded"])
        self.attributes = dict(job.get("attributes", {}))
        self.preload = list(job.get("preload", ()))
        self.uses = dict(job.get("uses", {}))
        self.names = {}  # type: dict[str, str]
        self.witness = None  # type: importing.Witness | None
        # Where the watch on a slow import writes: what is printed is the module's own.
        self.dump = tempfile.TemporaryFile()

    def import_family(self, roots: list[tuple[str, list[str]]]) -> None:
        """Import the first root, and on top of it the modules below it and the other roots of the family.

        What the first takes along need not be imported again for each; where it fails, they stand alone.
        """
        (first, below), others = roots[0], roots[1:]
        went = self.step(first, lambda: self.spread(first, below, others))
        if not went:
            for root, inner in others:
                self.step(root, functools.partial(self.go_through, root, inner))

    def spread(self, first: str, below: list[str], others: list[tuple[str, list[str]]]) -> None:
        """In the process that holds the first root."""
        self.descend(first, below)
        for root, inner in others:
            self.step(root, functools.partial(self.go_through, root, inner))
        self.read(first)

    def go_through(self, root: str, below: list[str]) -> None:
        """In the process that holds a root: the modules below it, and what its code uses of others."""
        self.descend(root, below)
        self.read(root)

    def read(self, root: str) -> None:
        """What the code of a root uses of others, if that is asked: here it need not be imported again."""
        for job in self.uses.get(root, ()):
            usage.carry_out(dict(job, timeout=self.timeout), self.say)

    def step(self, name: str, then: Callable[[], None] | None = None) -> bool:
        """One import in one process; `then` goes on in that process if it succeeded, which is returned."""
        self.say({"begin": name})
        there = self.loaded(name)
        if there:
            self.say({"end": name, "outcome": {"seconds": 0.0, "file": there, "warnings": []}})
            if then is not None:
                then()
            return True
        ends = []  # type: list[dict[str, Any]]

        def go_on(found: dict[str, Any]) -> None:
            if then is not None and "error" not in found:
                keep_as_it_is()
                then()

        child.step(
            lambda: self.work(name),
            timeout=self.timeout,
            tell=lambda result: ends.append(self.tell(name, result)),
            then=go_on,
        )
        return bool(ends) and "file" in ends[0] and "error" not in ends[0]

    def loaded(self, name: str) -> str:
        """The file of a module that this process has already, as a parent imported it; empty without one.

        To import it once more would tell nothing new, unless something else stands in its place.
        """
        module = sys.modules.get(self.named(name))
        file = vars(module).get("__file__") if type(module) is types.ModuleType else None
        asked = self.attributes.get(name) or self.preload
        return os.path.realpath(file) if isinstance(file, str) and not asked else ""

    def work(self, name: str) -> dict[str, Any]:
        """In the child: the import itself, under limits, watched."""
        limit(self.timeout)
        found = naming.standing(self.named(name))
        if found is not None:
            return found
        faulthandler.enable()
        for file in self.preload:
            try:
                ctypes = importlib.import_module("ctypes")
                ctypes.CDLL(file, mode=ctypes.RTLD_GLOBAL)
            except OSError as error:
                return {"seconds": 0.0, "error": importing.describe(error)}
        self.dump.truncate(0)
        # Once is enough: what computes is ended soon after, and what waits still waits where it did.
        dumped = max(child.COMPUTING * self.timeout - 0.5, 0.5)
        faulthandler.dump_traceback_later(dumped, exit=False, file=self.dump)
        if self.witness is None:
            self.witness = importing.Witness(self.guarded)
        found = importing.import_module(self.named(name), self.witness, self.attributes.get(name, []))
        faulthandler.cancel_dump_traceback_later()
        return found

    def tell(self, name: str, result: dict[str, Any]) -> dict[str, Any]:
        """Report how one import ended; returns the outcome."""
        value = result.pop("value", None) or {}
        outcome = dict(result, **value)
        if not value:
            self.dump.seek(0)
            outcome["output"] = outcome.get("output", "") + self.dump.read().decode("utf-8", "replace")
        self.say({"end": name, "outcome": outcome})
        return outcome

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
        if not any(went) and not self.pass_renamed(package, inner):
            for name in inner:
                self.step(name)

    def pass_renamed(self, package: str, inner: list[str]) -> bool:
        """The same by the name under which a hook serves the parent; False where there is none."""
        went = []  # type: list[str]

        def go_on(name: str) -> None:
            self.names[package] = name
            if name:
                self.descend(package, inner)

        child.step(
            lambda: self.rename(package),
            timeout=self.timeout,
            tell=lambda result: went.append(result.get("value") or ""),
            then=go_on,
        )
        return any(went)

    def rename(self, package: str) -> str:
        """In the child: the other name of a parent that can be imported by it; empty without one."""
        limit(self.timeout)
        name = naming.other_name(package)
        return name if name and self.enter(name) else ""

    def named(self, module: str) -> str:
        """The name by which a module is imported."""
        for place, name in self.names.items():
            if module == place or module.startswith(place + "."):
                return name + module[len(place) :]
        return module

    def enter(self, package: str) -> bool:
        """In the child: whether a parent can be imported."""
        limit(self.timeout)
        try:
            importlib.import_module(self.named(package))
        except BaseException:
            return False
        return True


def keep_as_it_is() -> None:
    """Let no collection of what this process holds by now copy its memory into each of the forks to come."""
    if hasattr(gc, "freeze"):
        gc.freeze()


def carry_out(job: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """Import one family, or some one after the other: a step leaves nothing behind but what it reports."""
    for each in job.get("together", [job]):
        family = Group(dict(job, **each), say)
        family.import_family(each["roots"])
        family.dump.close()
        say({"through": each["root"]})


def main(bundle: dict[str, Any]) -> None:  # noqa: ARG001
    """Import families. Job keys: `roots`, `timeout`, `guarded`, `attributes`, and `uses` by root.

    In place of roots there may be jobs `together`.
    """
    serve(carry_out)
