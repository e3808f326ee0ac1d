# ruff: noqa: E501 - lists of bad values are read best as they are
"""Ways in which a good spec, wheel or index page is made a bad one. Each takes a source of chance."""

from __future__ import annotations

import io
import json
import random
import re
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import tomlkit

Bytes = Callable[[random.Random, bytes], bytes]

TOKENS = [
    "9" * 5000, "-1", "0x" + "f" * 300, "1e999", "nan", "-inf", "true", "[]", "{}", '""', "''", "'''\n'''", "[" * 500,
    "{a=" * 200, "1979-05-27T07:32:00Z", "00:00", '"' + "a" * 20_000 + '"', '"' + "a/" * 600 + '"', '"\\u0000"',
    '"\\u202e\\u001b[2J"', '"../../etc"', '"/dev/zero"', '"' + "**/a" * 120 + '"', '"' + "(" * 900 + '"',
    '"a; ' + "python_version > \'3\' and " * 30 + '"', '"a @ file:///dev/zero"', '"a==' + "1." * 400 + '1"',
    '"a[' + "b," * 300 + 'c]"', "[[[1]]]", "[{}]", '["", ""]', '"' + "é" * 300 + '"', '"%(a)s ${HOME} $(id)"',
]  # fmt: skip
"""Values that no spec has."""


