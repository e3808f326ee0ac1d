"""Hostile requests of every kind that the service is to bear, as many as wanted, equal for equal seeds."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

VALID = (
    "<speak>你好<break time='200ms'/><p><s>世界</s></p><prosody rate='120%' pitch='+10%'>快</prosody>"
    "<emotion category='happy' intensity='1.5'>好</emotion><say-as interpret-as='digits'>110</say-as>"
    "<sub alias='世界'>x</sub><phoneme alphabet='py' ph='hang2'>行</phoneme>"
    "<voice name='english'>ok</voice></speak>"
)
SIGNS = "。，！？；：、…—“”‘’（）《》【】.,!?;:-_()[]{}<>/\\|@#$%^&*~`'\"+="
ODD = (
    *map(chr, range(32)), "\x7f", "\x85", "\xa0", "\xad", "\u0300", "\u200b", "\u200d", "\u202e", "\u2028",
    "\ue000",
    "\uf8ff", "\ufdd0", "\ufeff", "\ufffd", "\uffff", "😀", "👩‍👩‍👧‍👦", "🇨🇳", "𠮷", "𝕳", "﷽", "ﬁ", "①",
    "½", "٣", "\U0010ffff",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Attack:
    """One request, as Werkzeug's test client takes it."""

    path: str
    method: str = "POST"
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)


Kind = Callable[[random.Random, str], Attack]
"""A kind of attack: made from chance and from the path of a file that must not be read."""


def attacks(count: int, secret: str, seed: int = 5) -> Iterator[Attack]:
    """So many, every kind in turn."""
    chance = random.Random(seed)
    return itertools.islice((kind(chance, secret) for kind in itertools.cycle(KINDS)), count)


def _asked(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def _ssml(text: str) -> Attack:
    return Attack("/tts", body=_asked(ssml=text))


def _text(chance: random.Random, text: str) -> Attack:
    path, name = chance.choice((("/tts", "text"), ("/tts/stream", "text"), ("/v1/audio/speech", "input")))
    model = {"model": "tts-1", "response_format": "wav"} if name == "input" else {}
    return Attack(path, body=_asked(**{name: text}, **model))


def _broken_markup(chance: random.Random, _: str) -> Attack:
    text = VALID
    for _cut in range(chance.randint(1, 4)):
        at, end = sorted(chance.sample(range(len(text)), 2))
        text = chance.choice(
            (text[:at] + text[end:], text[:end] + text[at:], text[:at],
            text[:at] + chance.choice(SIGNS) + text[at:])
        )  # fmt: skip
        text = text if len(text) > 2 else VALID
    return _ssml(text)


def _foreign_markup(chance: random.Random, secret: str) -> Attack:
    name = chance.choice(
        ("audio", "lexicon", "mark", "x:include", "script", "svg", "speak", "par", "media", "iframe")
    )
    source = chance.choice((f"file://{secret}", secret, "http://127.0.0.1:1/x", "data:,x", "//x", "\\\\x\\y"))
    inner = f"<{name} src='{source}' href='{source}' xmlns:x='http://www.w3.org/2001/XInclude'>好</{name}>"
    return _ssml(
        chance.choice(
            (f"<speak>{inner}</speak>", inner, f"<speak><?xml-stylesheet href='{source}'?>好</speak>")
        )
    )


def _entities(chance: random.Random, secret: str) -> Attack:
    scheme = chance.choice(
        ("file://", "", "http://127.0.0.1:1", "php://filter/resource=", "expect://", "jar:file://")
    )
    declared = chance.choice((
        f'<!ENTITY x SYSTEM "{scheme}{secret}">', f'<!ENTITY x PUBLIC "a" "{scheme}{secret}">',
        f'<!ENTITY % x SYSTEM "{scheme}{secret}"> %x;',
        f'<!ENTITY % a "<!ENTITY x SYSTEM \'{scheme}{secret}\'>"> %a;',
    ))  # fmt: skip
    head = chance.choice(("", '<?xml version="1.0"?>', '<?xml version="1.0" encoding="UTF-16"?>'))
    kind = chance.choice(
        (f"[{declared}]", f'SYSTEM "{scheme}{secret}"', f'SYSTEM "{scheme}{secret}" [{declared}]')
    )
    return _ssml(f"{head}<!DOCTYPE speak {kind}><speak>&x;</speak>")


def _laughs(chance: random.Random, _: str) -> Attack:
    depth, width = chance.randint(2, 12), chance.randint(2, 12)
    levels = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * width}">' for n in range(depth))
    body = chance.choice(
        (f"<speak>&l{depth};</speak>", f"<speak>{'&l0;' * 200}</speak>", f"<speak a='&l{depth};'/>")
    )
    return _ssml(f'<!DOCTYPE speak [<!ENTITY l0 "哈">{levels}]>{body}'[:4900])


def _deep(chance: random.Random, _: str) -> Attack:
    depth = chance.choice((10, 100, 400, 2000))
    if chance.random() < 0.5:
        nested = b"[" * (10 * depth) if chance.random() < 0.5 else b'{"text":' * depth
        return Attack("/tts", body=nested)
    return _ssml(("<speak>" + "<s>" * depth + "好" + "</s>" * depth + "</speak>")[:4990])


