"""SSML: what is understood, and that nothing else is, quietly or at all."""

from __future__ import annotations

import time

import hypothesis
import hypothesis.strategies as st
import pytest
from flask.testing import FlaskClient

from service.errors import InvalidFieldError
from service.text.normalise import say_as
from service.text.script import Manner, Pause, Reading, Script, Stretch, reading_mark
from service.text.ssml import ATTRIBUTES, parse_ssml
from tests.service.fakes import FakeEngine

PLAIN = Manner("first")


def read(document: str) -> Script:
    return parse_ssml(document, PLAIN, say_as, lambda _kind, name: name)


def stretches(document: str) -> list[Stretch]:
    return [part for part in read(document).parts if isinstance(part, Stretch)]


def test_plain_text_is_one_stretch() -> None:
    assert read("<speak>你好 &amp; 再见</speak>").parts == (Stretch("你好 & 再见", PLAIN),)


def test_manners_nest_and_end() -> None:
    said = stretches(
        "<speak>a<emotion category='sad' intensity='1.5'>b<prosody rate='50%' pitch='+20%' volume='loud'>c"
        "</prosody></emotion><voice name='english'>d</voice>e</speak>"
    )
    assert [part.text for part in said] == ["a", "b", "c", "d", "e"]
    assert said[1].manner == Manner("first", "sad", 1.5)
    assert said[2].manner == Manner("first", "sad", 1.5, 0.5, 1.2, 1.4)
    assert said[3].manner.voice == "english"
    assert said[4].manner == PLAIN


@pytest.mark.parametrize(
    ("element", "seconds"),
    [
        ("<break time='500ms'/>", 0.5),
        ("<break time='1.5s'/>", 1.5),
        ("<break/>", 0.4),
        ("<break strength='none'/>", 0),
    ],
)
def test_breaks(element: str, seconds: float) -> None:
    assert read(f"<speak>a{element}b</speak>").parts[1] == Pause(seconds)


def test_paragraphs_and_sentences_pause() -> None:
    assert [type(part) for part in read("<speak><p><s>a</s><s>b</s></p>c</speak>").parts] == [
        Stretch, Pause, Stretch, Pause, Pause, Stretch,
    ]  # fmt: skip


def test_words_are_replaced() -> None:
    script = read(
        "<speak>拨<say-as interpret-as='telephone'>110</say-as><sub alias='世界贸易组织'>WTO</sub>"
        "银<phoneme alphabet='py' ph='hang2'>行</phoneme></speak>"
    )
    assert script.parts == (Stretch(f"拨幺幺零世界贸易组织银{reading_mark(0)}", PLAIN),)
    assert script.readings == (Reading("行", "hang2"),)


@pytest.mark.parametrize(
    "document",
    [
        "",
        "你好",
        "<p>你好</p>",
        "<speak>你好",
        "<speak>a</speak><speak>b</speak>",
        "<speak><speak>a</speak></speak>",
        "<speak><audio src='/etc/passwd'/></speak>",
        "<speak><lexicon uri='http://example.com/'/></speak>",
        "<speak><mark name='x'/></speak>",
        "<speak><prosody contour='x'>a</prosody></speak>",
        "<speak><prosody rate='900%'>a</prosody></speak>",
        "<speak><prosody rate='nan'>a</prosody></speak>",
        "<speak><prosody rate='+1.5'>a</prosody></speak>",
        "<speak><break time='1h'/></speak>",
        "<speak><break time='99s'/></speak>",
        "<speak><break time='-1s'/></speak>",
        "<speak><emotion category='sad' intensity='3'>a</emotion></speak>",
        "<speak><say-as interpret-as='song'>a</say-as></speak>",
        "<speak><sub alias='b'><p>a</p></sub></speak>",
        "<speak><phoneme ph='[[x]]'>a</phoneme></speak>",
        "<speak><phoneme alphabet='ipa' ph='a1'>a</phoneme></speak>",
        "<speak>&unknown;</speak>",
        "<?xml-stylesheet href='http://example.com/'?><speak>a</speak>",
        "<!DOCTYPE speak><speak>a</speak>",
        "<!DOCTYPE speak SYSTEM 'http://example.com/x.dtd'><speak>a</speak>",
        "<!DOCTYPE speak [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><speak>&x;</speak>",
        "<!DOCTYPE speak [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;&a;'>]><speak>&b;</speak>",
        "<speak>" + "<p>" * 100 + "</p>" * 100 + "</speak>",
        "<speak><p xmlns='x' a='b'>a</p></speak>",
        "<speak>\x00</speak>",
    ],
)
def test_everything_else_is_refused(document: str) -> None:
    with pytest.raises(InvalidFieldError) as caught:
        read(document)
    assert caught.value.field == "ssml"
    assert "line" in caught.value.message


