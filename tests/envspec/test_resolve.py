"""From a spec to a lock, with a folder as the only index: one joint solution, split into stages."""

import datetime as dt
import hashlib
import pathlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

import pytest

from envspec.lockfile.lock import Lock
from envspec.resolve.refusal import contradiction, unsatisfied
from envspec.resolve.resolver import SOLVERS, resolve_spec
from envspec.resolve.view import until, write_view, young_enough
from envspec.spec.model import Spec
from envspec.spec.target import target_of
from envspec.supply.local_index import folder_files
from envspec.supply.page import RemoteFile
from envspec.supply.pip_settings import PipSettings
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import FindingsError, OutsideError
from tests.support.index import simple_index
from tests.support.specs import spec, stage
from tests.support.wheels import sdist, wheel

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def shop(tmp_path: pathlib.Path) -> str:
    """An index: `app` needs `lib`, of which there are three versions, `web` needs an old `lib`."""
    files = tmp_path / "files"
    offered = [wheel(files, "lib", version) for version in ("1.0", "2.0", "3.0")]
    offered += [wheel(files, "app", "1.0", requires=["lib>=1"]), wheel(files, "web", requires=["lib<3"])]
    return simple_index(tmp_path / "simple", offered)


def locked(
    tmp_path: pathlib.Path,
    shop: str,
    wanted: Spec,
    *,
    find_links: tuple[str, ...] = (),
    redirects: Mapping[str, str] = MappingProxyType({}),
    others: Mapping[str, str] = MappingProxyType({}),
) -> Lock:
    machine = PipSettings(index_url=shop, find_links=find_links, redirects=redirects, others=others)
    sources = Sources(wanted, machine).within(tmp_path)
    return resolve_spec(wanted, sources, Wheelhouse(tmp_path / "store"))


def where(held: Lock) -> dict[str, str]:
    return {f"{each.name} {each.version}": each.stage for each in held.artifact}


def test_a_late_stage_has_its_say_in_what_an_early_one_installs(tmp_path: pathlib.Path, shop: str) -> None:
    """pip, run stage by stage, would install lib 3.0 first and replace it later."""
    held = locked(tmp_path, shop, spec(stage("one", "app"), stage("two", "web")))
    assert where(held) == {"app 1.0": "one", "lib 2.0": "one", "web 1.0": "two"}


def test_a_pin_is_never_moved(tmp_path: pathlib.Path, shop: str) -> None:
    held = locked(tmp_path, shop, spec(stage("one", "lib==1.0"), stage("two", "app", "web")))
    assert held.pins["lib"] == "1.0"


def test_what_a_later_stage_pins_anew_is_installed_once_and_over_what_others_require(
    tmp_path: pathlib.Path, shop: str
) -> None:
    """pip would install 2.0 and put 3.0 in its place, against the word of `web`; nothing is moved here."""
    held = locked(tmp_path, shop, spec(stage("one", "lib<3", "web"), stage("two", "lib==3.0")))
    assert where(held) == {"lib 3.0": "one", "web 1.0": "one"}


def test_pip_tools_says_that_it_cannot_pin_anew(tmp_path: pathlib.Path, shop: str) -> None:
    wanted = spec(stage("one", "lib==1.0"), stage("two", "lib==2.0"))
    sources = Sources(wanted, PipSettings(index_url=shop)).within(tmp_path)
    with pytest.raises(OutsideError, match="later pin"):
        resolve_spec(wanted, sources, Wheelhouse(tmp_path / "store"), resolver="pip-tools")


def test_pins_that_contradict_each_other_name_their_stages(tmp_path: pathlib.Path, shop: str) -> None:
    with pytest.raises(FindingsError) as caught:
        locked(tmp_path, shop, spec(stage("one", "lib==3.0"), stage("two", "web")))
    (finding,) = caught.value.findings
    assert (finding.rule, finding.where) == ("EV101", "one, two")
    assert "lib==3.0 is asked for by stage one" in finding.message


