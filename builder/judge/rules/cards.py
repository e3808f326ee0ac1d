"""Judges what only a machine with a card shows, and tells what stood in for a driver that is not there."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

from builder.inside.probe import report
from builder.judge.facts import Facts
from builder.judge.rules.paths import shortened
from envspec.system import rules
from envspec.system.finding import Finding, Severity
from envspec.system.quoting import quoted_output

SHOWN = 3
_RUNTIME = re.compile(r"nvidia-cuda-runtime(?:-cu\d+)?")
"""The distributions that bring CUDA's runtime, of its own version."""


def judge_cards(facts: Facts) -> Iterator[Finding]:
    """Findings about the driver, the cards, and what was computed on them."""
    yield from _stood_in(facts)
    device = facts.raw["device"]
    if not device["nodes"]:
        return
    yield from _driver(device, facts)
    if error := device.get("error"):
        yield rules.CARD_IDLE.finding(
            f"this machine has {len(device['nodes'])} cards, and the driver's library does not work here: "
            f"{quoted_output(error)[:200]}",
            hint="give the container the card and the driver's libraries: the toolkit does with `--gpus all`",
        )
    for trial in device.get("trials", []):
        yield from _trial(trial, device, facts)


def _stood_in(facts: Facts) -> Iterator[Finding]:
    """EV299 for what was imported with a library in the driver's place."""
    modules = sorted(each.module for each in facts.imports if each.stands_in and not each.failed)
    if modules:
        more = f" and {len(modules) - SHOWN} more" if len(modules) > SHOWN else ""
        yield rules.DEVICE_WANTED.finding(
            f"{', '.join(modules[:SHOWN])}{more} load the driver's libraries, which are the host's: others "
            "that know no device were loaded in their place",
            where=modules[0],
        )


def _driver(device: report.DeviceFacts, facts: Facts) -> Iterator[Finding]:
    """EV295: a runtime of a newer major CUDA than the driver serves.

    Within a major version every driver will do. Source: CUDA Compatibility, "minor version compatibility".
    """
    served = device.get("cuda", 0) // 1000
    for name, dist in facts.by_name().items():
        major = dist.version.partition(".")[0]
        if served and _RUNTIME.fullmatch(name) and major.isdigit() and int(major) > served:
            yield rules.CARD_OLD_DRIVER.finding(
                f"{dist.name} {dist.version} is of CUDA {major}, and the driver here"
                + (f" ({device['driver']})" if device["driver"] else "")
                + f" serves CUDA {served} at most",
                hint=f"take a newer driver, or packages built for CUDA {served}",
                where=name,
            )


def _trial(trial: report.DeviceTrial, device: report.DeviceFacts, facts: Facts) -> Iterator[Finding]:
    what, module = trial["what"], trial["module"]
    owner = facts.owner(module)
    who = f"{owner.name} {owner.version}" if owner else module
    said = _said(trial)
    if refused := trial.get("refused"):
        named = ", ".join(f"{card['name']} ({card['major']}.{card['minor']})" for card in device["cards"])
        yield rules.CARD_IDLE.finding(
            f"{who} cannot use the card here ({named}, driver {device['driver']}): {quoted_output(refused)}",
            hint="see whether its CUDA fits the driver and its kernels the card: `envspec check` proves both",
            where=module,
        )
    elif said and " to " in what:
        yield rules.CARD_EXCHANGE.finding(
            f"an array sent from {what} on the card {said}",
            hint="pass it through the processor's memory, or change one of the two",
            where=module,
            severity=Severity.ERROR if "wrong" in trial else Severity.WARNING,
        )
    elif said and (lines := _told(trial, facts)):
        path, line = lines[0]
        yield rules.CARD_COMPUTES_WRONG.finding(
            f"{who}: the {trial.get('at', 'first kernel')} on the card {said}, by the fault that is told of "
            f"{shortened(path, facts)}:{line}",
            hint="mend that one",
            where=module,
            severity=Severity.INFO,
        )
    elif said:
        step = trial.get("at", "first kernel")
        yield rules.CARD_COMPUTES_WRONG.finding(
            f"{who}: the {step} on the card {said}",
            hint=f"change {who} or what it computes with: `envspec check` names what it lacks",
            where=module,
        )


def _told(trial: report.DeviceTrial, facts: Facts) -> list[tuple[str, int]]:
    """Lines at which a trial failed and that use what is not there: EV260 tells of those."""
    error = trial.get("error")
    frames = (error.get("root") or error)["frames"] if error else []
    reached = {(frame[0], frame[1]) for frame in frames}
    misfits = (each for job in facts.raw["usage"] for each in job.get("missing", []) if each.get("confirmed"))
    return [line for each in misfits if (line := (each["path"], each["line"])) in reached]


def _said(trial: report.DeviceTrial) -> str:
    """How a trial went wrong; empty where it did not."""
    if "wrong" in trial:
        return f"is wrong: {quoted_output(trial['wrong'])}"
    if error := trial.get("error"):
        root = error.get("root") or error
        return f"fails: {root['type']}: {quoted_output(root['message'])[:300]}"
    if number := trial.get("signal"):
        return f"ends the process with {signal.Signals(number).name}"
    return "does not come to an end" if trial.get("timeout") else ""
