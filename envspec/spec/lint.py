"""Lint: what can be said of a spec by reading it alone. Each check is one function; `CHECKS` lists them."""

from __future__ import annotations

import itertools
import urllib.parse
from collections.abc import Callable, Iterator

from packaging.utils import canonicalize_name

from envspec.spec.model import Spec
from envspec.spec.pins import Repin, Word, contradict, repins, replaced, words
from envspec.spec.target import target_of
from envspec.spec.types import OWN_INDEX, index_variable
from envspec.system import rules
from envspec.system.finding import Finding, Severity, order_findings
from envspec.system.quoting import listed

Check = Callable[[Spec], Iterator[Finding]]


def lint_spec(spec: Spec) -> tuple[Finding, ...]:
    """All findings of all checks, heaviest first."""
    return order_findings(itertools.chain.from_iterable(check(spec) for check in CHECKS))


def floating(spec: Spec) -> Iterator[Finding]:
    """EV001: versions are left open, said once for all of them, at the first."""
    free = [word for word in words(spec) if word.pin is None]
    if free:
        named = listed([str(word.requirement) for word in free])
        leave = "leaves the version open" if len(free) == 1 else "leave their versions open"
        yield rules.VERSION_OPEN.finding(
            f"{named} {leave}: only the lock holds {'it' if len(free) == 1 else 'them'} still",
            hint="pin to what the lock has, as `envspec add NAME==VERSION` does",
            where=free[0].where,
        )
    moving = {
        where: source
        for where, (_, source) in spec.sources.items()
        if source.kind == "git" and not source.fixed
    }
    if moving:
        named = listed([source.shown for source in moving.values()])
        leave = "leaves the commit open" if len(moving) == 1 else "leave their commits open"
        yield rules.VERSION_OPEN.finding(
            f"{named} {leave}: only the lock holds {'it' if len(moving) == 1 else 'them'} still",
            hint="name the commit behind @, all of its digits, as the lock has it",
            where=next(iter(moving)),
        )


def repeated(spec: Spec) -> Iterator[Finding]:
    """EV002 and EV003: a package named twice, with the same pin or another one."""
    anew = {repin.word.where: repin for repin in repins(spec).values()}
    void = replaced(spec)
    seen: dict[str, list[Word]] = {}
    for word in words(spec):
        earlier = seen.setdefault(word.name, [])
        counting = (other for other in earlier if other.where not in void)
        clashes = [other for other in counting if contradict(other, word)]
        if word.where in anew:
            yield _repinned(anew[word.where])
        elif clashes and word.where not in void:
            yield rules.STAGES_CONTRADICT.finding(
                f"{word.requirement} in stage {word.stage} contradicts {clashes[0].requirement} "
                f"in stage {clashes[0].stage}",
                hint="no range moves a pin, and no stage contradicts itself: settle on one version",
                where=word.where,
            )
        elif earlier:
            yield rules.PACKAGE_TWICE.finding(
                f"{word.requirement} in stage {word.stage} is named in stage {earlier[0].stage} already",
                hint="name it once, in the first stage that needs it",
                where=word.where,
            )
        earlier.append(word)


def _repinned(repin: Repin) -> Finding:
    word = repin.word
    before = " and ".join(f"{other.requirement} in stage {other.stage}" for other in repin.instead_of)
    return rules.STAGES_CONTRADICT.finding(
        f"{word.requirement} in stage {word.stage} contradicts {before}: the later pin counts, "
        "from the first stage on",
        hint="a pin is never moved once it is installed: settle on one version and name it once",
        where=word.where,
        severity=Severity.WARNING,
    )


def same_stage(spec: Spec) -> Iterator[Finding]:
    """EV004: two stages of one name, or of the same content."""
    called: set[str] = set()
    installing: dict[frozenset[str], str] = {}
    for number, stage in enumerate(spec.stage):
        content = frozenset(stage.install)
        if stage.name in called:
            yield rules.STAGES_ALIKE.finding(
                f"two stages are called {stage.name}",
                hint="give each stage a name of its own",
                where=f"stage[{number}].name",
                severity=Severity.ERROR,
            )
        elif content in installing:
            yield rules.STAGES_ALIKE.finding(
                f"stage {stage.name} repeats stage {installing[content]}",
                hint="leave one of them out",
                where=f"stage[{number}]",
            )
        called.add(stage.name)
        if content:
            installing.setdefault(content, stage.name)


def empty_stage(spec: Spec) -> Iterator[Finding]:
    """EV005: a stage that installs nothing."""
    for number, stage in enumerate(spec.stage):
        if not stage.install and not stage.wheels:
            yield rules.STAGE_EMPTY.finding(
                f"stage {stage.name} installs nothing",
                hint="give it `install` or `wheels`, or leave it out",
                where=f"stage[{number}]",
            )


def unhashed_wheel(spec: Spec) -> Iterator[Finding]:
    """EV006: a prebuilt wheel from the network without its sha256."""
    for number, stage in enumerate(spec.stage):
        for position, wheel in enumerate(stage.wheels):
            if wheel.url and wheel.sha256 is None:
                yield rules.WHEEL_UNHASHED.finding(
                    f"{wheel.file_name} is taken without its sha256",
                    hint='add sha256 = "..."; the lock shows the one found',
                    where=f"stage[{number}].wheels[{position}]",
                )
    for where, (_, source) in spec.sources.items():
        if source.kind == "url" and not source.fixed:
            yield rules.WHEEL_UNHASHED.finding(
                f"{source.file_name} is taken without its sha256",
                hint="add #sha256=... to its address; the lock shows the one found",
                where=where,
            )