def test_a_mistyped_name_is_offered_the_one_that_is_meant(tmp_path: pathlib.Path, shop: str) -> None:
    with pytest.raises(FindingsError) as caught:
        locked(tmp_path, shop, spec(stage("one", "app", "nunpy==1.26.4")))
    assert [(each.rule, each.hint) for each in caught.value.findings] == [("EV102", "did you mean numpy?")]


def test_pip_s_own_constraint_files_limit_and_are_named(tmp_path: pathlib.Path, shop: str) -> None:
    limits = tmp_path / "limits.txt"
    limits.write_text("-c more.txt\nlib<3  # ours\nabsent==1\n")
    (tmp_path / "more.txt").write_text("web==9; python_version < '3'\n")
    others = {"constraint": str(limits)}
    held = locked(tmp_path, shop, spec(stage("one", "app")), others=others)
    assert held.pins == {"app": "1.0", "lib": "2.0"}
    with pytest.raises(FindingsError) as caught:
        locked(tmp_path, shop, spec(stage("one", "lib==3.0")), others=others)
    assert "lib<3 is asked for by pip's constraint file on this machine" in caught.value.findings[0].message
    limits.unlink()
    with pytest.raises(OutsideError, match="constraint file"):
        locked(tmp_path, shop, spec(stage("one", "app")), others=others)


def test_a_pin_for_a_newer_python_names_it() -> None:
    said = "Because the requested Python (>=3.11) does not satisfy Python>=3.12 and lib==2 wants it"
    (finding,) = contradiction(spec(stage("one", "lib==2")), said).findings
    assert (finding.rule, finding.where) == ("EV101", "one")
    assert "`envspec init SOURCE --python 3.12`" in finding.hint
    (other,) = contradiction(spec(stage("one", "lib==2")), "Because lib==2 depends on six").findings
    assert "envspec fix" in other.hint


OF_ITS_DAY = (
    "Because only lib<=2.0 is available and app==1.0 depends on lib>=3, we can conclude that your "
    "requirements are unsatisfiable. hint: `lib` was filtered by `exclude-newer` to only include packages "
    "uploaded before 2023-06-30T23:59:59.999999Z. The latest version satisfying the requirement is v3.0, "
    "published at 2024-05-06T07:08:09.100Z. Consider using `exclude-newer-package` to override the cutoff "
    "for this package."
)


def test_what_the_day_leaves_out_is_laid_to_the_day() -> None:
    (finding,) = contradiction(DATED, OF_ITS_DAY).findings
    assert finding.message.startswith(
        "`as-of = 2023-06-30` of the spec leaves out lib 3.0, which came on 2024-05-06: Because only lib<=2.0"
    )
    assert "exclude-newer" not in finding.message
    assert finding.hint.startswith("move `as-of` forward, to 2024-05-06 at most, or drop it, or take another")
    unsaid = OF_ITS_DAY.partition(" The latest")[0]
    (stages,) = contradiction(spec(stage("one", "lib", more="as-of = 2023-01-01")), unsaid).findings
    assert stages.message.startswith("`as-of = 2023-01-01` of stage one leaves out later lib: Because")


def test_one_stage_contradicts_no_other() -> None:
    (one,) = contradiction(spec(stage("one", "lib==2", "app")), "lib==2 and app and so on").findings
    (two,) = contradiction(spec(stage("one", "lib==2"), stage("two", "app")), "lib==2 and app").findings
    assert one.message.startswith("what is asked for contradicts itself: lib==2")
    assert two.message.startswith("the stages contradict each other: lib==2")


DATED = spec(stage("one", "app==1.0", "lib"), head="as-of = 2023-06-30")


class Dated:
    """An index of `lib`, of which a version came each year; another place has the last one without a day."""

    def files(self, index: str, project: str) -> tuple[RemoteFile, ...]:
        days = {f"{year - 2021}.0": dt.datetime(year, 5, 6, tzinfo=dt.UTC) for year in (2022, 2023, 2024)}
        offered = [*days.items(), ("3.0", None)]
        return tuple(
            RemoteFile(file=f"{project}-{version}-py3-none-any.whl", url="", uploaded=day)
            for version, day in offered
        )


