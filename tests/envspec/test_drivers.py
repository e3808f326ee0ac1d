"""Drivers: what CUDA asks of them, and which cards they know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envspec.spec.cards import Architecture
from envspec.spec.drivers import Driver, contradiction, driver_for, driver_with, release_of


def test_releases_of_a_major_number_share_a_driver_from_eleven_on() -> None:
    assert [driver_for(each) for each in ((11, 8), (12, 9), (13, 2), (10, 1))] == [
        "450.80.02",
        "525.60.13",
        "580.65.06",
        "418.39",
    ]
    assert driver_with((12, 4)) == "550.54.14"


@pytest.mark.parametrize(
    ("driver", "floor", "older"),
    [
        ("525", "525.60.13", False),
        ("525.60.11", "525.60.13", True),
        ("525.60", "525.60.13", False),
        ("520", "525.60.13", True),
        ("R580", "525.60.13", False),
        ("580.65.06", "580.65.06", False),
    ],
)
def test_a_branch_is_too_old_only_if_its_last_release_is(driver: str, floor: str, older: bool) -> None:
    assert Driver(driver).older_than(floor) is older


def test_a_branch_compiles_what_its_last_release_does() -> None:
    assert release_of(Driver("550")) == (12, 4)
    assert release_of(Driver("535.54.03")) == (12, 2)
    assert release_of(Driver("300")) == (0, 0)


@pytest.mark.parametrize(
    ("card", "driver", "said"),
    [
        ("sm_90", "450", "the first that does is 520"),
        ("sm_120", "550", "the first that does is 570"),
        ("sm_70", "590", "the last that does is 580"),
        ("sm_90", "535", ""),
        ("sm_75", "590", ""),
        ("sm_87", "540", ""),
        ("sm_110", "540", ""),
    ],
)
def test_a_target_that_contradicts_itself_is_told(card: str, driver: str, said: str) -> None:
    found = contradiction([Architecture.parse(card)], Driver(driver))
    assert said in found
    assert bool(found) is bool(said)


@pytest.mark.parametrize("text", ["", "12.4", "new", "550.", "5500", "550.54.14.1", "55O"])
def test_what_is_no_driver_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="written as 550"):
        Driver(text)


@given(st.text(max_size=20) | st.from_regex(r"\d{2,4}(\.\d*)*", fullmatch=True))
def test_any_text_is_a_driver_or_a_sentence(text: str) -> None:
    try:
        found = Driver(text)
    except ValueError:
        return
    assert 100 <= found.branch < 1000
