"""The service under load, beside the article's code that it replaces, and while its workers are killed.

32 clients ask both servers in turn, first for sentences that are all different, then for sentences of which
nine in ten are one of ten. What is said of both: requests answered a second, the 99th percentile of the time
to an answer, and errors other than those that ask to come back.
"""

from __future__ import annotations

import itertools
import os
import statistics
import time
from collections.abc import Callable, Iterator

from bench.measured import MEGABYTES, MILLISECONDS, PER_SECOND, SECONDS, Measured, Side, Size, Unit
from bench.service import emotions, hardship, load, loop, sides, texts, understood
from service.client import Client
from service.hearing.choose import EARS
from service.settings.environment import Settings
from service.voices.choose import ENGINES
from service.voices.espeak import Espeak
from service.voices.fastspeech import find_model

TIMES = Unit(symbol="x", more_is_better=True)
ERRORS = Unit(symbol="errors", digits=0)
EMOTIONS = Unit(symbol="of 7", more_is_better=True, digits=0)

KINDS = (("distinct sentences", 0.0, 1.5, 0.5), ("90 % repeated", 0.9, 8.0, 0.25))
"""Share of repeated requests, and what is promised: times the rate, and share of the 99th percentile."""
LONG = 4000
"""Characters of the text whose first sound is waited for."""
SOONER = 20.0
"""Times sooner than the whole that it is to come."""


def measurements(size: Size) -> Iterator[Measured]:
    """All that is promised of the service."""
    for name, repeated, rate, share in KINDS:
        yield from _side_by_side(name, repeated, rate, share, size)
    yield from _first_sound(size)
    engine = Espeak(workers=1, queue_wait=20)
    try:
        told = emotions.told_apart(engine, 3 if size.quick else emotions.SENTENCES)
    finally:
        engine.close()
    yield Measured(
        name="emotions told apart", unit=EMOTIONS, sides=(Side(name="espeak", values=(told,)),), goal=7
    )
    yield from _understood(20 if size.quick else 100)
    yield from _loop(3 if size.quick else 12)
    yield from _hardship(20 if size.quick else 600)


def _side_by_side(name: str, repeated: float, rate: float, share: float, size: Size) -> Iterator[Measured]:
    """Both servers loaded in turn, one resting while the other works."""
    seconds = 3.0 if size.quick else 10.0
    mine: list[load.Outcome] = []
    theirs: list[load.Outcome] = []
    with sides.ours() as (port, _), sides.theirs() as (other, _):
        Client(f"http://127.0.0.1:{port}").wait_until_ready()
        for turn in range(size.runs):
            for found, where in ((mine, port), (theirs, other)):
                job = load.Job(port=where, seed=1000 * turn + where, repeated=repeated, seconds=seconds)
                found.append(load.run(job))
    for what, unit, value in (
        ("answers", PER_SECOND, lambda one: len(one.latencies) / one.seconds),
        ("99th percentile", MILLISECONDS, lambda one: 1000 * percentile(one.latencies, 0.99)),
        ("errors", ERRORS, lambda one: one.errors),
        ("the load's own share of a processor", Unit(symbol="CPU"), lambda one: one.cpu),
    ):
        goal = 0 if unit is ERRORS else None
        yield Measured(name=f"{name}, {what}", unit=unit, sides=_sides(value, mine, theirs), goal=goal)
    if repeated:  # the one number of all answers hides how the few that are spoken fare
        yield Measured(
            name=f"{name}, 99th percentile of the texts that are not",
            unit=MILLISECONDS,
            sides=_sides(lambda one: 1000 * percentile(one.fresh, 0.99), mine, theirs),
        )
    rates = _ratio(lambda one: len(one.latencies) / one.seconds, mine, theirs)
    yield Measured(name=f"{name}, times the article's answers", unit=TIMES, sides=(rates,), goal=rate)
    tails = _ratio(lambda one: percentile(one.latencies, 0.99), mine, theirs)
    unit = Unit(symbol="of it")
    yield Measured(
        name=f"{name}, against the article's 99th percentile", unit=unit, sides=(tails,), goal=share
    )


