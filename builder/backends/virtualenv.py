"""The virtualenv backend: the plan carried out on this machine, without engine or root.

<home>/environments/<name>-<digest>/      a whole environment; it appears by one rename
<home>/environments/building/             work under way, swept by the next run
<home>/payloads/<digest>/                 the payload's code, kept apart so that editing it rebuilds nothing
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence

from builder.inside import guard
from builder.inside.trim import trim
from builder.values import models
from builder.values import payload as payload_files
from builder.values.environment import Environment
from builder.values.plan import InstallStage, Plan
from builder.values.shipping import Shipped, Shipping
from builder.values.verdict import Verdict
from envspec.spec.model import digest_of
from envspec.spec.target import Target, host_glibc
from envspec.supply import uv
from envspec.supply.facts import sha256_of
from envspec.supply.pip_settings import PipSettings
from envspec.supply.wheel import Wheel
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import BuildError, OutsideError
from envspec.system.home import disk_refusals, holding, tool_home
from envspec.system.interpreter import find_interpreter
from envspec.system.pattern import expression
from envspec.system.process import Completed, Words, run_process
from envspec.system.progress import Progress

_SHORT = 16
"""Digits of a digest in a folder's name: enough to never meet another by chance."""

_BUILDING = ".payload-"
"""Begins the name of a payload that is being copied."""

_ABANDONED = 3600.0
"""Seconds after which nobody copies a payload any more."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class VirtualenvSubject:
    """A virtual environment of this machine under judgement, which says how far a command is."""

    label: str
    """Its folder."""
    python: str
    variables: Mapping[str, str]
    """Of every process in it; the payload's code is not on Python's path."""

    @property
    def root(self) -> pathlib.Path:
        """The root of this machine."""
        return pathlib.Path("/")

    def run(self, command: Sequence[str], *, stdin: str | None, timeout: float | None) -> Completed:
        """Run a command with the environment's programs first on PATH."""
        return run_process(command, env=self.variables, input_text=stdin, timeout=timeout)

    def follow(
        self, command: Sequence[str], *, stdin: str, timeout: float, on_line: Callable[[str], None]
    ) -> Completed:
        """As `run`, with every line of standard error handed on as it comes."""
        return run_process(command, env=self.variables, input_text=stdin, timeout=timeout, on_line=on_line)


