"""EV179: what belongs to a host of another version, or of another CUDA: plugins, builds for each CUDA."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from packaging.version import InvalidVersion, Version

from envspec.supply.wheel import Wheel, WheelError
from envspec.system import rules
from envspec.system.finding import Finding, Severity
from envspec.system.quoting import with_version

_BUILD = re.compile(r"(?P<stem>(?:.*/)?[^/]*?_(?:cuda|cu))(?P<cuda>\d{3})(?:_\w+)?\.so")
"""A file for one release of CUDA, as `libbitsandbytes_cuda128.so` is for 12.8."""
_TORCH_CUDA = re.compile(r"^cuda\b[^=\n]*=\s*['\"](\d+)\.(\d+)", re.MULTILINE)
_LOOKS_AROUND = re.compile(r"\.(?:r?glob|iterdir)\(|\b(?:listdir|scandir|glob)\(")
_LOCAL = re.compile(r"cu(\d{2,3})|cpu")
_JAX_PLUGIN = re.compile(r"jax-cuda\d+-(?:plugin|pjrt)")
_EQUAL = re.compile(r"!=\s*_?parse\w*\(|jaxlib_version\W+!=|!=\W+plugin_version")


def plugin_findings(
    wheels: Mapping[str, Wheel],
    versions: Mapping[str, str],
    *,
    gpu: tuple[str, ...] | None,
    environment: Mapping[str, str],
    read: Callable[[str, str], str] | None = None,
) -> Iterator[Finding]:
    """EV179. `environment` is what the spec sets; `read` gives the text of a package's file, or nothing."""
    if gpu == ():
        return
    text = read or (lambda package, path: _text(wheels, package, path))
    severity = Severity.ERROR if gpu else Severity.WARNING
    cuda = torch_cuda(text("torch", "torch/version.py"))
    if cuda and not any(name.endswith("CUDA_VERSION") for name in environment):
        yield from _builds(wheels, versions, cuda, text, severity)
    yield from _locals(versions, cuda, severity)
    yield from _jax(versions, text, severity)


def torch_cuda(version_file: str) -> tuple[int, int] | None:
    """The CUDA that torch was built with, of its `torch/version.py`; None for a build without."""
    found = _TORCH_CUDA.search(version_file)
    return (int(found[1]), int(found[2])) if found else None


def _builds(
    wheels: Mapping[str, Wheel],
    versions: Mapping[str, str],
    cuda: tuple[int, int],
    text: Callable[[str, str], str],
    severity: Severity,
) -> Iterator[Finding]:
    """Packages with a file for each release of CUDA, of which they load that of torch."""
    for package, wheel in wheels.items():
        if package.startswith("nvidia-"):
            continue
        stems: dict[str, set[tuple[int, int]]] = {}
        for path in wheel.library:
            if matched := _BUILD.fullmatch(path):
                number = matched["cuda"]
                stems.setdefault(matched["stem"], set()).add((int(number[:2]), int(number[2:])))
        for stem, there in stems.items():
            if len(there) < 2 or cuda in there:  # one alone is no choice among releases
                continue
            same = [one for one in there if one[0] == cuda[0]]
            if same and _chooses(wheel, stem, text):
                continue
            shown = ", ".join(f"{major}.{minor}" for major, minor in sorted(there))
            yield rules.PLUGIN_MISMATCH.finding(
                f"{with_version(package, versions)} has builds for CUDA {shown}, and none for "
                f"{cuda[0]}.{cuda[1]}, that of {with_version('torch', versions)}",
                hint=f"take a {package} that has one, or a torch for a CUDA that it knows",
                where=package,
                severity=severity,
            )


def _chooses(wheel: Wheel, stem: str, text: Callable[[str, str], str]) -> bool:
    """Whether the Python that names such files also looks which of them there are, and so takes a near one.

    What looks for files elsewhere in a module is taken for it: an error must be certain.
    """
    word = stem.rpartition("/")[2]
    folder = stem.partition("/")[0]
    beginning = word.rpartition("_")[0]
    for entry in wheel.entries:
        if entry.name.endswith(".py") and entry.name.startswith(folder) and entry.size < 1 << 20:
            body = text(wheel.metadata.name, entry.name)
            if beginning in body and _LOOKS_AROUND.search(body):
                return True
    return False


def _locals(
    versions: Mapping[str, str], cuda: tuple[int, int] | None, severity: Severity
) -> Iterator[Finding]:
    """Builds that name their CUDA in their version, as PyTorch's own index has them, beside torch's."""
    for package, version in versions.items():
        build = _build(version)
        if package == "torch" or cuda is None or build is None or not package.startswith("torch"):
            continue
        named = f"{with_version(package, versions)} is built for"
        if build and build != cuda[0]:
            yield rules.PLUGIN_MISMATCH.finding(
                f"{named} CUDA {build}, and {with_version('torch', versions)} for CUDA {cuda[0]}",
                hint=f"take both from one index, such as {package} with +cu{cuda[0]}{cuda[1]}",
                where=package,
                severity=severity,
            )
        elif not build:
            yield rules.PLUGIN_MISMATCH.finding(
                f"{named} processors alone, and {with_version('torch', versions)} for CUDA {cuda[0]}: what "
                "it computes itself it does not compute on a card",
                hint=f"take both from one index, such as {package} with +cu{cuda[0]}{cuda[1]}",
                where=package,
                severity=Severity.WARNING,
            )


def _build(version: str) -> int | None:
    """The major of CUDA that a version names; 0 for processors, None where it names none."""
    try:
        found = _LOCAL.fullmatch(Version(version).local or "")
    except InvalidVersion:
        return None
    if found is None:
        return None
    return int(found[1][:2]) if found[1] else 0


def _jax(
    versions: Mapping[str, str], text: Callable[[str, str], str], severity: Severity
) -> Iterator[Finding]:
    """JAX leaves a plugin aside that is not of the version of jaxlib. Source: jaxlib/plugin_support.py."""
    jaxlib = versions.get("jaxlib")
    plugins = [name for name in versions if _JAX_PLUGIN.fullmatch(name)]
    for package in plugins:
        if jaxlib is None:
            yield rules.PLUGIN_MISMATCH.finding(
                f"{with_version(package, versions)} is a plugin of jaxlib, which is not in the set",
                hint=f"add jax=={versions[package]} to a stage",
                where=package,
                severity=severity,
            )
        elif _release(versions[package]) != _release(jaxlib) and _EQUAL.search(
            text("jaxlib", "jaxlib/plugin_support.py")
        ):
            yield rules.PLUGIN_MISMATCH.finding(
                f"{with_version(package, versions)} is a plugin of jaxlib {versions[package]}, and "
                f"{with_version('jaxlib', versions)} does not use it: JAX knows the processor alone",
                hint=f"pin {package}=={jaxlib}, or jax and jaxlib {versions[package]}",
                where=package,
                severity=severity,
            )


def _release(version: str) -> tuple[int, ...]:
    try:
        return Version(version).release
    except InvalidVersion:
        return ()


def _text(wheels: Mapping[str, Wheel], package: str, path: str) -> str:
    wheel = wheels.get(package)
    name = wheel.library.get(path) if wheel else None
    if wheel is None or name is None:
        return ""
    try:
        return wheel.read(name).decode("utf-8", "replace")
    except WheelError:
        return ""
