"""Reads an image that was built: what its layers have installed, and how its configuration starts it.

Source: https://packaging.python.org/en/latest/specifications/recording-installed-packages/ and the OCI image
specification, image configuration.
"""

from __future__ import annotations

import email.parser
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from envspec.ingest.docker.image import Image
from envspec.ingest.docker.started import Saying, Started
from envspec.ingest.draft import Draft
from envspec.ingest.drafting import Drafting, env_refusal
from envspec.ingest.frozen import Installed
from envspec.ingest.running import add_installed
from envspec.system.errors import UsageError
from envspec.system.quoting import listed

_METADATA = re.compile(r"(?:(.*)/)?([^/]+)\.(?:dist-info/METADATA|egg-info/PKG-INFO)")
_BESIDE = re.compile(r".*\.dist-info/(?:INSTALLER|direct_url\.json)")
_PROGRAM = re.compile(r"(?:.*/)?bin/(?:python|python3|python3\.\d+t?)")
_LIBRARY = re.compile(r"(?:(.*)/)?lib/python(3(?:\.\d+t?)?)/(?:site|dist)-packages")

_OF_THE_BASE = re.compile(
    r"PATH|LANG|GPG_KEY|PYTHON_(VERSION|SHA256|PIP_VERSION|SETUPTOOLS_VERSION|GET_PIP_\w+)"
)
"""Variables that official images of Python have themselves."""

_RELEASES = {"etc/os-release", "usr/lib/os-release"}

_SAID = {
    "Entrypoint": "ENTRYPOINT",
    "Cmd": "CMD",
    "ExposedPorts": "EXPOSE",
    "User": "USER",
    "Volumes": "VOLUME",
    "StopSignal": "STOPSIGNAL",
    "Healthcheck": "HEALTHCHECK",
}
"""Keys of a configuration that say of the program what these instructions say."""


def describes_image(path: str) -> bool:
    """Whether a file of an image is read: metadata of distributions, Pythons, and the name of its system."""
    return bool(
        path in _RELEASES
        or path.endswith("/pyvenv.cfg")
        or _METADATA.fullmatch(path)
        or _BESIDE.fullmatch(path)
        or _PROGRAM.fullmatch(path)
    )


def draft_image(drafting: Drafting, settings: Mapping[str, Any], files: Mapping[str, bytes]) -> Draft:
    """The draft of an image's `config` and of its files that describe it.

    Raises `UsageError` where no Python is in it.
    """
    places: dict[str, list[str]] = {}
    for path in files:
        if (found := _METADATA.fullmatch(path)) and not path.endswith("/.egg-info/PKG-INFO"):
            places.setdefault(found[1] or "", []).append(path)
    chosen, version = _environment(settings, files, places)
    if version is None:
        raise UsageError(
            f"{drafting.file} holds no Python that a spec could have",
            hint="its layers have no `lib/python3.X` with packages, and no `bin/python3.X`",
        )
    drafting.python = version
    add_installed(drafting, [_installed(path, files) for place in chosen for path in places.get(place, ())])
    left = sorted(place for place in places if place not in chosen)
    if left:
        packages = listed([f"/{place} ({len(places[place])})" for place in left])
        drafting.remark(f"packages of other places of the image are left: {packages}")
    base = _base(files, version)
    image = Image(name="", base=base or "", line=0)
    if base:
        drafting.remark(f"[base] is {base}, as the image's system says: add its Debian packages in `apt`")
    _configure(drafting, image, settings)
    return drafting.finish(image=base, run=Started(drafting, image).table())


def _environment(
    settings: Mapping[str, Any], files: Mapping[str, bytes], places: Mapping[str, list[str]]
) -> tuple[list[str], str | None]:
    """The folders of packages that the image's own program has, and its line of Python."""
    prefixes = [posixpath.dirname(folder) for folder in _searched(settings) if _python_in(folder, files)]
    by_size = sorted(places, key=lambda place: -len(places[place]))
    prefixes += [found[1] or "" for place in by_size if (found := _LIBRARY.fullmatch(place))]
    for prefix in prefixes:
        version = _line(prefix, files, places)
        if version is None:
            continue
        mine = [prefix, "usr/local"] if prefix == "usr" else [prefix]
        chosen = [f"{each}/lib/python{version}/{kind}-packages" for each in mine for kind in ("site", "dist")]
        chosen += ["usr/lib/python3/dist-packages"] if prefix == "usr" else []
        extra = [path.strip("/") for path in _variables(settings).get("PYTHONPATH", "").split(":") if path]
        return [place for place in (*extra, *chosen) if place in places], version
    return [], None


def _searched(settings: Mapping[str, Any]) -> Iterator[str]:
    """Folders of programs: that of the image's command, then those of its PATH, without a leading slash."""
    words = [*(settings.get("Entrypoint") or ()), *(settings.get("Cmd") or ())]
    yield from (posixpath.dirname(word).strip("/") for word in words[:1] if word.startswith("/"))
    yield from (folder.strip("/") for folder in _variables(settings).get("PATH", "").split(":"))


