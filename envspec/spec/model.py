"""The spec: what a user writes in `envspec.toml`, as frozen values."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import pathlib
import re
import urllib.parse
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import pydantic
from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from pydantic import AfterValidator, Field, StrictBool, StringConstraints

from envspec.spec.cards import Architecture, architectures
from envspec.spec.constraint import ConstraintText
from envspec.spec.drivers import Driver, contradiction
from envspec.spec.files import Copy
from envspec.spec.part import Part
from envspec.spec.program import HeardWish, Program, Run, RunChanges, Seconds
from envspec.spec.python import PythonWish, parse_python
from envspec.spec.types import (
    MODULE,
    OWN_INDEX,
    AptPackage,
    CardName,
    EnvName,
    EnvTable,
    ImageName,
    IndexName,
    JsonObject,
    Libc,
    Line,
    Machine,
    ModelName,
    Module,
    Moment,
    Name,
    PackageName,
    Pattern,
    PythonVersion,
    RelativePath,
    Sha256,
    SizeText,
    Suite,
    bounded,
)
from envspec.spec.words import InstallText, SourceWord, source_word
from envspec.system.limits import (
    CARDS,
    COPIES,
    NAMINGS,
    PART,
    PATTERNS,
    REQUIREMENTS,
    STAGES,
)

FILE_NAME = "envspec.toml"

_UNITS = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


class BaseWish(Part):
    """What the environment stands on. Give one of `image`, `debian` and `host`."""

    image: ImageName | None = None
    """A container image that has the wanted Python."""
    archive: RelativePath | None = None
    """Where that image is on disk, below the spec's folder: an OCI layout, a file of `docker save`, or a root
    file system as `.tar`. Without an engine it is read instead of asking a registry."""
    debian: Suite | None = None
    """A Debian suite, whose packages the base is made of; no container registry needed."""
    host: StrictBool = False
    """This machine itself: only the virtualenv backend can build on it."""
    libc: Libc | None = None
    """The C library of the image, where its name does not tell: `musl` for Alpine's, `glibc` for most."""
    apt: tuple[AptPackage, ...] = ()
    """Debian packages to install besides."""
    build_apt: tuple[AptPackage, ...] = Field(default=(), alias="build-apt")
    """Debian packages that source distributions and own code are built with; no image has them."""
    budget: SizeText | None = None
    """What the stages may add at most, installed, such as `1.4 GB`; the base itself does not count."""

    @property
    def budget_bytes(self) -> int | None:
        """`budget` in bytes; None without one."""
        if self.budget is None:
            return None
        number = self.budget.rstrip("kKMGiB ")
        return int(float(number) * _UNITS[self.budget.removeprefix(number).strip()])

    @pydantic.model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum((self.image is not None, self.debian is not None, self.host)) > 1:
            raise ValueError("give one of image, debian and host, not several")
        if self.archive is not None and self.image is None:
            raise ValueError("archive says where an image is: give the image its name as well")
        if self.libc is not None and (self.debian or self.host):
            raise ValueError("libc is for images: of Debian and of this machine it is known")
        return self


class NamedIndex(Part):
    """A package index that stages refer to by name."""

    url: Annotated[str, StringConstraints(pattern=r"^(https?|file)://\S+$")]
    extra: Literal[False, True, "first", "last"] = False
    """Whether it is asked for every package: besides the machine's own indexes, where the best version of
    all wins; `first`, before them and, for what it has, alone; or `last`, for what they do not have."""
    default: StrictBool = False
    """Whether it stands in the place of the machine's own indexes."""

    @pydantic.field_validator("extra", mode="before")
    @classmethod
    def _is_a_way(cls, value: object) -> object:
        if not isinstance(value, bool) and value not in ("first", "last"):
            raise ValueError('must be true, "first" or "last"')
        return value

    @pydantic.model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.default and self.extra:
            raise ValueError("default is asked for every package already: leave extra out")
        if self.default and self.url.endswith(".html"):
            raise ValueError("default must be an index, not a page of links; give the page `extra` instead")
        return self


class PrebuiltWheel(Part):
    """A prebuilt wheel by address, or by path below the spec's folder."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")] | None = None
    path: RelativePath | None = None
    sha256: Sha256 | None = None

    @property
    def file_name(self) -> str:
        """Name of the wheel's file, decoded."""
        if self.url is not None:
            return urllib.parse.unquote(urllib.parse.urlsplit(self.url).path.rsplit("/", 1)[-1])
        return pathlib.PurePosixPath(self.path or "").name

    @property
    def name(self) -> str:
        """Canonical name of its package."""
        return parse_wheel_filename(self.file_name)[0]

    @pydantic.model_validator(mode="after")
    def _is_a_wheel(self) -> Self:
        if (self.url is None) == (self.path is None):
            raise ValueError("give either url or path")
        bounded("the name of a wheel", self.file_name, PART, len(os.fsencode(self.file_name)))
        try:
            parse_wheel_filename(self.file_name)
        except InvalidWheelFilename as error:
            hint = "" if self.file_name.endswith(".whl") else "; a folder or an archive goes into `install`"
            raise ValueError(f"{self.file_name!r} is not the name of a wheel{hint}") from error
        return self