@pytest.mark.parametrize(("word", "said"), [("lib==3.0", OF_ITS_DAY), ("lib>=2.5", OF_ITS_DAY)])
def test_a_version_of_a_later_day_names_the_day_and_none_that_is_later_too(word: str, said: str) -> None:
    wanted = spec(stage("one", word), head="as-of = 2023-06-30")
    error = unsatisfied(wanted, target_of(wanted), cast("Sources", Dated()), said)
    (finding,) = error.findings
    assert (finding.rule, finding.where) == ("EV102", "lib")
    assert "by the day of `as-of = 2023-06-30` of the spec" in finding.message
    assert "nearest are 2.0, 1.0" in finding.message
    assert (
        finding.hint == "move `as-of` to 2024-05-06, or drop it; or write one that is there, as in lib==2.0"
    )


def test_what_is_removed_is_solved_but_not_locked(tmp_path: pathlib.Path, shop: str) -> None:
    held = locked(tmp_path, shop, spec(stage("one", "app"), tail="[remove]\npackages = ['lib']"))
    assert (held.removed, list(held.pins)) == (("lib",), ["app"])


def test_the_solver_does_not_change_the_answer_between_runs(tmp_path: pathlib.Path, shop: str) -> None:
    wanted = spec(stage("one", "app"), stage("two", "web"))
    assert locked(tmp_path, shop, wanted) == locked(tmp_path, shop, wanted)


def test_a_spec_may_be_called_like_one_of_its_packages(tmp_path: pathlib.Path, shop: str) -> None:
    wanted = spec(stage("one", "app")).model_copy(update={"name": "app"})
    assert locked(tmp_path, shop, wanted).pins["app"] == "1.0"


def test_only_a_wheel_for_another_platform_is_nothing_to_install(tmp_path: pathlib.Path) -> None:
    shop = simple_index(tmp_path / "simple", [wheel(tmp_path, "far", tag="cp311-cp311-win_amd64")])
    with pytest.raises(FindingsError) as caught:
        locked(tmp_path, shop, spec(stage("one", "far")))
    assert {finding.rule for finding in caught.value.findings} <= {"EV101", "EV102"}


def test_what_must_be_prebuilt_is_never_compiled(tmp_path: pathlib.Path) -> None:
    shop = simple_index(tmp_path / "simple", [sdist(tmp_path)])
    wanted = spec(stage("one", "source==1.0", more="prebuilt = ['source']"))
    with pytest.raises(FindingsError) as caught:
        locked(tmp_path, shop, wanted)
    assert [finding.rule for finding in caught.value.findings] == ["EV102"]


def test_a_source_distribution_is_built_and_recorded(tmp_path: pathlib.Path) -> None:
    shop = simple_index(tmp_path / "simple", [sdist(tmp_path)])
    (entry,) = locked(tmp_path, shop, spec(stage("one", "source==1.0"))).artifact
    assert (entry.file, entry.installed.file) == ("source-1.0.tar.gz", "source-1.0-py3-none-any.whl")


def test_a_source_distribution_that_does_not_build_is_a_finding(tmp_path: pathlib.Path) -> None:
    shop = simple_index(tmp_path / "simple", [sdist(tmp_path, extra="raise SystemError('no such header')")])
    with pytest.raises(FindingsError) as refused:
        locked(tmp_path, shop, spec(stage("one", "source==1.0")))
    (finding,) = refused.value.findings
    assert (finding.rule, finding.where) == ("EV106", "source")
    assert "no such header" in finding.message


def test_a_source_distribution_that_cannot_tell_what_it_requires_is_a_finding(tmp_path: pathlib.Path) -> None:
    broken = sdist(tmp_path, extra="raise SystemError('no pkg_resources')", told=False)
    shop = simple_index(tmp_path / "simple", [broken])
    with pytest.raises(FindingsError) as refused:
        locked(tmp_path, shop, spec(stage("one", "source==1.0")))
    (finding,) = refused.value.findings
    assert (finding.rule, finding.where) == ("EV106", "source")
    assert finding.message.startswith("source==1.0 is offered as source alone")
    assert "no pkg_resources" in finding.message