def test_billion_laughs_cost_nothing() -> None:
    entities = "".join(f"<!ENTITY l{n + 1} '{f'&l{n};' * 10}'>" for n in range(12))
    started = time.monotonic()
    with pytest.raises(InvalidFieldError, match="document type"):
        read(f"<!DOCTYPE speak [<!ENTITY l0 'ha'>{entities}]><speak>&l12;</speak>")
    assert time.monotonic() - started < 0.5


_NAMES = st.sampled_from([*ATTRIBUTES, "audio", "x:y", "SPEAK", "svg"])
_VALUES = st.one_of(
    st.sampled_from(["1", "120%", "+5%", "sad", "py", "hang2", "500ms", "digits", "file:///"]),
    st.text(max_size=8),
)
_ATTRIBUTES = st.dictionaries(
    st.sampled_from([*{name for names in ATTRIBUTES.values() for name in names}, "src", "href"]),
    _VALUES,
    max_size=3,
)
_TREES = st.recursive(
    st.text(max_size=20),
    lambda inside: st.builds(
        lambda name, attributes, children: (
            f"<{name}"
            + "".join(f' {key}="{value}"' for key, value in attributes.items())
            + f">{''.join(children)}</{name}>"
        ),
        _NAMES,
        _ATTRIBUTES,
        st.lists(inside, max_size=4),
    ),
    max_leaves=12,
)


@hypothesis.given(st.one_of(_TREES.map(lambda tree: f"<speak>{tree}</speak>"), _TREES, st.text()))
@hypothesis.settings(max_examples=400, deadline=None)
def test_any_document_is_understood_or_refused(document: str) -> None:
    """No other exception, whatever comes; what is understood holds text and pauses only."""
    try:
        script = read(document)
    except (InvalidFieldError, UnicodeEncodeError):
        return
    assert all(isinstance(part, (Stretch, Pause)) for part in script.parts)


def test_over_http(http: FlaskClient, engine: FakeEngine) -> None:
    """Text is normalised, and each stretch reaches the voice in its manner."""
    document = "<speak>5km。<emotion category='高兴'>好</emotion><voice name='english'>5km</voice></speak>"
    assert http.post("/tts", json={"ssml": document}).status_code == 200
    assert {(said.text, said.emotion, said.voice) for said in engine.said} == {
        ("五千米。", "neutral", "first"), ("好", "happy", "first"), ("5km", "neutral", "english"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "inside",
    [
        "<voice name='nobody'>a</voice>",
        "<emotion category='bored'>a</emotion>",
        "<voice name='flat'><emotion category='sad'>a</emotion></voice>",
    ],
)
def test_unknown_names_are_refused_over_http(http: FlaskClient, inside: str) -> None:
    assert http.post("/tts", json={"ssml": f"<speak>{inside}</speak>"}).status_code == 422


def test_a_document_of_pauses_has_nothing_to_say(http: FlaskClient) -> None:
    reply = http.post("/tts", json={"ssml": "<speak><break time='1s'/></speak>"}).get_json()
    assert reply["code"] == "nothing_to_speak"