def _signs(chance: random.Random, _: str) -> Attack:
    """Up to a megabyte of punctuation."""
    size = chance.choice(
        (1, 50, 4999, 5000, 5001, 80_000, 1_000_000) if chance.random() < 0.1 else (1, 20, 300)
    )
    return _text(chance, chance.choice(SIGNS) * size)


def _characters(chance: random.Random, _: str) -> Attack:
    words = ("好", "你", "a", "1", ".", " ", *ODD)
    return _text(chance, "".join(chance.choice(words) for _ in range(chance.randint(1, 40))))


def _surrogates(chance: random.Random, _: str) -> Attack:
    half = chance.choice(("\\ud800", "\\udfff", "\\udc00\\ud800", "\\ud83d", "\\ud83dx"))
    field = chance.choice(("text", "ssml", "voice", "emotion", "format", half))
    return Attack("/tts", body=f'{{"text": "好", "{field}": "a{half}b"}}'.encode())


def _bytes(chance: random.Random, _: str) -> Attack:
    body = chance.choice((
        b"", b"\x00", b"\xff\xfe\x00", b"\xef\xbb\xbf{}", b'{"text": "\xc3\x28"}',
        b'{"text": "\xed\xa0\x80"}', b"{",
        b'{"text": "a", "text": "b"}', b"null", b"[]", b'"text"', b"1e999", b'{"speed": NaN, "text": "a"}',
        b'{"text": "a", "speed": 1e999}', b'{"text": "a", "speed": ' + b"9" * 5000 + b"}", b"\x1f\x8b\x08",
        bytes(chance.randrange(256) for _ in range(chance.randint(1, 200))),
    ))  # fmt: skip
    return Attack(chance.choice(("/tts", "/tts/stream", "/v1/audio/speech")), body=body)


def _fields(chance: random.Random, _: str) -> Attack:
    values: tuple[object, ...] = (
        None, True, False, 0, -1, 1e308, -1e308, 10**400, 0.1, "", "好", "../../etc/passwd", "%s%n", "{}",
        "${x}", [], {},
        ["a"], {"a": 1}, "x" * 3000, "neutral", "mandarin", "wav", "happy\n", "\x00",
    )  # fmt: skip
    names = (
        "text",
        "ssml",
        "voice",
        "emotion",
        "intensity",
        "speed",
        "pitch",
        "format",
        "input",
        "model",
        "__class__",
    )
    chosen = chance.sample(names, chance.randint(1, 6))
    return Attack("/tts", body=_asked(**{name: chance.choice(values) for name in chosen}))


def _figures(chance: random.Random, _: str) -> Attack:
    signs = "0123456789" * 3 + "年月日:.-/%￥$kmg℃+=,，个第电话~至一A^#'eE()"
    return _text(chance, "".join(chance.choice(signs) for _ in range(chance.randint(1, 200))))


def _commands(chance: random.Random, secret: str) -> Attack:
    """What the voice's own library would obey, were it passed on."""
    said = chance.choice((
        "[[", "]]", "[[_X1]]", "[[a[[b]]", "\x01+10P", "\x015S", f'<audio src="{secret}"/>',
        "<voice name='../x'>", "&#0;",
        "%(x)s", "`id`", "$(id)", "; rm -rf /", f"<mark name='{secret}'/>", "<![CDATA[x]]>",
    ))  # fmt: skip
    return _text(chance, f"你好{said}世界")


def _ways(chance: random.Random, secret: str) -> Attack:
    method = chance.choice(("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"))
    path = chance.choice((
        "/tts", "/tts/stream", "/voices", "/", "/assets/../routes/page.py",
        f"/assets/..%2f..%2f..{secret}", "/%00",
        f"/assets/{secret}", "/assets/%2e%2e/%2e%2e/etc/passwd", "/" + "a" * 3000, "/v1/audio/speech",
        "/healthz/../tts",
        "//etc/passwd", "/assets/.", "/openapi.json", "/readyz", "/metrics?x[]=1", "/?x=" + "%ff" * 50,
    ))  # fmt: skip
    return Attack(path, method=method)


def _heads(chance: random.Random, _: str) -> Attack:
    header = chance.choice((
        ("Content-Type", "text/xml"), ("Content-Type", "application/json; charset=utf-7"), ("Content-Type",
        ""),
        ("Content-Type", "multipart/form-data"), ("X-Request-ID", "a" * 5000), ("X-Request-ID", "<script>"),
        ("Content-Encoding", "gzip"), ("Accept", "*/*;q=x"), ("Range", "bytes=0-" + "9" * 100), ("Expect",
        "x"),
        ("Authorization", "Bearer " + "é" * 10), ("Cookie", "session=" + "x" * 2000), ("Host", "a b"),
        ("If-Modified-Since", "x"), ("Accept-Language", "zh;q=9e9"), ("X-Forwarded-For", "\t"), ("Origin",
        "null"),
    ))  # fmt: skip
    headers = dict([("Content-Type", "application/json"), header])
    return Attack("/tts", body=_asked(text="好"), headers=tuple(headers.items()))


KINDS: tuple[Kind, ...] = (
    _broken_markup, _foreign_markup, _entities, _laughs, _deep, _signs, _characters, _surrogates, _bytes,
    _fields,
    _figures, _commands, _ways, _heads,
)  # fmt: skip
