"""Cards by name and architecture, and what runs on them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envspec.spec.cards import KNOWN, Architecture, architecture, architectures, cards, runs_on

LAUNCHED = {"sm_80": False, "ptx_75": True, "sm_90": True, "sm_90a": True, "sm_100": False} | {
    "ptx_100": False,
    "sm_86": False,
    "sm_89": False,
    "ptx_90a": True,
}
"""Whether a kernel made for that alone started on a card of 9.0: seen on one."""


@pytest.mark.parametrize(
    ("word", "capability"),
    [
        ("RTX 4090", "8.9"),
        ("nvidia geforce rtx 4090", "8.9"),
        ("rtx4090", "8.9"),
        ("NVIDIA H100 80GB HBM3", "9.0"),
        ("H100 NVL", "9.0"),
        ("NVIDIA GH200 480GB", "9.0"),
        ("NVIDIA A100 80GB PCIe", "8.0"),
        ("A100-SXM4-40GB", "8.0"),
        ("Tesla V100-SXM2-16GB", "7.0"),
        ("Quadro RTX 6000", "7.5"),
        ("RTX 6000 Ada Generation", "8.9"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "12.0"),
        ("NVIDIA GeForce RTX 3080 Laptop GPU", "8.6"),
        ("NVIDIA GeForce GTX 1080 with Max-Q Design", "6.1"),
        ("GB200", "10.0"),
        ("Jetson Orin Nano", "8.7"),
        ("DGX Spark", "12.1"),
        ("sm_90a", "9.0"),
        ("SM_120", "12.0"),
        ("sm_90", "9.0"),
        ("8.6", "8.6"),
        ("sm_130", "13.0"),
    ],
)
def test_a_card_is_known_by_its_names(word: str, capability: str) -> None:
    assert architecture(word).capability == capability


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("RTX 4095", "did you mean RTX 4090"),
        ("H1000", "did you mean H100"),
        ("sm_91", "no card has the architecture 'sm_91'; near ones are sm_88, sm_89, sm_90"),
        ("sm_900", "no card has the architecture"),
        ("sm_9", "written as sm_90, sm_90a or 9.0"),
        ("sm_90x", "written as sm_90, sm_90a or 9.0"),
        ("sm_80a", "begins with sm_90"),
        ("sm_90f", "begins with sm_100"),
        ("TPU", "An architecture is accepted as well, such as sm_90"),
        ("", "An architecture is accepted as well"),
    ],
)
def test_what_is_no_card_is_told_with_what_is_near(word: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        architecture(word)


def test_every_card_has_an_architecture_that_is_known() -> None:
    assert {number for _, number in cards().values()} <= set(KNOWN)
    assert all(architecture(name).number == number for name, number in cards().values())


def test_a_card_that_is_named_twice_counts_once() -> None:
    assert architectures(["RTX 4090", "sm_89", "L4", "T4"]) == (Architecture(8, 9), Architecture(7, 5))


@pytest.mark.parametrize(("code", "starts"), LAUNCHED.items())
def test_code_starts_where_it_was_seen_to(code: str, starts: bool) -> None:
    kind, _, number = code.partition("_")
    assert runs_on(Architecture.parse(f"sm_{number}"), Architecture(9, 0), ptx=kind == "ptx") is starts


@pytest.mark.parametrize(
    ("code", "card", "ptx", "starts"),
    [
        ("sm_80", "sm_86", False, True),
        ("sm_86", "sm_80", False, False),
        ("sm_120", "sm_121", False, True),
        ("sm_100f", "sm_103", False, True),
        ("sm_103f", "sm_100", False, False),
        ("sm_100f", "sm_120", False, False),
        ("sm_100a", "sm_103", False, False),
        ("sm_101", "sm_110", False, True),
        ("sm_90a", "sm_100", True, False),
        ("sm_100f", "sm_120", True, False),
        ("sm_50", "sm_121", True, True),
    ],
)
def test_suffixes_bind_code_to_cards(code: str, card: str, ptx: bool, starts: bool) -> None:
    assert runs_on(Architecture.parse(code), Architecture.parse(card), ptx=ptx) is starts


@given(st.text(max_size=40) | st.from_regex(r"(?i)(sm|compute)_?\d*[af]?", fullmatch=True))
def test_any_word_is_an_architecture_or_a_sentence(word: str) -> None:
    try:
        found = architecture(word)
    except ValueError:
        return
    assert not found.suffix
    assert found == architecture(str(found))