def foreign_wheel(spec: Spec) -> Iterator[Finding]:
    """EV007: a prebuilt wheel that cannot run on the target."""
    target = target_of(spec)
    for number, stage in enumerate(spec.stage):
        for position, wheel in enumerate(stage.wheels):
            if target.rank(wheel.file_name) is None:
                yield rules.WHEEL_FOREIGN.finding(
                    f"{wheel.file_name} does not run on Python {target.python}, {target.platform}",
                    hint="take the wheel made for that Python and platform",
                    where=f"stage[{number}].wheels[{position}]",
                )
    for where, (_, source) in spec.sources.items():
        if source.is_wheel and target.rank(source.file_name) is None:
            yield rules.WHEEL_FOREIGN.finding(
                f"{source.file_name} does not run on Python {target.python}, {target.platform}",
                hint="take the wheel made for that Python and platform",
                where=where,
            )


def removed_and_wanted(spec: Spec) -> Iterator[Finding]:
    """EV008: a package that is removed and installed by name as well."""
    wanted = {name: stage.name for stage in spec.stage for name in stage.names}
    for position, package in enumerate(spec.remove.packages):
        if stage_name := wanted.get(canonicalize_name(package)):
            yield rules.REMOVED_AND_INSTALLED.finding(
                f"{package} is removed, and stage {stage_name} installs it by name",
                hint="leave it out of one of the two",
                where=f"remove.packages[{position}]",
            )


def unpinned_base(spec: Spec) -> Iterator[Finding]:
    """EV009: a base image whose content changes under its name."""
    if spec.image is None or "@sha256:" in spec.image:
        return
    tag = spec.image.rsplit("/", 1)[-1].partition(":")[2]
    yield rules.BASE_FLOATS.finding(
        f"base image {spec.image} is a name whose content changes",
        hint="write it as name@sha256:...; an engine that knows the image puts its digest into the lock",
        where="base.image",
        severity=Severity.WARNING if tag in {"", "latest"} else None,
    )


def undeclared_index(spec: Spec) -> Iterator[Finding]:
    """EV010: a stage takes from an index that is not declared. EV011: an index nobody uses."""
    used = {stage.index for stage in spec.stage}
    declared = listed(sorted(spec.index))
    for number, stage in enumerate(spec.stage):
        if stage.index is not None and stage.index not in spec.index:
            yield rules.INDEX_UNDECLARED.finding(
                f"stage {stage.name} takes from index {stage.index}, which is not declared",
                hint="leave `index` out: that is the machine's own"
                if stage.index == OWN_INDEX
                else f"add [index.{stage.index}] with its url; declared: {declared}",
                where=f"stage[{number}].index",
            )
    overlays = {stage.index for overlay in spec.variant.values() for stage in overlay.stage}
    besides = {name for name, index in spec.index.items() if index.extra or index.default}
    for name in sorted(set(spec.index) - used - overlays - besides):
        yield rules.INDEX_UNUSED.finding(
            f"index {name} is declared and used by no stage",
            where=f"index.{name}",
        )


def musl_base(spec: Spec) -> Iterator[Finding]:
    """EV012: Debian packages, which are made for glibc, on an image that stands on musl."""
    if spec.base.apt and target_of(spec).musl is not None:
        yield rules.BASE_MUSL.finding(
            f"{spec.image} stands on musl and has no apt: {', '.join(spec.base.apt)} cannot be added to it",
            hint="put what they bring into the image itself (`apk add`), or take an image of Debian",
            where="base.apt",
        )


def password_written(spec: Spec) -> Iterator[Finding]:
    """EV013: a password or a token in an address, which everybody reads who reads the spec."""
    overlays = [(f"variant.{name}.", overlay.index) for name, overlay in spec.variant.items()]
    for place, indexes in [("", spec.index), *overlays]:
        for name, index in indexes.items():
            if _has_password(index.url):
                yield rules.PASSWORD_WRITTEN.finding(
                    f"the address of index {name} holds a password or a token",
                    hint=f"take it out; {index_variable(name)}, ~/.netrc or a keyring tells it here",
                    where=f"{place}index.{name}.url",
                )
    for number, stage in enumerate(spec.stage):
        for position, wheel in enumerate(stage.wheels):
            if _has_password(wheel.url or ""):
                yield rules.PASSWORD_WRITTEN.finding(
                    f"the address of {wheel.file_name} holds a password or a token",
                    hint="take it out; ~/.netrc or a keyring tells it here",
                    where=f"stage[{number}].wheels[{position}].url",
                )


def _has_password(url: str) -> bool:
    return "@" in urllib.parse.urlsplit(url).netloc


CHECKS: tuple[Check, ...] = (
    floating,
    repeated,
    same_stage,
    empty_stage,
    unhashed_wheel,
    foreign_wheel,
    removed_and_wanted,
    unpinned_base,
    undeclared_index,
    musl_base,
    password_written,
)