class VirtualenvBackend:
    """Builds virtual environments below the tool's home, one for each set of packages."""

    name = "virtualenv"

    def available(self) -> str | None:
        """It works wherever this program does."""
        return None

    def build(self, plan: Plan, folder: pathlib.Path, store: Wheelhouse, progress: Progress) -> Environment:
        """Build, or find, the environment. Raises `BuildError` and `OutsideError`."""
        key = f"{plan.name}-{plan.packages_digest.removeprefix('sha256:')[:_SHORT]}"
        place = tool_home() / "environments" / key
        reused = _stands(place)
        if not reused:
            _refuse_foreign(plan)
            with disk_refusals(place, needed=lambda: _installed_size(plan, store)), holding(place):
                reused = _stands(place)  # another run may have built it meanwhile
                if not reused:
                    self._build(plan, place, store, progress)
        return Environment(
            backend=self.name,
            reference=str(place),
            digest=plan.digest,
            python=str(place / "bin" / "python"),
            payload=self._payload(plan, folder),
            reused=reused,
            contents=_contents(place),
            variables={
                **models.local_model_variables(plan, folder),
                **(plan.service.env if plan.service else {}),
            },
        )

    def _build(self, plan: Plan, place: pathlib.Path, store: Wheelhouse, progress: Progress) -> None:
        building = _workshop(place)
        try:
            self._fill(plan, building, store, progress)
            shutil.rmtree(place, ignore_errors=True)
            building.rename(place)
        finally:
            shutil.rmtree(building.parent, ignore_errors=True)

    def _fill(self, plan: Plan, building: pathlib.Path, store: Wheelhouse, progress: Progress) -> None:
        # A cache that goes with the build: what is installed comes from the checked wheelhouse alone, hard
        # links from here are nobody else's, and nothing is kept twice.
        env = uv.uv_environment(PipSettings()) | {"UV_CACHE_DIR": str(building.parent / "uv")}
        progress.step("virtualenv")
        command: Words = [uv.uv_program(), "venv", "--relocatable", "--no-project", "--no-config", "--quiet"]
        command += ["--prompt", plan.name, "--python", find_interpreter(plan.python), building]
        run_process(command, env=env, check=True, timeout=120)
        for stage in plan.stages:
            progress.step(f"stage {stage.name}")
            self._install(plan, stage, building, store, env)

    def _install(
        self,
        plan: Plan,
        stage: InstallStage,
        building: pathlib.Path,
        store: Wheelhouse,
        env: Mapping[str, str],
    ) -> None:
        site = next(building.glob("lib/python*/site-packages"))
        if stage.wheels:
            with tempfile.TemporaryDirectory(prefix="envspec-stage-") as name:
                done = run_process(
                    self._command(stage, building, store, pathlib.Path(name)), env=env, timeout=1800
                )
            if not done.ok:
                raise done.refusal or BuildError(
                    f"stage {stage.name} could not be installed\n{done.tail}",
                    hint="the wheel it names may be damaged: `envspec lock` again, or pin another version",
                )
        if wrong := guard.check(site, plan.pins_until(stage.name)):
            raise BuildError(
                f"stage {stage.name} moved what stood before it: {'; '.join(wrong)}",
                hint="one of its wheels writes over another package: leave it out or pin another version",
            )
        trim(site, expression(stage.trim))

    def _command(
        self, stage: InstallStage, building: pathlib.Path, store: Wheelhouse, folder: pathlib.Path
    ) -> Words:
        """uv's command for exactly the stage's wheels, offered to it in a folder of their own."""
        requirements = folder / "requirements.txt"
        for wheel in stage.wheels:
            if not store.verify(wheel):
                raise OutsideError(
                    f"{wheel.file} in the wheelhouse was damaged and has been thrown away", hint="run again"
                )
            (folder / wheel.file).symlink_to(store.path(wheel))
        requirements.write_text(
            "".join(f"{w.name}=={w.version} --hash=sha256:{w.sha256}\n" for w in stage.wheels)
        )
        command: Words = [
            uv.uv_program(),
            "pip",
            "install",
            "--quiet",
            "--no-config",
            "--no-index",
            "--offline",
        ]
        command += ["--no-deps", "--require-hashes", "--find-links", folder, "--link-mode", "hardlink"]
        return [*command, "--python", building / "bin" / "python", "--requirement", requirements]

    def _payload(self, plan: Plan, folder: pathlib.Path) -> str | None:
        if plan.payload is None or plan.service is None:
            return None
        place = tool_home() / "payloads" / plan.payload.digest.removeprefix("sha256:")[:_SHORT]
        if not place.is_dir():
            with disk_refusals(place), holding(place):
                if not place.is_dir():
                    _sweep(place.parent)
                    with tempfile.TemporaryDirectory(dir=place.parent, prefix=_BUILDING) as name:
                        building = pathlib.Path(name) / "payload"
                        payload_files.copy_payload(plan.payload, plan.service, folder, building)
                        building.rename(place)
        return str(place)

    def run(
        self,
        environment: Environment,
        command: Sequence[str],
        *,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Completed:
        """Run a command with the environment's programs first on PATH."""
        variables = {**self.variables(environment), **(env or {})}
        cwd = pathlib.Path(environment.payload) if environment.payload else None
        return run_process(command, env=variables, cwd=cwd, input_text=stdin, timeout=timeout)

    def subject(self, environment: Environment) -> VirtualenvSubject:
        """The environment as the judge sees it."""
        bare = dataclasses.replace(environment, payload=None)
        return VirtualenvSubject(
            label=environment.reference,
            python=environment.python,
            variables=self.variables(bare),
        )

    def ship(
        self,
        environment: Environment,
        verdict: Verdict,  # noqa: ARG002 -- the port's
        wanted: Shipping,  # noqa: ARG002
        progress: Progress,  # noqa: ARG002
    ) -> Shipped:
        """A virtual environment stays where it is; `choose_backend` has refused all other wishes."""
        return Shipped(reference=environment.reference)

    @staticmethod
    def variables(environment: Environment) -> dict[str, str]:
        """The variables of a process in the environment: nothing foreign on Python's path."""
        bin_folder = str(pathlib.Path(environment.python).parent)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return {
            **inherited,
            **environment.variables,
            "PATH": os.pathsep.join((bin_folder, os.environ.get("PATH", os.defpath))),
            "VIRTUAL_ENV": environment.reference,
            "PYTHONDONTWRITEBYTECODE": "1",
            **({"PYTHONPATH": environment.payload} if environment.payload else {}),
        }


def _sweep(payloads: pathlib.Path) -> None:
    """Remove what killed runs left; what is younger may be the work of a run beside this one."""
    for left in payloads.glob(f"{_BUILDING}*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                shutil.rmtree(left, ignore_errors=True)


def _workshop(place: pathlib.Path) -> pathlib.Path:
    """A folder to build in, of this run alone: what a killed run had started may still write into its own.

    What earlier runs left of the same environment is swept.
    """
    workshops = place.parent / "building"
    workshops.mkdir(parents=True, exist_ok=True)
    for left in workshops.glob(f"{place.name}-*"):
        shutil.rmtree(left, ignore_errors=True)
    return pathlib.Path(tempfile.mkdtemp(dir=workshops, prefix=f"{place.name}-")) / place.name


def _installed_size(plan: Plan, store: Wheelhouse) -> int:
    """Bytes of what the plan's wheels hold, as far as the wheelhouse has them."""
    size = 0
    for wheel in (wheel for stage in plan.stages for wheel in stage.wheels if store.has(wheel)):
        with Wheel(store.path(wheel)) as opened:
            size += sum(entry.size for entry in opened.entries)
    return size


def _contents(place: pathlib.Path) -> str:
    """Digest of what is installed, as each RECORD has it, and of the interpreter that it was made for."""
    files = [place / "pyvenv.cfg", *sorted(place.glob("lib/python*/site-packages/*.dist-info/RECORD"))]
    return digest_of([str(place), *([file.parent.name, sha256_of(file)] for file in files)])


def _stands(place: pathlib.Path) -> bool:
    """Whether the environment is there and the interpreter that it leans on has not gone meanwhile."""
    return (place / "bin" / "python").exists()


def _refuse_foreign(plan: Plan) -> None:
    """Wheels chosen for a newer glibc, or another processor, would install here and fail to load."""
    here = Target(python=plan.python, machine=os.uname().machine, glibc=host_glibc())
    for stage in plan.stages:
        for wheel in stage.wheels:
            if here.rank(wheel.file) is None:
                raise OutsideError(
                    f"{wheel.file} cannot run on this machine ({here.platform})",
                    hint="build with --backend docker or oci, or set `[base] host = true` and lock again",
                )
