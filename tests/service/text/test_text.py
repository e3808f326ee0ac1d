"""Text before it is spoken: cleaned, read out in Chinese, cut into sentences."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from service.text.clean import clean_text, speakable
from service.text.normalise import normalise_text, say_as
from service.text.numerals import say_cardinal
from service.text.sentences import LONGEST_PIECE, split_sentences


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("0", "零"), ("10", "十"), ("11", "十一"), ("20", "二十"), ("101", "一百零一"), ("110", "一百一十"),
        ("1000", "一千"), ("1010", "一千零一十"), ("10000", "一万"), ("10001", "一万零一"),
        ("10100", "一万零一百"), ("110000", "十一万"), ("100000000", "一亿"), ("100000001", "一亿零一"),
        ("1000100000", "十亿零一十万"),
        ("123456789", "一亿二千三百四十五万六千七百八十九"), ("-3", "负三"),
        ("3.14", "三点一四"), ("0.05", "零点零五"),
        ("1,234", "一千二百三十四"), ("007", "零零七"),
        ("20000000000000000", "二零零零零零零零零零零零零零零零零"),
    ],
)  # fmt: skip
def test_numbers(number: str, words: str) -> None:
    assert say_cardinal(number) == words


@hypothesis.given(st.integers(0, 10**16 - 1))
def test_numbers_can_be_read_back(number: int) -> None:
    assert _value(say_cardinal(str(number))) == number


def _value(words: str) -> int:
    """What Chinese words mean, read independently of how they were made."""
    total = section = 0
    digit = 1 if words.startswith("十") else 0
    units = {"十": 10, "百": 100, "千": 1000}
    for character in words:
        if character in units:
            section, digit = section + digit * units[character], 0
        elif character == "万":
            # 万亿: the whole before 亿 counts, so sections wait in the total
            total, section, digit = total + (section + digit) * 10**4, 0, 0
        elif character == "亿":
            total, section, digit = (total + section + digit) * 10**8, 0, 0
        else:
            digit = "零一二三四五六七八九".index(character)
    return total + section + digit


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("2024年3月5日", "二零二四年三月五日"),
        ("2024-03-05 14:05", "二零二四年三月五日 十四点零五分"),
        ("2024-13-45", "两千零二十四-十三-四十五"),
        ("1998-2003年", "一九九八到二零零三年"),
        ("90年代", "九十年代"),
        ("会议在8:00开始", "会议在八点整开始"),
        ("电话13812345678", "电话幺三八幺二三四五六七八"),
        ("+86 138-1234-5678", "加八六，幺三八，幺二三四，五六七八"),
        ("010-12345678", "零幺零，幺二三四五六七八"),
        ("400-800-1234", "四零零，八零零，幺二三四"),
        ("拨打110", "拨打幺幺零"),
        ("￥12.50", "十二点五元"),
        ("¥ 1,000", "一千元"),
        ("$3.5万", "三点五万美元"),
        ("100USD", "一百美元"),
        ("增长-3.5%", "增长负百分之三点五"),
        ("10%-20%", "百分之十到百分之二十"),
        ("5‰", "千分之五"),
        ("-5℃", "零下五摄氏度"),
        ("36.5°C", "三十六点五摄氏度"),
        ("2km", "两千米"),
        ("120km/h", "一百二十千米每小时"),
        ("80m²", "八十平方米"),
        ("16GB", "十六吉字节"),
        ("5-8kg", "五到八千克"),
        ("3~5个", "三到五个"),
        ("2个人2天", "两个人两天"),
        ("第2名", "第二名"),
        ("12本", "十二本"),
        ("3/4", "四分之三"),
        ("比分3:2", "比分三比二"),
        ("192.168.1.1", "一九二点一六八点一点一"),
        ("1+1=2", "一加一等于二"),
        ("A&B", "A和B"),
        ("１２３％", "百分之一百二十三"),
        ("COVID-19", "COVID-十九"),
        ("Hello, world", "Hello, world"),
        ("没有数字。", "没有数字。"),
        ("14:30-16:00", "十四点三十分到十六点整"),
        ("9:00整", "九点整"),
        ("3:00AM，2:15 pm", "上午三点整，下午两点十五分"),
        ("10月1日～7日", "十月一日到七日"),
        ("2024Q3，'98年", "二零二四Q三，九八年"),
        ("公元前221年", "公元前二百二十一年"),
        ("(010)12345678", "零幺零，幺二三四五六七八"),
        ("邮编100084，尾号1234", "邮编幺零零零八四，尾号幺二三四"),
        ("120急救，120个", "幺二零急救，一百二十个"),
        ("G1234次，京A12345", "G幺二三四次，京A幺二三四五"),
        ("K53次，iPhone15，Python3.11", "K五十三次，iPhone十五，Python三点一一"),
        ("人民币12.00元", "人民币十二元"),
        ("¥100-200", "一百到二百元"),
        ("8.5折", "八五折"),
        ("-5~3℃", "零下五到三摄氏度"),
        ("-5到-3℃", "零下五到零下三摄氏度"),
        ("￥5/kg，25kg/m2", "五元每千克，二十五千克每平方米"),
        ("120/80mmHg", "一百二十比八十毫米汞柱"),
        ("3kW·h，0.1μm，100Ω", "三千瓦时，零点一微米，一百欧姆"),
        ("10^3，10²，1e-6", "十的三次方，十的平方，一乘以十的负六次方"),
        ("5-3=2", "五减三等于二"),
        ("约5-10个，第3-5章", "约五到十个，第三到五章"),
        ("②Ⅲ½", "二三二分之一"),
        ("2点半，2小时，2千，第2天，2号", "两点半，两小时，两千，第二天，二号"),
        ("20000、12000、22000", "两万、一万两千、两万两千"),
        (">5，<3", "大于五，小于三"),
        ("5#楼", "五号楼"),
        ("好!!!! =====", "好!等于"),
        (">" * 5000, "大于"),
    ],
)
def test_written_forms_are_read_out(written: str, spoken: str) -> None:
    assert normalise_text(written) == spoken


@hypothesis.given(
    st.text(alphabet=st.sampled_from("0123456789年月日:.-/%￥$kmg℃+= ,，个第电话~至一A"), max_size=40)
)
def test_no_figure_is_left(text: str) -> None:
    assert not any(character in "0123456789" for character in normalise_text(text))


@pytest.mark.parametrize(
    ("text", "kind", "spoken"),
    [
        ("110", "digits", "一一零"),
        ("110", "telephone", "幺幺零"),
        ("110", "cardinal", "一百一十"),
        ("3", "ordinal", "第三"),
        ("2024-3-5", "date", "二零二四年三月五日"),
        ("08:30", "time", "八点三十分"),
        ("￥5", "currency", "五元"),
        ("AB1", "characters", "A B 一"),
    ],
)
def test_say_as(text: str, kind: str, spoken: str) -> None:
    assert say_as(text, kind) == spoken


@pytest.mark.parametrize(
    ("text", "kind"), [("x", "cardinal"), ("1", "song"), ("", "digits"), ("五", "telephone")]
)
def test_say_as_refuses_what_does_not_fit(text: str, kind: str) -> None:
    with pytest.raises(ValueError, match="say-as"):
        say_as(text, kind)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("e\u0301", "é"),
        (" a \t b ", "a b"),
        ("a\r\nb\n\n\nc", "a\nb\nc"),
        ("a\x00b\x1bc", "a b c"),
        ("a\u200b\u202eb", "a b"),
        ("\ue000a", "a"),
        ("好\ufe0f", "好"),
    ],
)
def test_what_cannot_be_spoken_goes(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


def test_sentences_keep_their_stops_and_get_a_pause() -> None:
    pieces = list(split_sentences("第一句。“第二句！”第三句 is 3.14. Good\n新的一段"))
    assert [piece for piece, _ in pieces] == ["第一句。", "“第二句！”", "第三句 is 3.14.", "Good", "新的一段"]
    assert [pause for _, pause in pieces] == [0.35, 0.35, 0.35, 0.6, 0.0]


def test_a_long_sentence_is_cut_at_its_commas() -> None:
    clause = "春眠不觉晓，" * 50
    pieces = [piece for piece, _ in split_sentences(clause)]
    assert "".join(pieces) == clause
    assert all(len(piece) <= LONGEST_PIECE and piece.endswith("，") for piece in pieces)


@hypothesis.given(st.text(max_size=600))
def test_no_word_is_lost_and_no_piece_is_long(text: str) -> None:
    text = clean_text(text)
    pieces = [piece for piece, _ in split_sentences(text)]
    assert all(len(piece) <= LONGEST_PIECE and speakable(piece) for piece in pieces)
    assert [c for c in "".join(pieces) if c.isalnum()] == [c for c in text if c.isalnum()]


def test_a_megabyte_of_stops_is_quick() -> None:
    assert list(split_sentences("。" * 1_000_000)) == []
    assert list(split_sentences("，" * 200_000)) == []