def flip(chance: random.Random, data: bytes) -> bytes:
    """Some bytes changed."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        out[chance.randrange(len(out))] = chance.randrange(256)
    return bytes(out)


def cut(chance: random.Random, data: bytes) -> bytes:
    """A slice taken out."""
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.randint(1, 200) :]


def repeat(chance: random.Random, data: bytes) -> bytes:
    """A slice repeated, often enough to be long."""
    start = chance.randrange(len(data))
    part = data[start : start + chance.randint(1, 120)]
    return data[:start] + part * chance.choice([2, 3, 50, 2000]) + data[start:]


def shuffle(chance: random.Random, data: bytes) -> bytes:
    """Some lines in another order."""
    lines = data.splitlines(keepends=True)
    for _ in range(5):
        one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def value(chance: random.Random, data: bytes) -> bytes:
    """A value of TOML replaced by one that no spec has."""
    text = data.decode()
    places = [
        found.span(1) for found in re.finditer(r"= *(.+)$|(?<=[\[,])( *\"[^\"]*\")", text, re.MULTILINE)
    ]
    start, end = chance.choice([place for place in places if place[0] >= 0])
    return (text[:start] + chance.choice(TOKENS) + text[end:]).encode()


def many(chance: random.Random, data: bytes) -> bytes:
    """Very many of something small."""
    text = chance.choice(
        [
            '[[stage]]\nname = "s{}"\ninstall = ["six"]\n', "k{} = 1\n", "[t{}]\n", "# {}\n", "[variant.v{}]\n",
            '[index.i{}]\nurl = "https://127.0.0.1:9/"\n', '[[stage]]\nname = "A {}"\n', "[a.b.c{}.d]\ne = [1]\n",
        ]
    )  # fmt: skip
    count = chance.choice([10, 300, 3000, 15_000])
    return data + b"\n" + "".join(text.replace("{}", str(number)) for number in range(count)).encode()


# From here on: kinds that were tried only when the others had found nothing more.


def truncate(chance: random.Random, data: bytes) -> bytes:
    """The beginning alone."""
    return data[: chance.randrange(len(data))]


def recode(chance: random.Random, data: bytes) -> bytes:
    """Another encoding."""
    text = data.decode("utf-8", errors="replace")
    return text.encode(chance.choice(["utf-16", "utf-32", "utf-7", "cp037", "utf-8-sig"]), errors="replace")


def typed(chance: random.Random, data: bytes) -> bytes:
    """A value somewhere in a TOML document replaced by one of another kind."""
    document = tomlkit.parse(data.decode()).unwrap()
    place: Any = document
    while True:
        key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if isinstance(place[key], (dict, list)) and place[key] and chance.random() < 0.7:
            place = place[key]
            continue
        place[key] = chance.choice(
            [1, -1.5, True, "", "x" * 999, [], {}, [[]], {"a": {"b": []}}, ["a", 1], 2**63, "\t", "é" * 250]
        )
        return tomlkit.dumps(document).encode()


def keyed(chance: random.Random, data: bytes) -> bytes:
    """New keys in a table, some with odd names."""
    lines = data.decode().splitlines()
    key = chance.choice(
        ['""', '"a.b"', "'\t'", "a." * 40 + "b", "name", "é", '"\\u0000"', "k" * 99, "-", "as-of"]
    )
    lines.insert(chance.randrange(len(lines)), f"{key} = {chance.choice(TOKENS)}")
    return "\n".join(lines).encode()


_WORDS = [
    "six",
    "==",
    ">=",
    "1.0",
    "*",
    ";",
    "[",
    "]",
    "(",
    ")",
    ",",
    "@",
    "'",
    "os_name",
    "and",
    "or",
    "in",
    " ",
]


def required(chance: random.Random, data: bytes) -> bytes:
    """A stage with requirements made of the pieces that requirements have."""
    texts = ["".join(chance.choices(_WORDS, k=chance.randint(1, 40))) for _ in range(chance.randint(1, 30))]
    return data + f'\n[[stage]]\nname = "fuzz"\ninstall = {json.dumps(texts)}\n'.encode()


def placed(chance: random.Random, data: bytes) -> bytes:
    """A service, models, patterns and an archive with odd paths and numbers."""
    path = "".join(
        chance.choices(["a", "/", ".", "..", "*", "?", "\\\\", " ", "é", "n" * 100, "~", "$"], k=12)
    )
    more = f'\n[remove]\nfiles = ["{path}", "{path * 8}"]\n[service]\nmodule = "a:b"\nsource = "{path}"\n'
    return data + more.encode() + f'models = ["{path}"]\n[base]\narchive = "{path}"\n'.encode()


KNOWN: Mapping[str, Bytes] = {
    "flip": flip, "cut": cut, "repeat": repeat, "shuffle": shuffle, "value": value, "many": many
}  # fmt: skip
"""Of specs: the kinds with which faults were looked for."""

UNSEEN: Mapping[str, Bytes] = {
    "truncate": truncate, "recode": recode, "typed": typed, "keyed": keyed, "required": required, "placed": placed
}  # fmt: skip
"""Of specs: the kinds that were kept back until those faults had been mended."""


def member(chance: random.Random, data: bytes) -> bytes:
    """The text of one member of a wheel changed; the archive is whole."""
    return _packed(
        chance, data, lambda name, body: (name, chance.choice([flip, cut, repeat])(chance, body or b"x"))
    )


def named(chance: random.Random, data: bytes) -> bytes:
    """One member of a wheel called otherwise."""
    names = [
        "../a",
        "/a",
        "a" * 300,
        "a/" * 900 + "b",
        "",
        "a\\b",
        "con",
        "a\x1b[2J",
        "é" * 200,
        "a\n",
        "METADATA",
    ]
    return _packed(chance, data, lambda _name, body: (chance.choice(names), body))


METADATA = [
    "Requires-Dist: six\n" * 5000, "Requires-Dist: " + "(" * 5000 + "\n", "Name: other\n", "Version: x\n",
    "Requires-Python: " + ">3," * 500 + "\n", "Provides-Extra: " + "a" * 9000 + "\n", "\0\n", "é: é\n", "\n\nbody",
    "Requires-Dist: six ; " + "(" * 300 + "os_name == 'a'" + ")" * 300 + "\n", "Metadata-Version: 9.9\n", ": \n",
    "Requires-Dist: six[" + "a," * 2000 + "b]\n", " folded\n" * 2000, "Requires-Dist: six==" + "1" * 5000 + "\n",
]  # fmt: skip


def described(chance: random.Random, data: bytes) -> bytes:
    """METADATA, WHEEL or RECORD with lines that no builder writes."""
    lines = [
        *METADATA,
        "a,b,c\n" * 5000,
        "a,sha256=x,99999999999999999999\n",
        '"' * 5000,
        ",,\n",
        "Tag: " + "a." * 500,
    ]
    return _packed(
        chance, data, lambda name, body: (name, chance.choice(lines).encode() + body), within=".dist-info/"
    )


SOURCES = [
    "(" * 3000 + ")" * 3000, "-" * 5000 + "1", "x = " + "1+" * 5000 + "1", "[" * 150 + "]" * 150, "import " + "a." * 900,
    "def f():\n" * 3, "f'{" * 60, "x = " + "9" * 6000, "\0", "\ufeff" * 3, "if 1:\n" + "".join(" " * n + "if 1:\n" for n in range(1, 90)),
    "from . import *\n" * 3000, "class A(A): pass\n" * 2000, "x = 9**9**9\n", "lambda: " * 800 + "0", "a" * 300_000,
    "try: pass\nexcept: pass\n" * 3000, "x = '" + "\\u0000" * 20_000 + "'", "match x:\n case " + "[" * 80 + "]" * 80 + ": pass",
]  # fmt: skip


def coded(chance: random.Random, data: bytes) -> bytes:
    """A module that compilers stumble over."""
    return _packed(chance, data, lambda name, _body: (name, chance.choice(SOURCES).encode()), within=".py")


def crowded(chance: random.Random, data: bytes) -> bytes:
    """Very many members, some twice."""
    count = chance.choice([100, 3000])
    with zipfile.ZipFile(into := io.BytesIO(data), "a", zipfile.ZIP_DEFLATED) as archive:
        for number in range(count):
            archive.writestr(zipfile.ZipInfo(f"demo/m{number}{'.py' if number % 2 else ''}"), b"x = 1\n")
    return into.getvalue()


def _packed(
    chance: random.Random,
    data: bytes,
    change: Callable[[str, bytes], tuple[str, bytes]],
    within: str = "",
) -> bytes:
    """A wheel, packed anew with one member changed whose name holds `within`."""
    into = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as new:
        chosen = chance.choice([name for name in old.namelist() if within in name])
        for name in old.namelist():
            target, body = name, old.read(name)
            if name == chosen:
                target, body = change(name, body)
            new.writestr(zipfile.ZipInfo(target), body, zipfile.ZIP_DEFLATED)
    return into.getvalue()


WHEELS_KNOWN: Mapping[str, Bytes] = {"flip": flip, "cut": cut, "member": member, "described": described}
WHEELS_UNSEEN: Mapping[str, Bytes] = {
    "truncate": truncate, "repeat": repeat, "named": named, "coded": coded, "crowded": crowded
}  # fmt: skip


LINKS = [
    '<a href="x">x</a>\n' * 20_000, "<a " * 20_000, "<!--" * 5000, "<base href='file:///etc/'>", "&#x1b;[2J" * 50,
    '<a href="demo-2.0-py3-none-any.whl#sha256=zz">demo-2.0-py3-none-any.whl</a>', "<div>" * 20_000,
    '<a href="demo-9.9-' + ".".join(["py3"] * 60) + "-none-any" + '.whl">demo-9.9-py3-none-any.whl</a>',
    '<a href="http://[::1">demo-3.0-py3-none-any.whl</a>', '<a data-requires-python="' + "&gt;3," * 900 + '" href="y">',
    '<meta name="pypi:repository-version" content="9.0">', '<a href="javascript:x">demo-1.1.tar.gz</a>', "\0" * 100,
]  # fmt: skip


def linked(chance: random.Random, data: bytes) -> bytes:
    """Odd elements in a page of HTML."""
    return data.replace(b"<a", chance.choice(LINKS).encode() + b"<a", 1)


JSONS: list[Any] = [
    None, 1, -1, 1e300, "", "x" * 100_000, [], {}, [[]], [None], {"a": None}, True, "../../x", "http://[::1", "\x1b[2J",
    "a" * 300 + "-1.0-py3-none-any.whl", ["x"] * 20_000, {"sha256": 5}, {"sha256": "é"}, 10**30, "2020-99-99T00:00:00Z",
]  # fmt: skip


def answered(chance: random.Random, data: bytes) -> bytes:
    """A value somewhere in a page of JSON replaced by another."""
    page = json.loads(data)
    place: Any = page
    while True:
        key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if isinstance(place[key], (dict, list)) and place[key] and chance.random() < 0.8:
            place = place[key]
            continue
        place[key] = chance.choice(JSONS)
        return json.dumps(page).encode()


def nested(chance: random.Random, data: bytes) -> bytes:
    """JSON, or what might be, that is deep or has numbers of many digits."""
    sign = chance.choice([b"[", b'{"a":', b"9", b"-", b'"', b"[[1],", b"\\u0000"])
    return chance.choice([b"", data[:-2]]) + sign * chance.choice([100, 20_000, 500_000])


PAGES_KNOWN: Mapping[str, Bytes] = {"flip": flip, "cut": cut, "linked": linked, "answered": answered}
PAGES_UNSEEN: Mapping[str, Bytes] = {
    "truncate": truncate,
    "repeat": repeat,
    "recode": recode,
    "nested": nested,
}