def _python_in(folder: str, files: Mapping[str, bytes]) -> bool:
    return any(f"{folder}/{name}" in files for name in ("python3", "python"))


def _line(prefix: str, files: Mapping[str, bytes], places: Mapping[str, list[str]]) -> str | None:
    """The line of the Python below a prefix: by its packages, its program, or what its link leads to."""
    begin = f"{prefix}/" if prefix else ""
    found = [
        matched[2]
        for place in places
        if (matched := _LIBRARY.fullmatch(place)) and (matched[1] or "") == prefix and "." in matched[2]
    ]
    for name in ("python3", "python"):
        goal = files.get(f"{begin}bin/{name}", b"").decode(errors="replace")
        found += re.findall(r"python(3\.\d+t?)$", goal)
    found += [
        matched[1]
        for path in files
        if (matched := re.fullmatch(re.escape(begin) + r"bin/python(3\.\d+t?)", path)) is not None
    ]
    return found[0] if found else None


def _installed(path: str, files: Mapping[str, bytes]) -> Installed:
    said = email.parser.BytesHeaderParser().parsebytes(files[path])
    folder, _, stem = posixpath.dirname(path).rpartition("/")
    name, _, version = stem.rpartition(".")[0].partition("-")
    beside = f"{folder}/{stem}" if folder else stem

    def text(file: str) -> str:
        return files.get(f"{beside}/{file}", b"").decode(errors="replace").strip()

    return Installed(
        name=str(said.get("Name") or name),
        version=str(said.get("Version") or version.partition("-")[0]),
        installer=text("INSTALLER"),
        direct=text("direct_url.json"),
    )


def _base(files: Mapping[str, bytes], version: str) -> str | None:
    """The image of Python on the release of Debian that an image has."""
    for path in _RELEASES & files.keys():
        text = files[path].decode(errors="replace")
        said = dict(re.findall(r"^(\w+)=\"?([^\"\n]*)\"?$", text, re.MULTILINE))
        if said.get("ID") == "debian" and said.get("VERSION_CODENAME"):
            return f"python:{version.removesuffix('t')}-slim-{said['VERSION_CODENAME']}"
        if said.get("ID") == "alpine":
            return f"python:{version.removesuffix('t')}-alpine"
    return None


def _variables(settings: Mapping[str, Any]) -> dict[str, str]:
    pairs = (str(entry).partition("=") for entry in settings.get("Env") or ())
    return {name: value for name, _, value in pairs}


def _configure(drafting: Drafting, image: Image, settings: Mapping[str, Any]) -> None:
    """Carry over what the configuration says, or name it."""
    for name, value in _variables(settings).items():
        text = f"ENV {name}={value}"
        if _OF_THE_BASE.fullmatch(name):
            drafting.leave(text, None, "is what an image of Python has itself")
        elif why := env_refusal(name, value):
            drafting.leave(text, None, why)
        else:
            drafting.env[name] = value
            drafting.carry(text)
    if folder := settings.get("WorkingDir"):
        image.workdir, image.moved = str(folder), True
        drafting.carry(f"WORKDIR {folder}")
    for key, name in _SAID.items():
        if given := settings.get(key):
            said = _instruction(key, given)
            flags = tuple(_flags(given)) if key == "Healthcheck" else ()
            image.sayings.append(Saying(name=name, value=said, flags=flags, item=len(drafting.items)))
            drafting.carry(f"{name} {said}")
    known = {*_SAID, "Env", "WorkingDir"}
    for key, value in settings.items():
        if key not in known and value:
            drafting.aside(f"{key} {json.dumps(value)}")


_TIMES = {
    "StartPeriod": "--start-period",
    "StartInterval": "--start-interval",
    "Interval": "--interval",
    "Timeout": "--timeout",
}
"""Options of HEALTHCHECK by what a configuration calls them, which tells nanoseconds."""


def _flags(check: Any) -> Iterator[str]:
    """The options of a health check as its instruction would say them."""
    said = check if isinstance(check, dict) else {}
    for key, option in _TIMES.items():
        if isinstance(time := said.get(key), int) and time > 0:
            yield f"{option}={time / 1e9:.9f}".rstrip("0").rstrip(".") + "s"
    if isinstance(tries := said.get("Retries"), int) and tries > 0:
        yield f"--retries={tries}"


def _instruction(key: str, value: Any) -> str:
    """A value of the configuration as the instruction would say it."""
    if key == "Healthcheck":
        test = list(value.get("Test") or ["NONE"]) if isinstance(value, dict) else ["NONE"]
        said = test[1] if test[0] == "CMD-SHELL" else json.dumps(test[1:])
        return "NONE" if test[0] == "NONE" else f"CMD {said}"
    if isinstance(value, dict):
        return json.dumps(list(value)) if key == "Volumes" else " ".join(value)
    return json.dumps(value) if isinstance(value, list) else str(value)
