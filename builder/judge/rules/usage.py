"""Judges code in use: names and arguments that other installed distributions do not have."""

from __future__ import annotations

from collections.abc import Iterator

from builder.inside.probe import report
from builder.judge.facts import Distribution, Facts
from builder.judge.rules.paths import shortened
from builder.judge.rules.together import together
from envspec.system import rules
from envspec.system.finding import Finding, Severity

SHARE = 0.1
"""Share of a distribution's modules that a failing one must take down to count as more than a dead corner."""
WIDE = 0.5
"""The share for a module that fails at its own import statements: whole corners are optional."""
FEW = 3
"""How many modules such a failure must take down at least: a share of a few says nothing."""


def judge_usage(facts: Facts) -> Iterator[Finding]:
    """Findings about uses without a way out that were confirmed by importing what uses them.

    One finding for each pair of distributions. It is an error where whoever uses the package runs into it, by
    importing it or by constructing what it exports, and where a requirement is violated besides; a function
    that fails is a warning.
    """
    pairs: dict[tuple[str, str], list[report.Misfit]] = {}
    told = _told(facts)
    for job in facts.raw["usage"]:
        for each in [*job.get("missing", []), *job.get("refused", [])]:
            if each.get("confirmed", True) and (each["path"], each["line"]) not in told:
                user = each.get("caller", job["module"])
                pairs.setdefault((user, _provider(each["name"], facts)), []).append(each)
    for (root, provider), uses in pairs.items():
        yield _finding(root, provider, uses, facts)


def _told(facts: Facts) -> set[tuple[str, int]]:
    """Files and lines in which commands end when they are imported: of those the imports' findings speak."""
    commands = {module for module, door in facts.raw["doors"].items() if door["command"]}
    failed = [each for each in facts.imports if each.module in commands]
    return {each.root.frames[-1][:2] for each in failed if each.root and each.root.frames}


def _finding(root: str, provider: str, uses: list[report.Misfit], facts: Facts) -> Finding:
    graded = sorted(uses, key=lambda each: (_weight(root, each, facts).rank, each["deep"]))
    first = graded[0]
    user = facts.owner(root)
    if "argument" in first:
        rule, what = rules.ARGUMENT, _refused(first, provider)
    else:
        rule, what = rules.NAME_GONE, f"uses {first['name']}, which {provider} does not have"
        if first.get("unloaded"):
            what = f"uses {first['name']}, a module of {provider} that neither of the two imports"
        if first.get("instead"):
            what = f"overrides {first['name']}, where {provider} calls {first['instead']} by now"
        if first.get("removed"):
            what = f"uses {first['name']}, which {provider} has only to say that it is gone"
        if first.get("optional"):
            what = f"uses {first['name']}, which {provider} has only where something else is installed"
        if first.get("meant"):
            what += f" (written wrong, it seems: it has {first['meant']})"
    if user is not None and user in facts.owners().get(first["name"].partition(".")[0], ()):
        return _overwritten(user, first, facts)
    more = f", and {len(uses) - 1} more of the kind" if len(uses) > 1 else ""
    taken = f"; {first['takes']} of {first['of']} modules cannot be imported" if first.get("takes") else ""
    if first.get("tried"):
        taken += f"; tried: `{first['tried']}` ends there"
    if first.get("commands"):
        taken += f", and the command {first['commands'][0]} cannot start"
    owner = facts.owner(first["name"])
    return rule.finding(
        f"{first['module']} {what} ({_place(first, facts)}){more}{taken}",
        hint=_advice(user, owner, provider),
        where=first["module"],
        module=first["module"] if first.get("kind") == "import" and not first["deep"] else "",
        between=[each.key for each in (user, owner) if each is not None],
        also=sorted({each["name"] for each in uses[1:]} - {first["name"]}),
        lacks="" if "argument" in first or owner is None else first["name"],
        severity=_weight(root, first, facts),
    )


def _advice(user: Distribution | None, owner: Distribution | None, provider: str) -> str:
    """What to do about a user and what it uses, which may be Python itself."""
    if user is None:
        return ""
    if owner is None:
        return f"{user.name} {user.version} was not made for {provider}: take a newer one, or an older Python"
    return together(
        user, owner, f"`envspec fix` searches for versions that do: {owner.name}'s or {user.name}'s"
    )