class Stage(Part):
    """One ordered install step."""

    name: Name
    why: Line = ""
    """Why this stage stands where it does; shown in the Dockerfile and in reports."""
    install: tuple[InstallText, ...] = ()
    """Requirements, and sources: folders, archives and git repositories, as pip writes them."""
    prebuilt: tuple[PackageName, ...] = ()
    """Packages that are never compiled here: a wheel, or an error."""
    wheels: tuple[PrebuiltWheel, ...] = ()
    index: Name | None = None
    """Name of the only index that may serve what this stage names; `default` in a variant: the machine's."""
    as_of: Moment | None = Field(default=None, alias="as-of")
    """What this stage names is taken from the index as it stood then."""
    build_apt: tuple[AptPackage, ...] = Field(default=(), alias="build-apt")
    """As in `[base]`, said where it is needed: all builds have all of them."""

    @functools.cached_property
    def words(self) -> tuple[Requirement | SourceWord, ...]:
        """`install`, parsed, word for word."""
        return tuple(source_word(text) or Requirement(text) for text in self.install)

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """The words that name packages of an index."""
        return tuple(word for word in self.words if isinstance(word, Requirement))

    @property
    def sources(self) -> tuple[tuple[int, SourceWord], ...]:
        """The words that are sources, each with its position in `install`."""
        found = enumerate(self.words)
        return tuple((position, word) for position, word in found if isinstance(word, SourceWord))

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """Canonical names of what the stage names itself, wheels included, and sources that state theirs."""
        return (
            *(canonicalize_name(requirement.name) for requirement in self.requirements),
            *(word.name for _, word in self.sources if word.name),
            *(wheel.name for wheel in self.wheels),
        )