def percentile(values: tuple[float, ...], share: float) -> float:
    """The value that a share of all values does not exceed; endless where there is none."""
    return sorted(values)[int(share * (len(values) - 1))] if values else float("inf")


def _sides(
    value: Callable[[load.Outcome], float], mine: list[load.Outcome], theirs: list[load.Outcome]
) -> tuple[Side, Side]:
    return (
        Side(name="service", values=tuple(map(value, mine))),
        Side(name="the article's code", values=tuple(map(value, theirs)), note="dev server, lock"),
    )


def _ratio(
    value: Callable[[load.Outcome], float], mine: list[load.Outcome], theirs: list[load.Outcome]
) -> Side:
    """Ours by theirs, round by round."""
    pairs = zip(mine, theirs, strict=True)
    return Side(name="service", values=tuple(value(own) / value(other) for own, other in pairs))


def _first_sound(size: Size) -> Iterator[Measured]:
    """From the request to the first piece of sound of a long text, and to the answer that holds all of it."""
    first, whole = [], []
    with sides.ours(TTS_CACHE_BYTES="0") as (port, _):
        client = Client(f"http://127.0.0.1:{port}")
        client.wait_until_ready()
        for turn in range(size.runs):
            text = "".join(itertools.islice(texts.distinct(turn), LONG // 10))[:LONG]
            began = time.perf_counter()
            stream = client.stream(text)
            if len(next(stream)) <= 44:  # the header alone is no sound
                next(stream)
            first.append(time.perf_counter() - began)
            stream.close()
            began = time.perf_counter()
            client.speak(text)
            whole.append(time.perf_counter() - began)
    yield Measured(
        name=f"{LONG} characters",
        unit=SECONDS,
        sides=(Side(name="first sound", values=tuple(first)), Side(name="the whole", values=tuple(whole))),
    )
    sooner = statistics.median(late / early for early, late in zip(first, whole, strict=True))
    yield Measured(
        name="the first sound is sooner",
        unit=TIMES,
        sides=(Side(name="service", values=(sooner,)),),
        goal=SOONER,
    )


def _understood(count: int) -> Iterator[Measured]:
    """How much of what each voice says is heard otherwise; nothing where nothing can listen."""
    if not understood.can_be_measured():
        return
    known: set[str] = set()
    for one in understood.measure(os.environ[understood.MODEL], count):
        first = one.language not in known  # the others of a language are not its default
        known.add(one.language)
        yield Measured(
            name=f"characters of {one.language} heard otherwise",
            unit=Unit(symbol="of all", digits=3),
            sides=(Side(name=one.voice, values=(one.rate,)),),
            goal=understood.GOALS[one.language] if first else None,
        )


def _loop(rounds: int) -> Iterator[Measured]:
    """The voice loop; nothing where no model listens or the neural voice is not here."""
    voice = find_model(Settings.from_env(ENGINES, ears=EARS))
    if voice is None or not understood.can_be_measured():
        return
    found = loop.measure(os.environ[understood.MODEL], str(voice), rounds)
    for name, unit, values, goal in (
        ("first sound of an answer", SECONDS, tuple(turn.first_sound for turn in found.turns), 2.5),
        ("transcription, times as fast as speech", TIMES, (found.transcription,), 2.0),
        ("memory of the service that listens", MEGABYTES, (found.memory,), 1000.0),
    ):
        yield Measured(name=name, unit=unit, sides=(Side(name="service", values=values),), goal=goal)


def _hardship(seconds: float) -> Iterator[Measured]:
    found = hardship.endure(seconds)
    note = f"{seconds:.0f} s, {found.killed} workers killed, {found.right} answers right"
    for name, unit, value, goal in (
        ("answers wrong or lost", ERRORS, found.wrong, 0.0),
        ("answers asking to come back", ERRORS, found.retryable, None),
        ("memory grew by", MEGABYTES, found.growth, hardship.GROWTH),
    ):
        side = Side(name="service", values=(float(value),), note=note)
        yield Measured(name=f"under hardship, {name}", unit=unit, sides=(side,), goal=goal)
