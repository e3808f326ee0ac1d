"""Judges round trips of arrays and what threading runtimes do to each other."""

from __future__ import annotations

import signal
from collections.abc import Iterator

from builder.inside.probe import report
from builder.judge.facts import Facts
from builder.judge.rules.paths import shortened
from envspec.system import rules
from envspec.system.finding import Finding, Severity
from envspec.system.quoting import quoted_output


def judge_exchange(facts: Facts) -> Iterator[Finding]:
    """Findings about every round trip that failed, and about runtimes that are there twice."""
    for each in facts.raw["exchange"]:
        if "runtimes" not in each:
            yield from _trip(each, facts)
    yield from _runtimes(facts)


def _trip(each: report.ExchangeOutcome, facts: Facts) -> Iterator[Finding]:
    name = each["module"]
    owner = facts.owner(name)
    who = f"{owner.name} {owner.version}" if owner else name
    numpy = facts.by_name().get("numpy")  # it may have lost its metadata
    pair = f"{who} and numpy{f' {numpy.version}' if numpy else ''} do not go together: change one of them"
    if "wrong" in each:
        yield rules.EXCHANGE_WRONG.finding(
            f"an array sent through {who} came back changed: {quoted_output(each['wrong'])}",
            hint=pair,
            where=name,
        )
    elif "signal" in each:
        yield rules.EXCHANGE_FAILS.finding(
            f"an array sent through {who} crashes it ({signal.Signals(each['signal']).name})",
            hint=pair,
            where=name,
        )
    elif each.get("timeout"):
        yield rules.EXCHANGE_FAILS.finding(
            f"an array sent through {who} does not come back in time", hint=pair, where=name
        )
    elif error := each.get("error"):
        root = error.get("root") or error
        absent = "ModuleNotFoundError" in (root["type"], *root["bases"]) and not facts.owner(
            root.get("name", "")
        )
        yield rules.EXCHANGE_FAILS.finding(
            f"an array cannot be sent through {who}: {root['type']}: {quoted_output(root['message'])[:200]}",
            hint=f"install {root.get('name')} if that part is used" if absent else pair,
            where=name,
            severity=Severity.INFO if absent else None,
        )


def _runtimes(facts: Facts) -> Iterator[Finding]:
    tried = next((each for each in facts.raw["exchange"] if "runtimes" in each), None)
    if tried is not None and tried.get("signal"):
        files = tried["files"]
        yield rules.RUNTIMES.finding(
            f"{len(files)} copies of one OpenMP runtime end the process that loads more than one of them "
            f"({signal.Signals(tried['signal']).name}): {_named(files, facts)}",
            hint="keep one of them, or take builds that share it",
            where=files[-1].rpartition("/")[2],
            severity=Severity.ERROR,
        )
        return
    for kind, files in facts.raw["runtimes"].items():
        if len(files) > 1:
            yield rules.RUNTIMES.finding(
                f"lib{kind} is there {len(files)} times: {_named(files, facts)}",
                hint="nothing needs doing while everything works; threads may be more than the processors",
                where=f"lib{kind}",
            )


def _named(files: list[str], facts: Facts) -> str:
    return ", ".join(shortened(path, facts) for path in files[:3])
