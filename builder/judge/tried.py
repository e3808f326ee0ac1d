"""What the facts of a program's trial mean: why it does not work, or how it does (EV301 to EV308, EV315)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from builder.judge.expected import differences
from builder.judge.understood import error_rate
from builder.values.plan import Plan
from builder.values.program import PlannedProgram
from envspec.spec.program import DEADLINE, MAIN, START_TIMEOUT, Heard, RunTrial
from envspec.system import rules
from envspec.system.finding import Finding, Severity
from envspec.system.process import quote_command
from envspec.system.quoting import quoted_output, shortened
from envspec.system.rules import Rule

SILENCE = 100
"""Root mean square of 16-bit samples below which audio is no speech: a quiet voice has some thousands."""
_LINES = 8
"""Of a program's last words."""
_WHY = {
    "network": "a network, which it is not given here: only the docker and virtualenv backends have one to "
    "give, and not with --offline",
    "model": "a model, and the environment has none",
    "gpu": "a card, and there is none here",
}


def judge_trials(plan: Plan, tried: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Findings about all programs; `tried` are the facts of each by its name."""
    for program in plan.programs:
        if program.name in tried:
            yield from judge_trial(tried[program.name], program, service=plan.service is not None)


def judge_trial(
    facts: Mapping[str, Any], program: PlannedProgram, *, service: bool = False
) -> Iterator[Finding]:
    """Findings about one program; `service` says that the main one is what `[service]` names."""
    yield from _Judge(facts, program, service and program.name == MAIN).findings()


def called(name: str, *, payload: bool) -> str:
    """What messages call a program."""
    if payload:
        return "the payload"
    return "the main program" if name == MAIN else f"program {name}"


class _Judge:
    def __init__(self, facts: Mapping[str, Any], program: PlannedProgram, payload: bool) -> None:
        self.facts = facts
        self.program = program
        self.payload = payload
        self.name = called(program.name, payload=payload)
        own = "run" if program.name == MAIN else f"run.{program.name}"
        self.where = "service" if payload else own
        self.last = _last(str(facts.get("log", "")))

    def findings(self) -> Iterator[Finding]:
        facts = self.facts
        if "missing" in facts:
            yield rules.PROGRAM_MISSING.finding(
                f"{self.name} cannot be started: {facts['missing']}",
                hint=f"its command is `{quote_command(self.program.command)}`: "
                "install the package that brings it, or name one that is there",
                where=self.where,
            )
        elif "in_use" in facts:
            yield rules.TRIAL_LEFT_OUT.finding(
                f"{self.name} was not tried: port {facts['in_use']} of this machine is in use",
                hint="end what listens there; or write {port} in its command, and any free port is taken",
                where=self.where,
                severity=Severity.WARNING,
            )
        elif "ready" in facts and not facts["ready"]:
            yield self._not_ready()
        elif "found" in facts:
            yield self._looked_for()
        else:
            yield from self._used()

    def _used(self) -> Iterator[Finding]:
        facts = self.facts
        found = [
            finding
            for number, trial in enumerate(self.program.trials)
            for finding in self._trial(number, trial, (*facts.get("trials", ()), *[{}] * number)[number])
        ]
        yield from found
        if "ended" in facts:
            yield self._failed(
                rules.PROGRAM_ENDS, f"{self.name} ended with {facts['ended']} while it was tried", self.last
            )
        elif not any(finding.severity is Severity.ERROR for finding in found):
            yield self._works()

    def _works(self) -> Finding:
        facts = self.facts
        if "ready_seconds" not in facts:
            runs = [each["seconds"] for each in facts.get("trials", ()) if "seconds" in each]
            said = f"{self.name} ends as its trials expect, after {sum(runs):.1f} s"
        else:
            state = "is ready" if self.program.health else "still runs"
            memory = f"{facts.get('memory', 0) / 1e6:.0f} MB"
            said = f"{self.name} {state} after {facts['ready_seconds']:.1f} s and holds {memory}"
        return rules.PROGRAM_WORKS.finding(said, where=self.where)

    def _looked_for(self) -> Finding:
        if absent := self.facts.get("absent"):
            why = f"it writes to {', '.join(absent)}, which only an image has"
        elif self.facts.get("trials"):
            why = "none of its trials can be made here"
        else:
            why = "it is a job without a trial"
        return rules.TRIAL_LEFT_OUT.finding(
            f"{self.name} was not run, for {why}; its command is there", where=self.where
        )

    def _not_ready(self) -> Finding:
        facts = self.facts
        if "ended" in facts:
            doing = "serving" if self.program.port else "running on"
            return self._failed(
                rules.PROGRAM_ENDS, f"{self.name} ends with {facts['ended']} instead of {doing}", self.last
            )
        if facts.get("broken"):
            message = f"{self.name} could not be tried in the environment"
            return self._failed(rules.PROGRAM_ENDS, message, self.last)
        if "refused" in facts and self.program.health is not None:
            return self._refused(facts["refused"], self.program.health.path or "")
        seen = facts.get("seen", "nothing was seen of it")
        patience = self.program.start_timeout or DEADLINE
        message = f"{self.name} is not ready after {patience:g} s: {seen}"
        return self._failed(rules.PROGRAM_NOT_READY, message, self.last)

    def _refused(self, answer: Mapping[str, Any], path: str) -> Finding:
        said = quoted_output(answer.get("said", ""))
        server = f" ({shortened(str(answer['server']).strip(), 80)})" if answer.get("server") else ""
        message = (
            f"{self.name} runs and answers GET {path}, its health, with {answer.get('status', 'nothing')}"
        )
        return rules.PROGRAM_NOT_READY.finding(
            f"{message}{server}: {said}" if said else f"{message}{server}",
            hint=f"name as health a path that answers 200; where {path} does so later, say with "
            f"`{START_TIMEOUT}` how many seconds to wait",
            where=self.where,
        )

    def _trial(self, number: int, trial: RunTrial, answer: Mapping[str, Any]) -> Iterator[Finding]:
        place = f"{self.where}.trial" if self.payload else f"{self.where}.trial[{number}]"
        if "lacks" in answer:
            yield rules.TRIAL_LEFT_OUT.finding(
                f"a trial of {self.name} was not made: it needs {_WHY[answer['lacks']]}", where=place
            )
        elif trial.path is not None:
            yield from self._answer(trial, answer, place)
        else:
            yield from self._end(trial, answer, place)

    def _answer(self, trial: RunTrial, answer: Mapping[str, Any], place: str) -> Iterator[Finding]:
        """What is wrong with the answer to a request."""
        sends = trial.sent is not None or trial.body is not None
        request = f"{trial.method or ('POST' if sends else 'GET')} {trial.path}"
        said = quoted_output(answer.get("said", ""))
        wrong = ""
        if "status" not in answer:
            wrong = f"with nothing: {quoted_output(answer.get('error', 'no answer came'))}"
        elif answer["status"] != trial.status:
            wrong = f"with {answer['status']} instead of {trial.status}: {said}"
        elif "no_json" in answer:
            wrong = f"with what is no JSON: {said}"
        elif trial.expect is not None and (unlike := differences(trial.expect, answer.get("json"))):
            wrong = f"otherwise than expected: {quoted_output(unlike)}"
        elif answer.get("holds") is False:
            wrong = f"without {shortened(repr(trial.output), 80)}: {said}"
        if wrong:
            message = f"{self.name} answers {request} {wrong}"
            yield self._failed(rules.PROGRAM_NO_ANSWER, message, self.last, place)
        elif "audio" in answer:
            yield from self._audio(answer["audio"], place)
            if trial.heard is not None and "heard" in answer:
                yield from self._heard(trial.heard, answer["heard"], place)

    def _heard(self, wish: Heard, answer: Mapping[str, Any], place: str) -> Iterator[Finding]:
        """What is wrong with what was understood of the audio."""
        if answer.get("status") != 200 or "text" not in answer:
            said = answer.get("error") or answer.get("said") or "no text"
            yield rules.NOT_UNDERSTOOD.finding(
                f"nobody heard the trial's audio: {wish.by} answers {answer.get('status', 'nothing')}: "
                f"{quoted_output(said)}",
                hint="give the environment ears, as TTS_EARS and TTS_EARS_MODEL in [service.env] do, or say "
                "with `by` what listens",
                where=place,
            )
            return
        rate = error_rate(wish.text, answer["text"])
        if rate > wish.within:
            yield rules.NOT_UNDERSTOOD.finding(
                f"the trial's audio is not understood: {shortened(repr(answer['text']), 200)} was heard of "
                f"{shortened(repr(wish.text), 200)}, {rate:.0%} otherwise, and {wish.within:.0%} may be",
                hint="listen to it; another voice, its language told, or a larger model may be the cure",
                where=place,
            )

    def _audio(self, audio: Mapping[str, Any], place: str) -> Iterator[Finding]:
        if "error" in audio:
            wrong = f"the trial's answer holds no audio: {audio['error']}"
        elif not audio["seconds"]:
            wrong = "the trial's audio is empty"
        elif audio.get("rms", SILENCE) < SILENCE:
            wrong = f"the trial's audio is silent: its root mean square is {audio['rms']}"
        else:
            return
        yield self._failed(rules.PROGRAM_NO_SPEECH, wrong, "", place)

    def _end(self, trial: RunTrial, answer: Mapping[str, Any], place: str) -> Iterator[Finding]:
        """What is wrong with how a command ended, or the program itself."""
        words = trial.command or (*self.program.command, *trial.args)
        what = f"`{shortened(quote_command(words), 100)}`"
        if "missing" in answer:
            yield rules.PROGRAM_MISSING.finding(
                f"{what} of a trial of {self.name} cannot be started: {answer['missing']}",
                hint="name a command that the environment has",
                where=place,
            )
            return
        if answer.get("late"):
            wrong = f"does not end in {trial.timeout:g} s"
        elif answer.get("exit") != trial.exit:
            wrong = f"ends with {_exit(answer.get('exit'))} instead of {trial.exit}"
        elif answer.get("holds") is False:
            wrong = f"does not say {shortened(repr(trial.output), 80)}"
        else:
            return
        message = f"{what}, a trial of {self.name}, {wrong}"
        yield self._failed(rules.TRIAL_ENDS, message, _last(str(answer.get("said", ""))), place)

    def _failed(self, rule: Rule, message: str, last: str, where: str = "") -> Finding:
        command = "serve" if self.payload else f"run {self.program.name}"
        hint = f"its last words:\n{last}" if last else f"`envspec {command}` starts it for a closer look"
        return rule.finding(message, hint=hint, where=where or self.where)


def _exit(code: Any) -> str:
    return f"signal {-code}" if isinstance(code, int) and code < 0 else str(code)


def _last(text: str) -> str:
    return quoted_output("\n".join(text.strip().splitlines()[-_LINES:]))
