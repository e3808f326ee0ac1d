"""Words of a spec's stages, added, changed and taken away: comments, order and formatting stay."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pydantic
import tomlkit
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envspec.resolve.prefer import near_names
from envspec.spec.load import parse_spec
from envspec.spec.model import Spec, Stage
from envspec.spec.words import InstallText, SourceWord, source_word
from envspec.system.errors import UsageError
from envspec.system.quoting import listed, shortened

_WORD = pydantic.TypeAdapter(InstallText)


_STRING = r"""(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_BLANK = r"(?:\s|#[^\n]*\n)*"
_UNENDED = re.compile(rf"(\[(?:{_BLANK}{_STRING}{_BLANK},)*{_BLANK}{_STRING})(\s*#[^\n]*\n{_BLANK}\])")
"""A list of strings whose last has no comma behind it, but a comment. Source: https://toml.io/en/v1.0.0#array."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One entry of a stage."""

    stage: int
    """Number of the stage."""
    key: str
    """`install` or `wheels`."""
    position: int
    text: str
    """As it stands there."""
    name: str
    """Canonical name of the package; of a source that states none, what a lock calls it, or nothing."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    """One word, and what became of it in the spec's text."""

    text: str
    """As it stands in the spec now; of one that was taken away, as it stood."""
    stage: str
    before: str = ""
    """What stood in its place."""
    added: bool = False
    gone: bool = False
    last: bool = False
    """Whether its stage went with it, having nothing else."""

    @property
    def changes(self) -> bool:
        """Whether the spec is another one for it."""
        return self.added or self.gone or bool(self.before)

    def __str__(self) -> str:
        if self.added:
            return f"added {self.text} to stage {self.stage}"
        if self.gone:
            stage = f"stage {self.stage}" + ", which had nothing else and is gone" * self.last
            return f"removed {self.text} from {stage}"
        if self.before:
            return f"changed {self.before} to {self.text} in stage {self.stage}"
        return f"{self.text} is in stage {self.stage} already"


def parsed_word(text: str) -> Requirement | SourceWord:
    """A word as a stage may have it. Raises `UsageError` with what is wrong with it."""
    try:
        checked = _WORD.validate_python(text)
    except pydantic.ValidationError as error:
        detail = error.errors()[0]
        said = str(detail["ctx"]["error"]) if detail["type"] == "value_error" else detail["msg"]
        raise UsageError(f"{shortened(said, 500)}") from error
    return source_word(checked) or Requirement(checked)


def places(stages: Sequence[Stage], named: Mapping[tuple[str, int], str]) -> Iterator[Place]:
    """All entries of all stages.

    `named` has the names of sources that state none, by the name of their stage and their position in it.
    """
    for number, stage in enumerate(stages):
        for position, (text, word) in enumerate(zip(stage.install, stage.words, strict=True)):
            place = Place(stage=number, key="install", position=position, text=text, name="")
            name = canonicalize_name(word.name) if word.name else named.get((stage.name, position), "")
            yield dataclasses.replace(place, name=name)
        for position, wheel in enumerate(stage.wheels):
            yield Place(stage=number, key="wheels", position=position, text=wheel.file_name, name=wheel.name)


def with_word(
    text: str,
    word: str,
    *,
    stage: str | None = None,
    variant: str | None = None,
    named: Mapping[tuple[str, int], str] | None = None,
) -> tuple[str, Wording]:
    """The spec's text with a word: a new one is appended, one of the same package takes what is new of it.

    With `variant` it is a word of the stages that the variant itself has; where it has none, it gets one.
    Raises `UsageError` for a word or a stage that means nothing.
    """
    spec, wanted = parse_spec(text), parsed_word(word)
    stages = _stages(spec, variant)
    document = tomlkit.parse(text)
    if variant is not None and (held := _held_below(spec, variant, wanted, word)):
        return text, Wording(text=word, stage=held)
    same = [place for place in places(stages, named or {}) if _same(place, stages, wanted, word)]
    if not same:
        chosen = _stage(spec, stages, variant, stage)
        tables = _tables(document, variant)
        if chosen is None:
            name = _new_stage(spec, variant or "")
            tables.append(tomlkit.item({"name": name, "install": [word]}))
        else:
            name = stages[chosen].name
            _append(tables[chosen], word)
        return tomlkit.dumps(document), Wording(text=word, stage=name, added=True)
    new, before = word, same[-1].text
    for place in same:
        new = _merged(place.text, stages[place.stage].words[place.position], wanted, word)
        if new != place.text:
            before = place.text
            _tables(document, variant)[place.stage]["install"][place.position] = new
    changed = before if new != before else ""
    return tomlkit.dumps(document), Wording(text=new, before=changed, stage=stages[same[-1].stage].name)


def _stages(spec: Spec, variant: str | None) -> tuple[Stage, ...]:
    """The stages that are edited: the spec's, or those that a variant itself has."""
    if variant is None:
        return spec.stage
    if variant not in spec.variant:
        hint = near_names(variant, spec.variant) or "write its table [variant.NAME] into the spec first"
        raise UsageError(f"the spec has no variant {shortened(variant)}", hint=hint)
    return spec.variant[variant].stage


def _tables(document: Any, variant: str | None) -> Any:
    """Their tables; a variant without any gets a list for them."""
    if variant is None:
        return document["stage"]
    return document["variant"][variant].setdefault("stage", tomlkit.aot())


def _held_below(spec: Spec, variant: str, wanted: Requirement | SourceWord, word: str) -> str:
    """The stage of the spec itself that has the word for this variant too; empty where none has it."""
    own = {stage.name for stage in spec.variant[variant].stage}
    below = [stage for stage in spec.stage if stage.name not in own]
    for place in places(below, {}):
        there = below[place.stage].words[place.position] if place.key == "install" else None
        same = there is not None and _same(place, below, wanted, word)
        if same and there is not None and _merged(place.text, there, wanted, word) == place.text:
            return below[place.stage].name
    return ""


def _new_stage(spec: Spec, variant: str) -> str:
    """Name for the first stage that a variant itself has: the variant's own, unless the spec has that."""
    taken = {stage.name for stage in spec.stage}
    return variant if variant not in taken else f"{variant}-packages"


def _append(stage: Any, word: str) -> None:
    """Append a word to what a stage installs."""
    listed = stage.setdefault("install", tomlkit.array())
    found = _UNENDED.fullmatch(listed.as_string())
    if found is not None:  # tomlkit would leave the comma out
        ended = tomlkit.parse(f"install = {found[1]},{found[2]}")["install"]
        for field in dataclasses.fields(ended.trivia):
            setattr(ended.trivia, field.name, getattr(listed.trivia, field.name))
        stage["install"] = listed = ended
    listed.append(word)


def _same(place: Place, stages: Sequence[Stage], wanted: Requirement | SourceWord, word: str) -> bool:
    """Whether an entry is about the same package, and for the same machines where a marker says which."""
    if place.key != "install":
        return False
    there = stages[place.stage].words[place.position]
    if place.text == word:
        return True
    if not wanted.name or place.name != canonicalize_name(wanted.name):
        return False
    return wanted.marker is None or str(wanted.marker) == str(there.marker or "")


def _merged(text: str, there: Requirement | SourceWord, wanted: Requirement | SourceWord, word: str) -> str:
    """An entry with what a word says anew: its version if it names one, and its extras besides."""
    if isinstance(wanted, SourceWord):
        return word
    if isinstance(there, SourceWord):  # it stands, unless a version is named
        return word if wanted.specifier else text
    if wanted.extras <= there.extras and wanted.specifier in (SpecifierSet(), there.specifier):
        return text
    new = Requirement(text)
    new.extras = there.extras | wanted.extras
    new.specifier = wanted.specifier or there.specifier
    return str(new)


def _stage(spec: Spec, stages: Sequence[Stage], variant: str | None, name: str | None) -> int | None:
    """Number of the stage for a new word: the one named, else the last that is for packages of an index.

    None where a variant has no stage of its own yet.
    """
    own = {stage.name for stage in spec.stage} if variant is not None else set()
    closed = {stage.name for stage in stages if stage.name in own and not stage.install}
    known = [stage.name for stage in stages]
    if name is not None:
        if name in known and name not in closed:
            return known.index(name)
        if name in own:
            raise UsageError(
                f"stage {name} is the spec's own, and variant {variant} would put another in its place",
                hint="leave --stage out: the variant has stages of its own",
            )
        hint = near_names(name, known) or f"its stages: {listed(known)}"
        whose = "the spec" if variant is None else f"variant {variant}"
        raise UsageError(f"{whose} has no stage {shortened(name)}", hint=hint)
    numbers = range(len(stages) - 1, -1, -1)
    open_to_all = (
        number for number in numbers if _takes_any(stages[number]) and stages[number].name not in closed
    )
    return next(open_to_all, len(stages) - 1 if variant is None else None)


def _takes_any(stage: Stage) -> bool:
    """Whether a stage is no place for own code alone, and not bound to one index or one day."""
    own = bool(stage.words) and all(isinstance(word, SourceWord) for word in stage.words)
    return not own and stage.index is None and stage.as_of is None


def pinned_word(word: str, version: str) -> str:
    """A requirement held at a version, with its extras and its marker."""
    requirement = Requirement(word)
    requirement.specifier = SpecifierSet(f"=={version}")
    return str(requirement)


def without(
    text: str,
    names: Sequence[str],
    *,
    variant: str | None = None,
    named: Mapping[tuple[str, int], str] | None = None,
) -> tuple[str, tuple[Wording, ...], tuple[str, ...]]:
    """The spec's text without packages, given by name or as they stand there, and what no stage has.

    With `variant` the stages are those that it has itself. Raises `UsageError` where the spec has none such.
    """
    spec = parse_spec(text)
    stages = _stages(spec, variant)
    document = tomlkit.parse(text)
    found: list[Place] = []
    unknown: list[str] = []
    for name in names:
        here = [
            place
            for place in places(stages, named or {})
            if place.text == name or (place.name and place.name == canonicalize_name(_bare(name)))
        ]
        found += (place for place in here if place not in found)
        unknown += [name] * (not here)
    for place in sorted(found, key=lambda place: (place.stage, place.key, -place.position)):
        del _tables(document, variant)[place.stage][place.key][place.position]
    emptied = _emptied(spec, stages, variant, found)
    for number in sorted(emptied, reverse=True):
        del _tables(document, variant)[number]
    if variant is not None and emptied and len(emptied) == len(stages):
        del document["variant"][variant]["stage"]
    ordered = sorted(found, key=lambda place: (place.stage, place.key, place.position))
    last = {place.stage: place for place in ordered}
    gone = tuple(
        Wording(
            text=place.text,
            stage=stages[place.stage].name,
            gone=True,
            last=place.stage in emptied and place == last[place.stage],
        )
        for place in ordered
    )
    return tomlkit.dumps(document), gone, tuple(unknown)


def _emptied(
    spec: Spec, stages: Sequence[Stage], variant: str | None, gone: Sequence[Place]
) -> frozenset[int]:
    """The stages that have nothing left and may go: a spec keeps one, a variant those over the spec's."""
    left = {number: len(stage.install) + len(stage.wheels) for number, stage in enumerate(stages)}
    for place in gone:
        left[place.stage] -= 1
    bare = frozenset(place.stage for place in gone if not left[place.stage])
    if variant is None:
        return bare if len(bare) < len(stages) else frozenset()
    over = {stage.name for stage in spec.stage}
    return frozenset(number for number in bare if stages[number].name not in over)


def _bare(name: str) -> str:
    """A name without extras and version, which whoever copies a word leaves in."""
    return re.split(r"[\s\[=<>!~;@]", name.strip(), maxsplit=1)[0] or name
