"""The virtualenv backend: the plan carried out on this machine, without engine or root.

<home>/environments/<name>-<digest>/      a whole environment; it appears by one rename
<home>/environments/building/             work under way, swept by the next run
<home>/payloads/<digest>/                 the payload's code and what is copied beside it, kept apart so that
                                          editing it rebuilds nothing
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence

from builder.backends.activation import write_activation
from builder.image import travelling
from builder.image.loads import stage_modules
from builder.inside import guard, places
from builder.inside.trim import trim
from builder.values import models
from builder.values import payload as payload_files
from builder.values.copies import relative_files
from builder.values.copying import copy_file
from builder.values.environment import Environment
from builder.values.plan import Plan
from builder.values.program import PlannedProgram
from builder.values.shipping import Shipped, Shipping
from builder.values.stages import InstallStage
from builder.values.variables import expanded
from builder.values.verdict import Verdict
from builder.wheels.compiled import ASK, JOB, Python, WheelCompiler, checked
from builder.wheels.prefix import Prefix
from envspec.spec.model import digest_of
from envspec.spec.target import host_target
from envspec.supply import uv
from envspec.supply.pip_settings import PipSettings
from envspec.supply.wheel import Wheel
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import BuildError, OutsideError
from envspec.system.home import disk_refusals, holding, remove, tool_home
from envspec.system.interpreter import find_interpreter
from envspec.system.kept import touch
from envspec.system.machine import needs_linux, want_linux
from envspec.system.pattern import expression
from envspec.system.process import Completed, Words, run_process
from envspec.system.progress import Progress
from envspec.system.sandbox import Sandbox, best_sandbox, run_sandboxed, without_secrets
from envspec.system.scratch import scratch_folder
from envspec.system.seen import note_tree, settled, tree_holds

_SHORT = 16
"""Digits of a digest in a folder's name: enough to never meet another by chance."""

BUILDING = "building"
"""Folder with the environments under way."""


BUILDS_FOR = "the virtualenv backend builds for Linux"


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

    @property
    def sandbox(self) -> Sandbox:
        """The best that this machine allows."""
        return best_sandbox()

    def run(self, command: Sequence[str], *, stdin: str | None, timeout: float | None) -> Completed:
        """Run a command in the sandbox, with the environment's programs first on PATH."""
        return run_sandboxed(command, env=self.variables, input_text=stdin, timeout=timeout, nests=True)

    def follow(
        self, command: Sequence[str], *, stdin: str, timeout: float, on_line: Callable[[str], None]
    ) -> Completed:
        """As `run`, with every line of standard error handed on as it comes."""
        return run_sandboxed(
            command, env=self.variables, input_text=stdin, timeout=timeout, on_line=on_line, nests=True
        )