def _few_words(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """Stages whose words a solver and the checks can go through in seconds."""
    named = Counter(name for stage in stages for name in stage.names)
    if (total := named.total()) > REQUIREMENTS:
        raise ValueError(f"the stages name {total:,} packages and wheels; at most {REQUIREMENTS:,} are read")
    if (most := max(named.items(), key=lambda item: item[1], default=("", 0)))[1] > NAMINGS:
        raise ValueError(f"the stages name {most[0]} {most[1]:,} times; at most {NAMINGS} are read")
    return stages


class Remove(Part):
    """What never enters the environment."""

    packages: tuple[PackageName, ...] = ()
    files: Annotated[tuple[Pattern, ...], Field(max_length=PATTERNS)] = ()
    """Patterns below site-packages; `**` spans folders."""


class Smoke(Part):
    """What verification tries in the built environment, beyond what it finds by itself."""

    imports: tuple[Module, ...] = ()
    attributes: tuple[Annotated[str, StringConstraints(pattern=rf"^{MODULE}:{MODULE}$")], ...] = ()
    """`module:attribute`; a placeholder package fails here."""
    exchange: StrictBool = True
    """Whether arrays are sent through every NumPy consumer found and compared."""
    ignore: tuple[Annotated[str, StringConstraints(pattern=r"^EV\d{3}(:\S+)?$")], ...] = ()
    """Rules that do not count here: `EV203`, or `EV203:module` for one place."""


class Trial(Part):
    """One real request that verification sends to the payload."""

    path: Annotated[str, StringConstraints(pattern=r"^/[\w/.-]*$")]
    body: JsonObject | None = Field(default=None, alias="json")
    """Sent as JSON by POST; left out, the path is asked for by GET."""
    audio: str | None = None
    """Key of the JSON answer that holds a base64 WAV, to be measured: it must not be silent."""
    heard: HeardWish | None = None
    """What is to be understood of that audio, by what listens in the environment."""

    @pydantic.model_validator(mode="after")
    def _has_what_is_heard(self) -> Self:
        if self.heard is not None and self.audio is None:
            raise ValueError("heard needs audio: the key of the answer that holds what is to be heard")
        return self


class Service(Part):
    """The payload that the environment carries."""

    model_config = pydantic.ConfigDict(serialize_by_alias=True)  # plans, which hold it, are read again

    module: Annotated[str, StringConstraints(pattern=rf"^{MODULE}:[A-Za-z_]\w*(\(\))?$")]
    """`package.module:application` or `package.module:factory()`, as gunicorn has it."""
    source: RelativePath | None = None
    """Folder with the payload's code; left out, the speech service shipped with the builder."""
    port: Annotated[int, Field(ge=1, le=65535, strict=True)] = 5000
    health: Annotated[str, StringConstraints(pattern=r"^/[\w/.-]*$")] = "/readyz"
    """Path that answers 200 once the service can work."""
    start_timeout: Seconds | None = Field(default=None, alias="start-timeout")
    """Seconds until then at most, wherever it is started."""
    env: Mapping[EnvName, Line] = Field(default_factory=dict)
    """Environment variables of the service."""
    models: tuple[ModelName, ...] = ()
    """Models that are part of the image: ids of ModelScope's that were downloaded to this machine, or folders
    of the spec's, `./voices/mine`."""
    include: tuple[RelativePath, ...] = ()
    """Files of the payload's folder that are copied although they seem to hold secrets, each by its path."""
    trial: Trial | None = None


class TargetWish(Part):
    """The machine that the environment will run on. What is left out is left open, and not proved."""

    cpu: Annotated[str, StringConstraints(pattern=r"^x86-64-v[1-4]$")] | None = None
    """The lowest level of x86-64 processors, as the psABI has them: `x86-64-v3`."""
    gpu: Annotated[tuple[CardName, ...], Field(max_length=CARDS)] | None = None
    """Cards that it must run on by architecture (`sm_90`) or name (`RTX 4090`); none for machines without."""
    driver: Annotated[str, StringConstraints(pattern=r"^\d{3}(\.\d{1,3}){0,2}$")] | None = None
    """The oldest NVIDIA driver that it will meet: a branch (`550`) or a release (`550.54.14`)."""

    @functools.cached_property
    def cards(self) -> tuple[Architecture, ...] | None:
        """`gpu` as architectures, each once; None where it is left open."""
        return None if self.gpu is None else architectures(self.gpu)

    @pydantic.model_validator(mode="after")
    def _is_one_machine(self) -> Self:
        driver = Driver(self.driver) if self.driver is not None else None
        if driver and (why := contradiction(self.cards or (), driver)):
            raise ValueError(why)
        return self


BUILD_TIMEOUT = 1800.0
"""Seconds that one step of a build may take where a spec says nothing."""


class Overlay(Part):
    """The parts of a spec that a variant may change: tables are merged, stages by their name."""

    python: PythonVersion | None = None
    machine: Machine | None = None
    as_of: Moment | None = Field(default=None, alias="as-of")
    compile: StrictBool | None = None
    build_timeout: Seconds | None = Field(default=None, alias="build-timeout")
    base: BaseWish | None = None
    target: TargetWish | None = None
    env: EnvTable = Field(default_factory=dict)
    constraints: Annotated[tuple[ConstraintText, ...], Field(max_length=REQUIREMENTS)] = ()
    overrides: Annotated[tuple[ConstraintText, ...], Field(max_length=REQUIREMENTS)] = ()
    index: Mapping[IndexName, NamedIndex] = Field(default_factory=dict)
    stage: tuple[Stage, ...] = ()
    remove: Remove | None = None
    smoke: Smoke | None = None
    service: Service | None = None
    run: RunChanges | None = None
    copies: Annotated[tuple[Copy, ...], Field(alias="copy", max_length=COPIES)] = ()


class Spec(Part):
    """An environment as its author wants it."""

    name: Name
    python: PythonVersion
    """CPython by its line (`3.12`), by one release (`3.12.7`), or as a free-threaded build (`3.14t`)."""
    machine: Machine = "x86_64"
    """Processor that the environment is for."""
    as_of: Moment | None = Field(default=None, alias="as-of")
    """Resolve as the index stood at this date."""
    compile: StrictBool = True
    """Whether images carry what a service loads as compiled files, so that containers start sooner."""
    build_timeout: Seconds = Field(default=BUILD_TIMEOUT, alias="build-timeout")
    """Seconds that one step may take of what builds a source distribution, or own code."""
    base: BaseWish = BaseWish()
    target: TargetWish = TargetWish()
    env: EnvTable = Field(default_factory=dict)
    """Environment variables of all that runs there; `{site}` is its site-packages, `{prefix}` its folder."""
    constraints: Annotated[tuple[ConstraintText, ...], Field(max_length=REQUIREMENTS)] = ()
    """What limits versions of whatever is installed, and installs nothing."""
    overrides: Annotated[tuple[ConstraintText, ...], Field(max_length=REQUIREMENTS)] = ()
    """What counts of a package instead of all that anybody requires of it."""
    index: Mapping[IndexName, NamedIndex] = Field(default_factory=dict)
    stage: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=STAGES), AfterValidator(_few_words)]
    remove: Remove = Remove()
    smoke: Smoke = Smoke()
    service: Service | None = None
    run: Run | None = None
    """The programs of the environment."""
    copies: Annotated[tuple[Copy, ...], Field(alias="copy", max_length=COPIES)] = ()
    """Files of the spec's folder that travel along."""
    variant: Mapping[Name, Overlay] = Field(default_factory=dict)

    @pydantic.model_validator(mode="after")
    def _has_that_processor(self) -> Self:
        if self.target.cpu is not None and self.machine != "x86_64":
            raise ValueError(f"target.cpu is a level of x86_64; machine is {self.machine}")
        return self

    @pydantic.model_validator(mode="after")
    def _has_one_default(self) -> Self:
        named = [name for name, index in self.index.items() if index.default]
        if len(named) > 1:
            raise ValueError(f"index {' and index '.join(named)} are both the default: one can be")
        return self

    @pydantic.model_validator(mode="after")
    def _starts_one_program(self) -> Self:
        if self.service is not None and self.run is not None and self.run.command:
            raise ValueError(
                "[service] and the command of [run] both say what an image starts: give one of them"
            )
        return self

    @property
    def sources(self) -> dict[str, tuple[Stage, SourceWord]]:
        """The words that are sources, with their stages, by key path such as `stage[0].install[1]`."""
        return {
            f"stage[{number}].install[{position}]": (stage, word)
            for number, stage in enumerate(self.stage)
            for position, word in stage.sources
        }

    @property
    def programs(self) -> Mapping[str, Program]:
        """What `[run]` has, by name; without it, none."""
        return self.run.programs if self.run else {}

    @property
    def python_wish(self) -> PythonWish:
        """`python`, understood."""
        return parse_python(self.python)

    @property
    def build_packages(self) -> tuple[str, ...]:
        """Debian packages that builds have, of the base and of all stages, sorted."""
        return tuple(
            sorted({*self.base.build_apt, *(name for each in self.stage for name in each.build_apt)})
        )

    @property
    def image(self) -> str | None:
        """The base image, the default one where the spec names no base at all."""
        if self.base.debian or self.base.host:
            return None
        return self.base.image or f"python:{self.python}-slim"

    @property
    def variables(self) -> Mapping[str, str]:
        """What the service finds in its environment: `[env]`, and `[service] env` over it."""
        return {**self.env, **(self.service.env if self.service else {})}

    @property
    def digest(self) -> str:
        """`sha256:...` over all that a lock depends on; comments, `why`, budget, smoke tests do not count."""
        body = self.model_dump(
            mode="json",
            by_alias=True,
            exclude={
                *("variant", "smoke", "service", "compile", "target", "env", "run", "copies", "build_timeout")
            },
            exclude_defaults=True,
        )
        for stage in body["stage"]:
            stage.pop("why", None)
        for table, key in (("remove", "files"), ("base", "budget")):  # neither changes what is locked
            body.get(table, {}).pop(key, None)
        if "remove" in body or "base" in body:
            body = {key: value for key, value in body.items() if value != {}}
        return digest_of(body)

    def with_variant(self, name: str) -> Spec:
        """The spec with the named variant laid over it.

        Raises `KeyError` when there is no such variant, `pydantic.ValidationError` when the sum is no spec.
        """
        overlay = self.variant[name].model_dump(by_alias=True, exclude_unset=True, exclude_none=True)
        body = self.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)
        body.pop("variant")
        if overlay.get("base", {}).keys() & {"image", "debian", "host"}:
            for kind in ("image", "archive", "debian", "host"):
                body.get("base", {}).pop(kind, None)
        merged = _merge(body, overlay)
        left = {stage.get("index") for stage in body["stage"]} - {s.get("index") for s in merged["stage"]}
        for name in left - overlay.get("index", {}).keys():  # of which nothing is taken any more
            merged.get("index", {}).pop(name, None)
        return Spec.model_validate(merged)


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        if key == "stage":
            merged[key] = _merge_stages(below.get("stage", ()), value)
        elif isinstance(value, dict) and isinstance(below.get(key), dict):
            merged[key] = _merge(below[key], value)
        else:
            merged[key] = value
    return merged


def _merge_stages(below: Any, above: Any) -> list[dict[str, Any]]:
    changes = {stage["name"]: stage for stage in above}
    merged = [{**stage, **changes.pop(stage["name"], {})} for stage in below]
    return [_of_own_index(stage) for stage in (*merged, *changes.values())]


def _of_own_index(stage: dict[str, Any]) -> dict[str, Any]:
    """The stage without its index where a variant sends it back to the machine's own."""
    own = stage.get("index") == OWN_INDEX
    return {key: value for key, value in stage.items() if key != "index"} if own else stage


def digest_of(value: Any) -> str:
    """`sha256:` and the digest of a JSON value in canonical form."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def spec_schema() -> dict[str, Any]:
    """JSON schema of the spec, for editors; the shipped copy is kept equal to this."""
    body = Spec.model_json_schema(by_alias=True)
    for part in (body, *body["$defs"].values()):
        part["description"] = re.sub(r"\s+", " ", part.get("description", ""))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **body}