def test_a_wheel_of_the_spec_is_locked_with_its_sha256(tmp_path: pathlib.Path, shop: str) -> None:
    place = wheel(tmp_path / "own", "mine", requires=["lib<2"])
    held = locked(tmp_path, shop, spec(f'name = "one"\nwheels = [{{ path = "own/{place.name}" }}]'))
    assert {(each.name, each.version, each.index) for each in held.artifact} == {
        ("mine", "1.0", "spec"), ("lib", "1.0", "default"),
    }  # fmt: skip


def test_the_build_for_this_machine_is_preferred_where_it_is_offered(
    tmp_path: pathlib.Path, shop: str
) -> None:
    """As for torch: the local version sorts above the public one."""
    wheel(tmp_path / "wheels", "lib", "3.0+cpu")
    held = locked(tmp_path, shop, spec(stage("one", "lib==3.0")), find_links=(str(tmp_path / "wheels"),))
    assert held.pins["lib"] == "3.0+cpu"


NAMED = spec(stage("one", "lib", more='index = "mine"'), tail='[index.mine]\nurl = "file:///nowhere"')


def test_a_named_index_is_asked_and_nothing_else(tmp_path: pathlib.Path, shop: str) -> None:
    mine = simple_index(tmp_path / "mine", [wheel(tmp_path / "own", "lib", "0.5")])
    held = locked(tmp_path, shop, NAMED, redirects={"MINE": mine})
    assert [(each.version, each.index) for each in held.artifact] == [("0.5", "mine")]


def test_a_named_index_that_is_not_there_is_no_reason_to_look_elsewhere(
    tmp_path: pathlib.Path, shop: str
) -> None:
    with pytest.raises(OutsideError, match="index mine cannot be asked for lib"):
        locked(tmp_path, shop, NAMED)


def test_a_named_index_without_the_package_is_no_reason_to_look_elsewhere(
    tmp_path: pathlib.Path, shop: str
) -> None:
    with pytest.raises(OutsideError, match="index mine has no file of lib"):
        locked(tmp_path, shop, NAMED, redirects={"MINE": simple_index(tmp_path / "empty", [])})


def test_there_are_two_solvers() -> None:
    assert set(SOLVERS) == {"uv", "pip-tools"}


@pytest.mark.parametrize(
    ("moment", "instant"),
    [
        (dt.date(2024, 4, 1), "2024-04-01T23:59:59.999999+00:00"),
        (dt.date(9999, 12, 31), "9999-12-31T23:59:59.999999+00:00"),
        (dt.datetime(2024, 4, 1, 12), "2024-04-01T12:00:00+00:00"),
    ],
)
def test_a_date_counts_to_its_end_and_times_are_utc(moment: dt.date, instant: str) -> None:
    assert until(moment).isoformat() == instant


def test_as_of_leaves_out_what_came_later() -> None:
    old, new = (
        RemoteFile(file=str(year), url="", uploaded=dt.datetime(year, 1, 1, tzinfo=dt.UTC))
        for year in (2023, 2025)
    )
    unknown = RemoteFile(file="x", url="")
    assert young_enough([old, new, unknown], dt.date(2024, 1, 1)) == (old, unknown)


def test_a_view_tells_the_digest_of_a_file_on_this_machine(tmp_path: pathlib.Path) -> None:
    made = wheel(tmp_path / "a folder", "demo")
    write_view(tmp_path / "view", "demo", folder_files(made.parent, "demo"))
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    assert f"#sha256={digest}" in (tmp_path / "view" / "demo" / "index.html").read_text()


def test_a_view_escapes_what_an_index_made_up(tmp_path: pathlib.Path) -> None:
    evil = RemoteFile(file='<script>"', url='https://x.example/"><b>', yanked='"><i>', requires_python=">=3")
    write_view(tmp_path, "demo", [evil])
    page = (tmp_path / "demo" / "index.html").read_text()
    assert not {"<script>", "<b>", "<i>"} & set(page.replace("><", "> <").split())