class VirtualenvBackend:
    """Builds virtual environments, one for each set of packages."""

    name = "virtualenv"
    reaches = True

    def __init__(self, environments: pathlib.Path | None = None, *, together: bool = False) -> None:
        """`environments` is the folder that holds them; left out, it is below the tool's home.

        `together` says that all in that folder are thrown away at once: they share their files by links,
        and what one build has unpacked the next one links.
        """
        self._environments = environments
        self._shared = environments if together else None

    def available(self) -> str | None:
        """It works wherever Linux does."""
        return needs_linux(BUILDS_FOR)

    def seek(self, image: str, machine: str, progress: Progress) -> None:
        """It stands on this machine, whatever image a spec names."""

    def build(self, plan: Plan, folder: pathlib.Path, store: Wheelhouse, progress: Progress) -> Environment:
        """Build, or find, the environment; trees that are editable are used in place.

        Raises `BuildError` and `OutsideError`.
        """
        want_linux(BUILDS_FOR, hint="use --backend docker or oci")
        planned, plan = plan, plan.model_copy(update={"stages": tuple(each.placed for each in plan.stages)})
        place = (self._environments or tool_home() / "environments") / _key(plan)
        reused = _stands(place)
        if not reused:
            _refuse_foreign(plan)
            with disk_refusals(place, needed=lambda: _installed_size(plan, store)), holding(place):
                reused = settled(place) and _stands(place)  # another run may have built it meanwhile
                if not reused:
                    self._build(plan, place, store, progress)
        touch(place)
        start = self._folder(plan, folder)
        return Environment(
            backend=self.name,
            reference=str(place),
            digest=planned.digest,
            python=str(place / "bin" / "python"),
            payload=start if plan.payload else None,
            folder=start,
            reused=reused,
            # What is used in place may be edited at any time: the plan knows what it was.
            contents=_contents(place) if plan == planned else digest_of([_contents(place), planned.digest]),
            variables={
                **models.local_model_variables(plan, folder),
                **plan.variables(str(place)),
            },
        )

    def _build(self, plan: Plan, place: pathlib.Path, store: Wheelhouse, progress: Progress) -> None:
        with scratch_folder("environment", place.parent / BUILDING) as workshop:
            building = workshop / place.name
            self._fill(plan, building, store, progress)
            write_activation(building / "bin" / "activate", expanded(plan.env, str(place), plan.python))
            remove(place)
            note_tree(building, place)
            building.rename(place)

    def _fill(self, plan: Plan, building: pathlib.Path, store: Wheelhouse, progress: Progress) -> None:
        # A cache that goes with the build: what is installed comes from the checked wheelhouse alone, hard
        # links from here are nobody else's, and nothing is kept twice.
        cache = (self._shared or building.parent) / "uv"
        env = uv.uv_environment(PipSettings()) | {"UV_CACHE_DIR": str(cache)}
        progress.step("virtualenv")
        command: Words = [uv.uv_program(), "venv", "--relocatable", "--no-project", "--no-config", "--quiet"]
        command += ["--prompt", plan.name, "--python", find_interpreter(plan.python, plan.patch), building]
        run_process(command, env=env, check=True, timeout=120)
        for stage in plan.stages:
            progress.step(f"stage {stage.name}")
            self._install(plan, stage, building, store, env)
        if self._shared is None:
            remove(cache)  # its hard links count among what the disk says of a file
        if plan.compiled:
            self._compile(plan, building, store)

    def _compile(self, plan: Plan, building: pathlib.Path, store: Wheelhouse) -> None:
        """Put what is loaded beside its sources, compiled: no process in the environment writes there.

        It is what images have, but for a mark by which Python looks whether the source was edited.
        """
        program = building / "bin" / "python"
        site = next(building.glob("lib/python*/site-packages"))

        def start(words: Words, text: str | None = None, out: pathlib.Path | None = None) -> str:
            done = run_sandboxed(
                [program, "-s", "-S", "-W", "ignore", *words],
                env={"PATH": os.defpath, "PYTHONHASHSEED": "0"},
                writable=[out] if out else [],
                cwd=building.parent,
                input_text=text,
                timeout=1800,
            )
            if not done.ok:
                raise done.refusal or BuildError(
                    f"its modules could not be compiled\n{done.tail}",
                    hint="run again, or set `compile = false` in the spec",
                )
            return done.stdout

        def run(folder: pathlib.Path, out: pathlib.Path) -> None:
            words: Words = ["-", out, "wheels", folder / JOB, folder]
            start(words, travelling.program("entrypoint.compile"), out)

        python = Python.told(start(["-c", ASK]))
        stages = [stage_modules(stage, plan.named, plan.loads, store) for stage in plan.stages]
        where = Prefix(root=places.ENVIRONMENT, version=plan.python, base_python="").site
        for files in WheelCompiler(python, where, store, run).stages(stages):
            for path, body in files.items():
                if (site / path).is_file():
                    place = site / python.beside(path)
                    place.parent.mkdir(exist_ok=True)
                    place.write_bytes(checked(body))

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
            with scratch_folder("stage") as folder:
                # uv asks the environment's interpreter, which starts as the wheels of earlier stages have it.
                done = run_sandboxed(
                    self._command(stage, building, store, folder),
                    env=uv.without_secrets(env),
                    writable=[self._shared or building.parent],
                    cwd=folder,
                    timeout=1800,
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
        store.require(stage.wheels)
        for wheel in stage.wheels:
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

    def _folder(self, plan: Plan, folder: pathlib.Path) -> str | None:
        """The folder that programs start in, with code and copies; None where there is neither."""
        copied = relative_files(plan.copies)
        payload = plan.payload if plan.service else None
        if payload is None and not copied:
            return None
        digest = (
            payload.digest
            if payload and not copied
            else digest_of(
                [payload and payload.digest, [copy.digest for copy in plan.copies if not copy.absolute]]
            )
        )
        place = tool_home() / "payloads" / digest.removeprefix("sha256:")[:_SHORT]
        if not tree_holds(place):
            with disk_refusals(place), holding(place):
                if not settled(place):
                    with scratch_folder("payload", place.parent) as workshop:
                        building = workshop / "payload"
                        building.mkdir()
                        for path, (copy, file) in copied.items():
                            copy_file(copy, file, folder, building / path)
                        if payload is not None and plan.service is not None:
                            payload_files.copy_payload(payload, plan.service, folder, building)
                        note_tree(building, place)
                        building.rename(place)
        touch(place)
        return str(place)

    def run(
        self,
        environment: Environment,
        command: Sequence[str],
        *,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        program: PlannedProgram | None = None,
        network: bool = False,
    ) -> Completed:
        """Run a command in the sandbox, as this user, with the environment's programs first on PATH."""
        variables = {**self.variables(environment), **(env or {})}
        return run_sandboxed(
            command,
            env=variables,
            cwd=self.folder(environment, program),
            input_text=stdin,
            timeout=timeout,
            asks_itself=True,
            reaches=network,
        )

    @staticmethod
    def folder(environment: Environment, program: PlannedProgram | None) -> pathlib.Path | None:
        """Where a program starts: in its own folder where that is here, else beside what was copied."""
        own = pathlib.Path(program.workdir) if program and program.workdir else None
        if own is not None and own.is_dir():
            return own
        start = environment.folder or environment.payload
        return pathlib.Path(start) if start else None

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
        own = without_secrets(os.environ)
        inherited = {name: value for name, value in own.items() if not name.startswith("PYTHON")}
        return {
            **inherited,
            **environment.variables,
            "PATH": os.pathsep.join((bin_folder, os.environ.get("PATH", os.defpath))),
            "VIRTUAL_ENV": environment.reference,
            "PYTHONDONTWRITEBYTECODE": "1",
            **({"PYTHONPATH": environment.payload} if environment.payload else {}),
        }


def _key(plan: Plan) -> str:
    """Name of the environment's folder: by its packages, and by the variables that its `activate` sets."""
    digest = plan.packages_digest
    if plan.env:
        digest = digest_of({"packages": digest, "env": dict(plan.env)})
    return f"{plan.name}-{digest.removeprefix('sha256:')[:_SHORT]}"


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
    return digest_of([str(place), *([file.parent.name, _lasting(file)] for file in files)])


def _lasting(file: pathlib.Path) -> str:
    """Digest of the lines, but for that of a note in which uv keeps a wheel's date, which changes nothing."""
    lines = file.read_bytes().splitlines()
    return hashlib.sha256(b"\n".join(line for line in lines if b"/uv_cache.json," not in line)).hexdigest()


def _stands(place: pathlib.Path) -> bool:
    """Whether the environment is as it was built and the interpreter that it leans on has not gone since."""
    return bool(tree_holds(place)) and (place / "bin" / "python").exists()


def _refuse_foreign(plan: Plan) -> None:
    """Wheels for another C library or processor, or a newer glibc, would install here and fail to load."""
    here = host_target(plan.python)
    for stage in plan.stages:
        for wheel in stage.wheels:
            if here.rank(wheel.file) is None:
                raise OutsideError(
                    f"{wheel.file} cannot run on this machine ({here.platform})",
                    hint="build with --backend docker or oci, or set `[base] host = true` and lock again",
                )
