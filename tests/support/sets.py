"""Sets of wheels made from a few words, and what is proved of them."""

import pathlib

from envspec.lockfile.lock import LockedBase
from envspec.proof.prove import prove_lock
from envspec.supply.pip_settings import PipSettings
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.finding import Finding

from .specs import artifact, lock, spec, stage
from .wheels import CODE, wheel


class Sets:
    """Wheels in a folder, proved together by everything that is proved; findings of some rules are wanted."""

    def __init__(self, folder: pathlib.Path, rules: tuple[str, ...]) -> None:
        self.rules = rules
        self.folder = folder
        self.wheels: list[pathlib.Path] = []

    def add(
        self,
        name: str,
        version: str = "1.0",
        requires: tuple[str, ...] = (),
        place: str = "",
        **files: bytes,
    ) -> None:
        """A package with a module, and compiled files by their names, in `place` or its own folder."""
        module = name.replace("-", "_")
        inner: dict[str, str | bytes] = {f"{module}/__init__.py": CODE.format(version=version)}
        inner |= {f"{place or module + '/lib'}/{file}.so": data for file, data in files.items()}
        self.wheels.append(wheel(self.folder, name, version, files=inner, requires=requires))

    def proved(
        self, target: str, *asked: str, head: str = "", base: LockedBase | None = None
    ) -> list[Finding]:
        """The findings; `target` is what follows `[target]` in the spec."""
        store = Wheelhouse(self.folder / "store")
        for each in self.wheels:
            store.add(each)
        names = asked or tuple(artifact(each).name for each in self.wheels)
        wanted = spec(stage("one", *names), tail=f"[target]\n{target}", head=head)
        held = lock(*map(artifact, self.wheels), machine=wanted.machine, base=base or LockedBase(host=True))
        sources = Sources(wanted, PipSettings(no_index=True), offline=True)
        return [one for one in prove_lock(wanted, held, sources, store) if one.rule.startswith(self.rules)]