def _refused(first: report.Misfit, provider: str) -> str:
    if first.get("overrides"):
        what = repr(first["argument"]) if first["argument"] else "an argument"
        return f"overrides {first['name']} without {what} that {provider} passes to it"
    if first.get("doubtful"):
        return f"passes copy=False to {first['name']}, and {provider} refuses what it must copy"
    if first["argument"]:
        return f"passes {first['argument']!r} to {first['name']}, and {provider} does not take it"
    if first.get("demanded"):
        return f"does not pass {first['demanded']!r} to {first['name']}, which {provider} demands"
    given, taken = first["given"], first["taken"]
    return f"passes {given} arguments by their place to {first['name']}, and {provider} takes {taken}"


def _overwritten(user: Distribution, first: report.Misfit, facts: Facts) -> Finding:
    """A distribution that misses its own names: what another wrote over it took them away."""
    others = [each for each in facts.owners()[first["name"].partition(".")[0]] if each != user]
    return rules.OVERWRITTEN.finding(
        f"{' and '.join(each.name for each in (user, *others))} install the same files: "
        f"{first['module']} misses {first['name']} of its own package ({_place(first, facts)})",
        hint=f"keep one of them, and reinstall it: {', '.join(each.name for each in (user, *others))}",
        where=first["name"].partition(".")[0],
        severity=Severity.ERROR,
    )


def _weight(root: str, each: report.Misfit, facts: Facts) -> Severity:
    user, provider = facts.owner(root), facts.owner(each["name"])
    needs = user is not None and provider is not None and user.needs(provider)
    if "caller" in each:  # what is called may be what the other was given
        needs = needs or (user is not None and provider is not None and provider.needs(user))
    if each.get("optional"):
        return Severity.INFO  # it was never promised: something else brings it
    if each["deep"]:
        severity = _weight_in_function(each, needs=needs, own=provider is None)
    else:
        commands = each.get("commands") and user is not None and facts.is_wanted(user)
        severity = _weight_at_import(each, needs=needs, starts=bool(commands))
    violated = user is not None and provider is not None and facts.violates(user, provider)
    return Severity.ERROR if violated and each["hot"] and each.get("kind") != "hook" else severity


def _weight_in_function(each: report.Misfit, *, needs: bool, own: bool) -> Severity:
    """That of a use which only runs when its function is called; `own`: of what is Python's own."""
    if each.get("raised") or each.get("meant"):
        return Severity.INFO  # the call fails anyhow; or a slip of the pen that no version cures
    # Something public was called, and ended there.
    if each.get("tried") and (needs or own) and not each.get("corner"):
        return Severity.ERROR
    if each.get("kind") == "hook":
        return Severity.INFO  # it may be there for older versions, or for calls of its own
    if not each["hot"]:  # nothing here has loaded it, but a function may
        return Severity.WARNING if needs and each.get("used") else Severity.INFO
    if each.get("unloaded"):
        return Severity.WARNING if each["reach"] else Severity.INFO
    return Severity.ERROR if each["reach"] in ("import", "constructor") else Severity.WARNING


def _weight_at_import(each: report.Misfit, *, needs: bool, starts: bool) -> Severity:
    """That of a use which ended the import of its module; `starts`: and that of a command with it."""
    taken, of = each.get("takes", 0), each.get("of", 1)
    used = bool(each.get("used"))
    if each["hot"] or starts or (needs and used):
        return Severity.ERROR  # whoever imports it, or calls the function that does, runs into it
    if taken <= 1 and not each.get("commands"):
        return Severity.INFO  # a corner that nothing here has loaded
    if each["kind"] == "import":  # whole corners are optional
        certain = taken >= max(WIDE * of, FEW) or each.get("surface", False)
    else:
        certain = taken >= SHARE * of or (taken >= FEW and used)
    if certain:
        return Severity.ERROR
    return Severity.WARNING if needs or each.get("commands") else Severity.INFO


def _place(each: report.Misfit, facts: Facts) -> str:
    return f"{shortened(each['path'], facts)}:{each['line']}"


def _provider(name: str, facts: Facts) -> str:
    owner = facts.owner(name)
    return f"{owner.name} {owner.version}" if owner else f"Python {facts.python['version']}"
