"""`[target]`: machines that there are, and those that contradict themselves."""

import pytest

from envspec.spec.cards import Architecture
from envspec.system.errors import SpecError
from tests.support.specs import spec, stage


def test_cards_are_known_by_name_and_counted_once() -> None:
    wanted = spec(
        stage("one", "app==1"), tail='[target]\ngpu = ["RTX 4090", "sm_89", "H100"]\ndriver = "550"'
    )
    assert wanted.target.cards == (Architecture(8, 9), Architecture(9, 0))


def test_open_and_none_are_not_the_same() -> None:
    assert spec(stage("one", "app==1")).target.cards is None
    assert spec(stage("one", "app==1"), tail="[target]\ngpu = []").target.cards == ()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ('gpu = ["RTX 4099"]', r"target\.gpu\[0\]: no card is known as 'RTX 4099'; did you mean RTX 4090"),
        ('gpu = ["sm_91"]', "no card has the architecture 'sm_91'; near ones are sm_88, sm_89, sm_90"),
        ('gpu = ["sm_90"]\ndriver = "450"', "driver 450 does not know cards of architecture sm_90"),
        ('gpu = ["V100"]\ndriver = "595"', "the last that does is 580"),
        ('driver = "12.4"', r"target\.driver"),
        ('cpu = "x86-64-v5"', r"target\.cpu"),
    ],
)
def test_a_machine_that_is_none_is_an_error_of_the_spec(target: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        spec(stage("one", "app==1"), tail=f"[target]\n{target}")


def test_a_level_of_x86_64_is_none_of_another_machine() -> None:
    with pytest.raises(SpecError, match=r"target\.cpu is a level of x86_64; machine is aarch64"):
        spec(stage("one", "app==1"), head='machine = "aarch64"', tail='[target]\ncpu = "x86-64-v2"')
