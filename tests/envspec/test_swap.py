"""One package of a lock in another version, where metadata alone decides; and the hint that names one."""

import pathlib

import pytest

from envspec.lockfile.lock import Lock
from envspec.proof.prove import prove_lock
from envspec.resolve.resolver import resolve_spec
from envspec.resolve.swap import swapped
from envspec.spec.model import Spec
from envspec.supply.pip_settings import PipSettings
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system import rules
from envspec.system.errors import FindingsError
from tests.support.index import simple_index
from tests.support.specs import spec, stage
from tests.support.wheels import wheel

pytestmark = pytest.mark.usefixtures("home")

APP = "from lib import greet\n"


class Shop:
    """An index of `app`, which takes `greet` of `lib`, and of `web`, which wants an older `lib`."""

    def __init__(self, folder: pathlib.Path) -> None:
        files = folder / "files"
        offered = [wheel(files, "app", requires=["lib"], files={"app.py": APP})]
        offered += [wheel(files, "web", requires=["lib<4"])]
        offered += [
            wheel(files, "lib", version, files={"lib.py": "def greet(): ...\n"}) for version in ("1.0", "2.0")
        ]
        offered += [wheel(files, "lib", "3.0", files={"lib.py": "def welcome(): ...\n"})]
        offered += [wheel(files, "lib", "3.5", requires=["more"]), wheel(files, "lib", "4.0")]
        offered += [wheel(files, "more")]
        self.settings = PipSettings(index_url=simple_index(folder / "simple", offered))
        self.store = Wheelhouse(folder / "store")

    def sources(self, wanted: Spec) -> Sources:
        return Sources(wanted, self.settings)

    def locked(self, wanted: Spec) -> Lock:
        return resolve_spec(wanted, self.sources(wanted), self.store)

    def swapped(self, before: Lock, version: str) -> Lock | None:
        wanted = pinned(version)
        return swapped(wanted, before, "lib", version, self.sources(wanted), self.store)


@pytest.fixture
def shop(tmp_path: pathlib.Path) -> Shop:
    return Shop(tmp_path)


def pinned(version: str) -> Spec:
    return spec(stage("one", "app==1.0", "web==1.0", f"lib=={version}"))


def test_it_is_what_a_solver_would_have_found(shop: Shop) -> None:
    before = shop.locked(pinned("3.0"))
    assert shop.swapped(before, "1.0") == shop.locked(pinned("1.0"))


def test_what_another_package_rules_out_is_no_lock(shop: Shop) -> None:
    with pytest.raises(FindingsError, match="contradicts"):
        shop.swapped(shop.locked(pinned("3.0")), "4.0")


def test_where_something_would_come_a_solver_is_asked(shop: Shop) -> None:
    assert shop.swapped(shop.locked(pinned("3.0")), "3.5") is None


def test_where_something_would_go_a_solver_is_asked(shop: Shop) -> None:
    assert shop.swapped(shop.locked(pinned("3.5")), "3.0") is None


def test_a_version_that_nobody_offers_is_left_to_the_solver(shop: Shop) -> None:
    assert shop.swapped(shop.locked(pinned("3.0")), "9.0") is None


def test_the_hint_of_a_missing_name_says_which_version_has_it(shop: Shop) -> None:
    wanted = pinned("3.0")
    found = prove_lock(wanted, shop.locked(wanted), shop.sources(wanted), shop.store)
    (fails,) = [each for each in found if each.rule == rules.LINK_FAILS.id]
    assert (fails.between, fails.lacks) == (("app", "lib"), "lib.greet")
    has = "lib 2.0 has it, which the other packages allow"
    assert fails.hint == f"{has}; or take a version of app that knows lib 3.0"


def test_a_version_that_another_package_rules_out_is_named_with_it(
    tmp_path: pathlib.Path, shop: Shop
) -> None:
    files = tmp_path / "files"
    strict = wheel(files, "strict", requires=["lib>=3"])
    simple_index(tmp_path / "simple", [strict])
    wanted = spec(stage("one", "app==1.0", "strict==1.0", "lib==3.0"))
    found = prove_lock(wanted, shop.locked(wanted), shop.sources(wanted), shop.store)
    (fails,) = [each for each in found if each.rule == rules.LINK_FAILS.id]
    assert "lib 2.0 has it, though strict 1.0 wants lib>=3; " in fails.hint
