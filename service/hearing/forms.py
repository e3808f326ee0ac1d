"""What was heard in the forms that callers ask for: objects, plain text, and subtitles as SRT and WebVTT."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from service.hearing.languages import NAMES
from service.hearing.port import Segment

if TYPE_CHECKING:
    Answer = dict[str, Any]

MEDIA_TYPES = {"text": "text/plain", "srt": "application/x-subrip", "vtt": "text/vtt"}
"""Of the forms that are no JSON."""


def joined(segments: Sequence[Segment]) -> str:
    """All that was said, as one text."""
    return "".join(segment.text for segment in segments).strip()


def as_srt(segments: Sequence[Segment]) -> str:
    """Subtitles as SubRip has them."""
    blocks = [
        f"{number}\n{_clock(one.start, ',')} --> {_clock(one.end, ',')}\n{_line(one)}\n"
        for number, one in enumerate(segments, 1)
    ]
    return "\n".join(blocks)


def as_vtt(segments: Sequence[Segment]) -> str:
    """Subtitles as WebVTT has them; its marks are written as it wants them. W3C, "WebVTT", section 4."""
    blocks = [
        f"{_clock(one.start, '.')} --> {_clock(one.end, '.')}\n{_escaped(_line(one))}\n" for one in segments
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def usage(seconds: float) -> Answer:
    """What OpenAI's clients are told that an answer has cost."""
    return {"type": "duration", "seconds": max(1, round(seconds))}


def as_verbose(
    segments: Sequence[Segment],
    language: str,
    seconds: float,
    granularities: Sequence[str],
    *,
    translate: bool,
) -> Answer:
    """All that is known, as OpenAI's `verbose_json` has it."""
    answer: Answer = {
        "task": "translate" if translate else "transcribe",
        "language": NAMES.get(language, language),
        "duration": round(seconds, 3),
        "text": joined(segments),
    }
    if "segment" in granularities:
        answer["segments"] = [_segment(number, one) for number, one in enumerate(segments)]
    if "word" in granularities:
        answer["words"] = [
            {"word": word.text.strip(), "start": round(word.start, 3), "end": round(word.end, 3)}
            for one in segments
            for word in one.words
        ]
    answer["usage"] = usage(seconds)
    return answer


def _segment(number: int, one: Segment) -> Answer:
    return {
        "id": number,
        "seek": round(100 * one.start),
        "start": round(one.start, 3),
        "end": round(one.end, 3),
        "text": one.text,
        "tokens": list(one.tokens),
        "temperature": one.temperature,
        "avg_logprob": one.logprob,
        "compression_ratio": one.compression,
        "no_speech_prob": one.no_speech,
    }


def _line(one: Segment) -> str:
    return " ".join(one.text.split())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, point: str) -> str:
    whole = round(1000 * max(0.0, seconds))
    return f"{whole // 3600000:02}:{whole // 60000 % 60:02}:{whole // 1000 % 60:02}{point}{whole % 1000:03}"


TEXTS: Mapping[str, Callable[[Sequence[Segment]], str]] = {
    "text": lambda segments: f"{joined(segments)}\n",
    "srt": as_srt,
    "vtt": as_vtt,
}
"""The forms that are no JSON."""
