"""Sentences to ask for: any number of them, all different, of everyday length and without figures."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

_WHEN = [
    "今天",
    "明天",
    "昨天",
    "上午",
    "下午",
    "傍晚",
    "清晨",
    "周末",
    "月底",
    "年初",
    "刚才",
    "后天",
    "夜里",
    "中午",
    "春天",
    "夏天",
    "秋天",
    "冬天",
    "平时",
    "最近",
]
_WHO = [
    "我们",
    "他们",
    "孩子们",
    "老师",
    "邻居",
    "同事",
    "客人",
    "医生",
    "司机",
    "奶奶",
    "爷爷",
    "妹妹",
    "哥哥",
    "朋友",
    "学生",
    "经理",
    "作家",
    "厨师",
    "记者",
    "园丁",
]
_WHERE = [
    "在公园里",
    "在图书馆",
    "在车站旁",
    "在办公室",
    "在学校门口",
    "在江边",
    "在山顶上",
    "在厨房里",
    "在院子里",
    "在咖啡馆",
    "在博物馆",
    "在机场",
    "在商店里",
    "在剧院前",
    "在海滩上",
    "在花园中",
    "在教室里",
    "在广场上",
    "在医院外",
    "在邮局",
]
_WHAT = [
    "安静地看书",
    "高兴地唱歌",
    "慢慢地散步",
    "认真地讨论问题",
    "准备一顿晚饭",
    "等待一个消息",
    "练习新的乐曲",
    "照顾生病的猫",
    "修理旧自行车",
    "观察远处的星星",
    "讲有趣的故事",
    "学习外国语言",
    "画一幅大画",
    "收拾所有行李",
    "寻找丢失的钥匙",
    "庆祝一个节日",
    "品尝新鲜水果",
    "打扫整个房间",
    "计划下次旅行",
    "写一封长信",
]


def distinct(seed: int) -> Iterator[str]:
    """Sentences of which none comes twice, in an order that the seed decides: 160,000 of them."""
    sentences = ["".join(words) for words in itertools.product(_WHEN, _WHO, _WHERE, _WHAT)]
    random.Random(seed).shuffle(sentences)
    return (f"{sentence}。" for sentence in sentences)


def favourites(popular: int = 10) -> list[str]:
    """The sentences that `repeated` repeats."""
    return list(itertools.islice(distinct(0), popular))


def repeated(seed: int, share: float, popular: int = 10) -> Iterator[str]:
    """Sentences of which `share` are one of a few `popular` ones, the same for every seed."""
    known = favourites(popular)
    chance = random.Random(seed)
    return (chance.choice(known) if chance.random() < share else text for text in distinct(seed))
