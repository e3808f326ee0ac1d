"""Which versions of a package are tried, and in which order."""

from envspec.resolve.ladder import RUNGS, ladder
from envspec.spec.target import Target
from envspec.supply.page import RemoteFile

TARGET = Target(python="3.11", machine="x86_64", glibc=(2, 36))


def files(*versions: str, yanked: str = "", source: bool = False) -> list[RemoteFile]:
    end = ".tar.gz" if source else "-py3-none-any.whl"
    return [
        RemoteFile(file=f"thing-{each}{end}", url="file:///x", yanked="bad" if each == yanked else None)
        for each in versions
    ]


def test_the_nearest_comes_first_and_then_the_last_of_each_series() -> None:
    offered = files("1.0", "1.1.0", "1.1.5", "1.2.0", "1.2.1", "1.2.2", "1.3.0")
    assert ladder(offered, "1.2.2", TARGET, newer=False) == ["1.2.1", "1.1.5", "1.0"]


def test_a_ladder_leads_up_as_well() -> None:
    assert ladder(files("1.0", "1.1", "1.2", "1.3"), "1.1", TARGET, newer=True) == ["1.2", "1.3"]


def test_a_long_ladder_is_climbed_in_strides_and_to_its_end() -> None:
    found = ladder(files(*(f"1.{minor}" for minor in range(60))), "1.0", TARGET, newer=True)
    assert len(found) <= RUNGS
    assert (found[0], found[-1]) == ("1.1", "1.59")


def test_what_was_withdrawn_or_is_unfinished_is_left_out() -> None:
    assert ladder(files("1.0", "1.1", "2.0a1", yanked="1.1"), "3.0", TARGET, newer=False) == ["1.0"]


def test_from_an_unfinished_version_others_are_as_good() -> None:
    assert ladder(files("1.0b1", "1.0b2", "1.0b3"), "1.0b2", TARGET, newer=True) == ["1.0b3"]


def test_a_version_that_must_be_built_counts_where_no_wheel_is() -> None:
    both = [*files("1.0"), *files("1.5", source=True)]
    assert ladder(both, "2.0", TARGET, newer=False) == ["1.0"]
    assert ladder(files("1.5", source=True), "2.0", TARGET, newer=False) == ["1.5"]


def test_what_is_not_there_yet_begins_with_the_newest() -> None:
    assert ladder(files("1.0", "2.0"), None, TARGET, newer=False) == ["2.0", "1.0"]
