"""Judges pytest and its plugins: what ends the least of tests is a fault of one of them, or its own."""

from __future__ import annotations

from collections.abc import Iterator

from builder.inside.probe import report
from builder.judge.facts import Distribution, Facts
from builder.judge.rules.paths import shortened
from envspec.system import rules
from envspec.system.finding import Finding, Severity
from envspec.system.quoting import quoted_output

UNFIT = ("AttributeError", "NameError", "PluginValidationError", "TypeError")
"""Exceptions of code that does not fit its host: others may ask for what a project would set."""

ABSENT = "ImportError"
"""Of imports that fail their own findings tell, but who wants such a plugin cannot start its host."""


def judge_plugins(facts: Facts) -> Iterator[Finding]:
    """Findings about runs that end with all plugins and not without any, and about those that always end."""
    for each in facts.raw["plugins"]:
        error = each.get("error")
        if "alone" in each:
            yield from _unable(each["module"], each["alone"], facts)
        if error is None or not each.get("control"):
            continue
        root = error.get("root") or error
        kinds = {root["type"], *root["bases"]}
        host = facts.by_name().get(each["module"])
        guilty = _guilty(root, host, facts)
        missed = ABSENT in kinds and guilty is not None and facts.is_wanted(guilty)
        if kinds.isdisjoint(UNFIT) and not missed:
            continue
        called = f"{each['module']} {host.version}" if host else each["module"]
        whom = f"{guilty.name} {guilty.version}" if guilty else "its plugins"
        yield rules.PLUGIN_BREAKS_HOST.finding(
            f"{called} cannot run tests with {whom}: {_said(root, facts)}",
            hint=_advice(called, guilty, missed=missed),
            where=guilty.name if guilty else each["module"],
        )


def _unable(module: str, error: report.FaultFacts, facts: Facts) -> Iterator[Finding]:
    """That a host cannot run tests here, whatever is installed beside it."""
    root, host = error.get("root") or error, facts.by_name().get(module)
    if host is None or {root["type"], *root["bases"]}.isdisjoint(UNFIT):
        return
    where = f"Python {facts.python['version']}"
    yield rules.PLUGIN_BREAKS_HOST.finding(
        f"{host.name} {host.version} cannot run tests on {where}: {_said(root, facts)}",
        hint=f"take a newer {host.name}, or an older Python",
        where=host.name,
        severity=None if facts.is_wanted(host) else Severity.WARNING,
    )


def _said(root: report.FaultFacts, facts: Facts) -> str:
    path, line, _ = root["frames"][-1] if root["frames"] else ("", 0, "")
    place = f" ({quoted_output(shortened(path, facts))}:{line})" if path else ""
    return f"{root['type']}: {quoted_output(root['message'])[:300]}{place}"


def _advice(called: str, guilty: Distribution | None, *, missed: bool) -> str:
    if guilty is None:
        return "start it with `-p no:NAME` for one plugin after the other, to see which it is"
    if missed:
        return f"see what else is said of {guilty.name}: it cannot be imported here; or start it without it"
    return f"{called} and {guilty.name} {guilty.version} do not go together: change one of them"


def _guilty(root: report.FaultFacts, host: Distribution | None, facts: Facts) -> Distribution | None:
    """The plugin whose code was run last before the failure; it is neither the host nor pluggy."""
    brought = {facts.by_name().get(name) for name in ("pluggy",)} | {host}
    met = [facts.owner_of_file(frame[0]) for frame in root["frames"]]
    return next((each for each in reversed(met) if each is not None and each not in brought), None)
