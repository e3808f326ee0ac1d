"""Faults that a build, a copy or a second installer leaves behind, and healthy things that look like them."""

from __future__ import annotations

import importlib.util
import pathlib
import sys

import pytest
from numpy.linalg import lapack_lite

from builder.judge import judge_subject

from .environments import Environment, errors, warnings

USED = "import os\n"


def test_a_compiled_module_without_its_head_is_refused(environment: Environment) -> None:
    whole = pathlib.Path(lapack_lite.__file__).read_bytes()
    broken = b"\0" * 64 + whole[64:]
    environment.install("good", {"good/__init__.py": USED, "good/_fast.abi3.so": broken})
    assert list(errors(judge_subject(environment.target))) == ["EV226:good._fast"]


@pytest.mark.parametrize(
    ("library", "rule"), [("libjpeg-f2134fdd.so.62.3.0", {"EV203:good.part"}), ("libtbb.so.12", set())]
)
def test_a_library_that_came_with_a_wheel_must_be_there(
    environment: Environment, library: str, rule: set[str]
) -> None:
    source = f"raise ImportError('{library}: cannot open shared object file: No such file or directory')\n"
    files = {f"good/fine{number}.py": USED for number in range(4)}
    environment.install("good", {"good/__init__.py": "", "good/part.py": source, **files})
    assert set(errors(judge_subject(environment.target))) == rule


def test_an_optional_program_of_a_package_may_lack_what_it_says_it_lacks(environment: Environment) -> None:
    source = "raise ImportError(\"No module named 'aiohttp'. Please install black[d]\")\n"
    environment.install("black", {"black/__init__.py": USED, "blackd/__init__.py": source})
    assert judge_subject(environment.target).ships
    environment.install("alone", {"alone/__init__.py": source})
    assert list(errors(judge_subject(environment.target))) == ["EV209:alone"]


@pytest.mark.parametrize(("files", "found"), [(1, []), (9, ["EV260:user.core"])])
def test_half_of_a_package_that_misses_names_of_another_is_an_error(
    environment: Environment, files: int, found: list[str]
) -> None:
    environment.install("provider", {"provider.py": "import os\n"})
    inside = {f"user/m{number}.py": "from . import core\n" for number in range(files)}
    inside |= {f"user/fine{number}.py": USED for number in range(5)}
    core = "from provider import old\n"
    environment.install("user", {"user/__init__.py": USED, "user/core.py": core, **inside})
    assert list(errors(judge_subject(environment.target))) == found


def test_an_editable_installation_that_leads_nowhere_is_an_error(
    environment: Environment, tmp_path: pathlib.Path
) -> None:
    for name, source in (("here", tmp_path), ("gone", tmp_path / "absent")):
        environment.install(
            name,
            {f"__editable__.{name}.pth": f"{source}\n", f"{name}-1.0.dist-info/direct_url.json":
             '{"url": "file:///x", "dir_info": {"editable": true}}'},
        )  # fmt: skip
    mapping = f"from __future__ import annotations\nMAPPING: dict[str, str] = {{'far': '{tmp_path}/far'}}\n"
    environment.install(
        "far",
        {"__editable___far_finder.py": mapping, "far-1.0.dist-info/direct_url.json":
         '{"url": "file:///x", "dir_info": {"editable": true}}'},
    )  # fmt: skip
    assert sorted(errors(judge_subject(environment.target))) == ["EV237:far", "EV237:gone"]


@pytest.mark.skipif(
    ".pythons" in sys.base_prefix,
    reason="a Python of scripts/python knows its libraries better than a variable",
)
def test_a_variable_that_breaks_the_standard_library_is_an_error(
    environment: Environment, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment.install("good", {"good.py": USED})
    assert "EV247" not in str(errors(judge_subject(environment.target)))
    for name in ("libcrypto.so.3", "libcrypto.so.1.1", "libssl.so.3", "libssl.so.1.1"):
        (tmp_path / name).touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    found = errors(judge_subject(environment.target))
    assert "LD_LIBRARY_PATH" in found["EV247:_ssl"]


def test_a_lazy_package_whose_corner_fails_may_ship(environment: Environment) -> None:
    environment.install("provider", {"provider.py": "import os\n"})
    inside = {f"user/m{number}.py": "from . import core\n" for number in range(3)}
    inside |= {f"user/fine{number}.py": USED for number in range(6)}
    core = "from provider import old\n"
    files = {"user/__init__.py": USED, "user/core.py": core, **inside}
    environment.install("user", files, requires=("provider>=2",))
    verdict = judge_subject(environment.target)
    assert verdict.ships
    assert "EV260:user.core" in warnings(verdict)


def test_another_project_over_a_package_is_an_error_and_a_variant_of_it_is_not(
    environment: Environment,
) -> None:
    kept = {f"jot/m{number}.py": "import json\n" for number in range(8)}
    environment.install("pyjot", {"jot/__init__.py": "encode = len\n", **kept})
    environment.install("pyjot-headless", {"jot/__init__.py": "encode = iter\n", **kept})
    verdict = judge_subject(environment.target)
    assert errors(verdict) == {}
    assert "EV233:pyjot" in warnings(verdict)
    environment.install("jot", {"jot/__init__.py": "class Other: pass\n", "jot/else.py": USED})
    assert "EV233:jot" in errors(judge_subject(environment.target))


@pytest.mark.parametrize(("users", "use", "found"), [
    ("from . import compat\n", "from collections import Mapping\n", ["EV260:user._vendor.web.old"]),
    ("try:\n    from . import compat\nexcept ImportError:\n    compat = None\n",
     "from collections import Mapping\n", []),
    ("from . import compat\n", "def late():\n    from collections import Mapping\n", []),
])  # fmt: skip
def test_a_copy_of_another_project_counts_for_what_imports_it(
    environment: Environment, users: str, use: str, found: list[str]
) -> None:
    copied = {"user/_vendor/__init__.py": "", "user/_vendor/web/__init__.py": "from . import old\n"}
    own = {f"user/m{number}.py": users for number in range(4)} | {
        "user/__init__.py": USED,
        "user/compat.py": "from ._vendor import web\n",
    }
    if users.startswith("try"):
        own["user/compat.py"] = "try:\n    from ._vendor import web\nexcept ImportError:\n    web = None\n"
    environment.install("user", {**own, **copied, "user/_vendor/web/old.py": use})
    verdict = judge_subject(environment.target)
    assert list(errors(verdict)) == found
    assert found or "EV260" not in {each.rule for each in verdict.findings}


def test_what_python_has_lost_is_an_error_where_a_call_of_something_public_ends_in_it(
    environment: Environment,
) -> None:
    """Python is nobody's requirement, and still everybody's."""
    code = "import inspect\ndef names(value): return inspect.getargspec(len)\n"
    environment.install("user", {"user/__init__.py": code})
    found = errors(judge_subject(environment.target))
    assert list(found) == ["EV260:user"]
    assert "tried: `user.names(" in found["EV260:user"]


SPACE = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"


def test_a_namespace_that_two_declare_differently_is_information(environment: Environment) -> None:
    environment.install("space-a", {"space/__init__.py": SPACE, "space/a.py": USED})
    environment.install("space-b", {"space/__init__.py": SPACE + "# b\n", "space/b.py": USED})
    (found,) = [each for each in judge_subject(environment.target).findings if each.rule == "EV233"]
    assert found.severity == "info"
    assert "is lost" not in found.message


@pytest.mark.parametrize(("init", "severity"), [
    ("version = '1'\ndef get_version_string(): return version\n", "error"),
    ("def connect(): return 1\n", "warning"),
])  # fmt: skip
def test_most_of_what_users_import_of_a_package_with_its_version_alone_is_an_error(
    environment: Environment, init: str, severity: str
) -> None:
    environment.install("provider", {"provider.py": USED})
    lost = {"user/core.py": "from provider import gone\n", "user/client.py": "from . import core\n"}
    kept = {"user/web.py": USED} | {f"user/tools/m{number}.py": USED for number in range(5)}
    environment.install("user", {"user/__init__.py": init, **lost, **kept}, requires=("provider",))
    (found,) = [each for each in judge_subject(environment.target).findings if each.rule == "EV260"]
    assert (found.where, found.severity) == ("user.core", severity)


def test_an_older_release_of_another_name_over_a_package_takes_names_away(environment: Environment) -> None:
    head = "__version__ = '1'\nif __name__ == '__main__':\n    print(__version__)\n"
    common = {f"mine/m{number}.py": USED for number in range(6)}
    environment.install(
        "mine.six", {"mine/__init__.py": head, "mine/base.py": "New = 1\n",
                     "mine/high.py": "from .base import New\n", **common})  # fmt: skip
    environment.install("mine", {"mine/__init__.py": head + "# old\n", "mine/base.py": "Old = 1\n", **common})
    assert "EV201:mine.high" in errors(judge_subject(environment.target))


def test_modules_of_a_package_that_need_a_gone_standard_module_are_one_error(
    environment: Environment,
) -> None:
    files = {f"server/fine{number}.py": USED for number in range(4)}
    files |= {f"server/bad{number}.py": "import asynchat_of_old, exceptions\n" for number in range(2)}
    files = {path: text.replace("asynchat_of_old, ", "") for path, text in files.items()}
    environment.install("server", {"server/__init__.py": "", **files})
    found = errors(judge_subject(environment.target))
    assert list(found) == ["EV213:server.bad0"]
    assert "takes down 1 more" in found["EV213:server.bad0"]


def test_the_module_that_bears_its_packages_name_counts_for_the_package(environment: Environment) -> None:
    source = "raise ImportError('Unable to find zbar shared library')\n"
    files = {f"bar/part{number}.py": USED for number in range(9)}
    environment.install("bar", {"bar/__init__.py": "", "bar/bar.py": source, **files})
    environment.install("car", {"car/__init__.py": "", "car/odd.py": source, **{
        path.replace("bar", "car"): text for path, text in files.items()}})  # fmt: skip
    assert list(errors(judge_subject(environment.target))) == ["EV203:bar.bar"]


@pytest.mark.skipif(
    importlib.util.find_spec("sitecustomize") is not None, reason="this Python has a sitecustomize of its own"
)
def test_a_failing_sitecustomize_is_a_warning(environment: Environment) -> None:
    environment.install("good", {"good.py": USED})
    (environment.site / "sitecustomize.py").write_text("raise RuntimeError('no')\n")
    verdict = judge_subject(environment.target)
    assert verdict.ships
    assert "EV243:sitecustomize" in warnings(verdict)


@pytest.mark.parametrize(
    ("summary", "source", "found"),
    [
        ("Simple Python interface for Dots", "DOT_BINARY = pathlib.Path('no-dot')\n", True),
        ("Wkhtmlto python wrapper", "subprocess.run(['which', 'wkhtmlto'])\n", True),
        ("Wkhtmlto python wrapper", "subprocess.run(['no-such-helper'])\n", False),
        ("Command line interface for Dots", "DOT_BINARY = 'no-dot'\n", False),
        ("Draws dots", "DOT_BINARY = 'no-dot'\n", False),
        ("Library to easily interface with dots", "DOT_BINARY = 'no-dot'\n", False),
    ],
)
def test_a_wrapper_needs_the_program_that_it_wraps(
    environment: Environment, summary: str, source: str, found: bool
) -> None:
    body = "import pathlib\nimport subprocess\n\n\ndef use():\n    return subprocess\n"
    body += source if source[0].isupper() else f"\n\ndef call():\n    {source}"
    environment.install("drawing", {"drawing.py": body}, metadata=f"Summary: {summary}")
    assert ("EV244:drawing" in errors(judge_subject(environment.target))) is found


def test_a_warning_that_many_modules_give_is_said_once(environment: Environment) -> None:
    source = "import warnings\nwarnings.warn('old times', UserWarning)\n"
    environment.install("loud", {"loud/__init__.py": "", "loud/a.py": source, "loud/b.py": source})
    said = [each.message for each in judge_subject(environment.target).findings if each.rule == "EV206"]
    assert said == ["loud.a: the import warns 'old times'; so do 1 more"]


def test_a_private_root_may_miss_an_optional_part_of_a_namespace(environment: Environment) -> None:
    environment.install("space-core", {"space/core/__init__.py": USED})
    files = {"space/cloud/store/__init__.py": USED, "space/cloud/_store/__init__.py": "import space.iam\n"}
    environment.install("space-cloud-store", files, requires=("space-core",))
    verdict = judge_subject(environment.target)
    assert errors(verdict) == {}
    assert [each.where for each in verdict.findings if each.rule == "EV212"] == ["space.cloud._store"]


def test_a_plugin_that_others_bring_along_may_lack_its_host(environment: Environment) -> None:
    environment.install("plot-inline", {"plot_inline/__init__.py": "import plot\n"})
    assert list(errors(judge_subject(environment.target))) == ["EV209:plot_inline"]
    environment.install("shell", {"shell/__init__.py": USED}, requires=("plot-inline",))
    assert errors(judge_subject(environment.target)) == {}


INNER = """
import sys
if 'driver' not in sys.modules:
    raise ImportError('the driver package should be imported before driver_fast')
"""


@pytest.mark.parametrize(("requires", "found"), [
    (('driver-fast; extra == "fast"',), []),
    ((), ["EV201:driver_fast"]),
])  # fmt: skip
def test_a_part_that_wants_its_host_first_is_imported_after_it(
    environment: Environment, requires: tuple[str, ...], found: list[str]
) -> None:
    """The host takes it by itself; nobody imports it first who has it by the host's extra."""
    environment.install("driver", {"driver/__init__.py": USED}, requires=requires)
    environment.install("driver-fast", {"driver_fast/__init__.py": INNER})
    assert list(errors(judge_subject(environment.target))) == found


@pytest.mark.parametrize("error", ["OSError(30, 'Read-only file system')", "PermissionError(13, 'no')"])
def test_a_write_that_the_judge_refused_is_no_error(environment: Environment, error: str) -> None:
    source = (
        "import os\nhere = os.path.dirname(__file__)\n"
        "try:\n    open(os.path.join(here, 'cache.txt'), 'w')\nexcept OSError:\n    pass\n"
        f"raise {error}\n"
    )
    environment.install("writer", {"writer/__init__.py": source})
    verdict = judge_subject(environment.target)
    assert verdict.ships
    assert "EV208:writer" in warnings(verdict)


def test_a_package_that_has_the_name_and_not_the_module_is_told(environment: Environment) -> None:
    environment.install("jot", {"jottings/__init__.py": USED})
    environment.install("user", {"user/__init__.py": "import jot\n"}, requires=("jot",))
    found = errors(judge_subject(environment.target))
    assert list(found) == ["EV209:user"]
    assert "which jot 1.0 does not have" in found["EV209:user"]


@pytest.mark.parametrize(("body", "weight"), [
    ("return provider.gone(1)", "WARNING"),
    ("raise provider.Gone('no such thing')", "INFO"),
    ("return provider.zeroslike(1)", "INFO"),
    ("return provider.Zeros_Like(1)", "WARNING"),
])  # fmt: skip
def test_a_slip_of_the_pen_or_another_error_than_the_meant_one_is_information(
    environment: Environment, body: str, weight: str
) -> None:
    environment.install("provider", {"provider.py": "zeros_like = _zeroslike = len\n"})
    environment.install("user", {"user.py": f"import provider\ndef use():\n    {body}\n"})
    (found,) = (each for each in judge_subject(environment.target).findings if each.rule == "EV260")
    assert found.severity.name == weight


def weight_of(environment: Environment, rule: str = "EV260") -> list[str]:
    """How heavy the findings of a rule are."""
    found = judge_subject(environment.target).findings
    return [each.severity.name for each in found if each.rule == rule]


@pytest.mark.parametrize(("core", "importer", "requires", "weight"), [
    ("from provider import old\n", "from . import core", ("provider",), "ERROR"),
    ("from provider import old\n", "from .core import old", ("provider",), "ERROR"),
    ("from provider import old\n", "import user.core", ("provider",), "ERROR"),
    ("from provider import old\n", "from . import core", (), "INFO"),
    ("from provider import old\n", "try:\n        from . import core\n    except ImportError:\n        pass",
     ("provider",), "INFO"),
    ("import provider\ndef use():\n    provider.old()\n", "from . import core", ("provider",), "WARNING"),
    ("import provider\ndef use():\n    provider.old()\n", "from . import core", (), "INFO"),
    ("import provider\ndef use(x):\n    if x:\n        provider.old()\n", "from . import core",
     ("provider",), "INFO"),
    ("import provider\ndef use():\n    provider.old()\n", "pass", ("provider",), "INFO"),
])  # fmt: skip
def test_what_a_function_imports_counts_where_the_other_is_required(
    environment: Environment, core: str, importer: str, requires: tuple[str, ...], weight: str
) -> None:
    environment.install("provider", {"provider.py": "import os\n"})
    begin = f"import os\ndef begin():\n    {importer}\n"
    corners = {f"user/fine{number}.py": USED for number in range(9)}
    files = {"user/__init__.py": begin, "user/core.py": core, **corners}
    environment.install("user", files, requires=requires)
    assert weight_of(environment) == [weight]


JOINS = "import provider\ndef use():\n    return provider.path.join\n"


@pytest.mark.parametrize(("user", "more", "weights"), [
    (JOINS, "", ["WARNING"]),
    ("import provider\nclass Use:\n    def _use(self):\n        return provider.path.join\n", "", ["INFO"]),
    (JOINS, "import provider.path\n", []),
    (JOINS, "from provider import (\n    path)\n", []),
    (JOINS, "NAME = 'provider.path'\n", []),
    ("import provider\ndef use():\n    return provider.known.join\n", "", []),
    ("import provider\ndef use():\n    return getattr(provider, 'path').join\n", "", []),
    ("import provider\ntry:\n    provider.path\nexcept AttributeError:\n    pass\n", "", []),
])  # fmt: skip
def test_a_module_of_another_that_nobody_imports_is_a_warning_where_it_is_used(
    environment: Environment, user: str, more: str, weights: list[str]
) -> None:
    files = {"provider/__init__.py": "import os\nfrom . import known\n", "provider/known.py": "join = 1\n"}
    environment.install("provider", {**files, "provider/path.py": "join = 1\n"})
    environment.install("user", {"user/__init__.py": user, "user/more.py": more})
    assert weight_of(environment) == weights


@pytest.mark.parametrize(("provider", "weight"), [
    ("try:\n    from nowhere import old\nexcept ImportError:\n    pass\n", "INFO"),
    ("import os\nif os.path.exists('/nowhere'):\n    from os import old\n", "INFO"),
    ("import sys\nif sys.version_info < (3,):\n    from os import old\n", "WARNING"),
    ("import os\n", "WARNING"),
])  # fmt: skip
def test_a_name_that_another_has_only_where_something_else_is_there_was_never_promised(
    environment: Environment, provider: str, weight: str
) -> None:
    environment.install("provider", {"provider.py": provider})
    environment.install("user", {"user.py": "import provider\ndef use():\n    return provider.old()\n"})
    assert weight_of(environment) == [weight]


FALLBACK = """
try:
    import {first} as first
    def resize(picture):
        return first.join(picture)
except ImportError:
    import provider
    def resize(picture):
        return provider.OLD(picture)
"""


@pytest.mark.parametrize(("first", "init", "weights"), [
    ("nowhere", "from .version import __version__\n", ["WARNING"]),
    ("nowhere", "def call(): pass\n", []),
    ("posixpath", "from .version import __version__\n", []),
])  # fmt: skip
def test_what_stands_in_for_another_is_judged_where_it_is_what_users_get(
    environment: Environment, first: str, init: str, weights: list[str]
) -> None:
    """Where the first choice is there, or nothing that users import loads the module, nobody gets it."""
    environment.install("provider", {"provider.py": "import os\n"})
    files = {
        "user/__init__.py": init,
        "user/version.py": "__version__ = '1'\n",
        "user/editor.py": "from . import inner\n",
    }
    environment.install(
        "user", {**files, "user/inner.py": FALLBACK.format(first=first)}, requires=("provider",)
    )
    assert weight_of(environment) == weights


SHOWN = "class Shown:\n    def show_metavar(self, ctx): pass\ndef show(one):\n    one.show_metavar(1)\n"
SHOWS = "import provider\nclass Own(provider.Shown):\n    def show_metavar(self): pass\n"


def test_a_method_that_is_overridden_otherwise_is_information_whatever_is_required(
    environment: Environment,
) -> None:
    """A package may override a method for its own calls alone."""
    environment.install("provider", {"provider.py": SHOWN})
    environment.install("user", {"user.py": SHOWS}, requires=("provider>=2",))
    assert weight_of(environment, "EV261") == ["INFO"]


BUILDS = """
import provider
class User(provider.Client):
    def __init__(self, app):
        super().__init__(app=app, url='/')
"""


@pytest.mark.parametrize(("init", "client", "weights"), [
    ("from .client import User\n", "def __init__(self, url): pass", ["ERROR"]),
    ("import os\n", "def __init__(self, url): pass", ["WARNING"]),
    ("import os\n", "def __init__(self, url, app): pass", []),
    ("import os\n", "def __init__(self, **more): pass", []),
    ("import os\n", "pass", []),
])  # fmt: skip
def test_what_a_class_hands_to_the_constructor_of_another_is_judged_though_nothing_loads_it(
    environment: Environment, init: str, client: str, weights: list[str]
) -> None:
    environment.install("provider", {"provider.py": f"import os\nclass Client:\n    {client}\n"})
    environment.install("user", {"user/__init__.py": init, "user/client.py": BUILDS})
    assert weight_of(environment, "EV261") == weights


def test_what_is_imported_behind_a_way_out_is_no_fault_where_it_is_used(environment: Environment) -> None:
    environment.install("provider", {"provider/__init__.py": "old = len\n"})
    source = """
def use(a):
    try:
        from provider.new import bounds
    except ImportError:
        from provider import old as bounds
    return bounds(a, low=1)

def other():
    from provider import gone
    return gone.name
"""
    environment.install("user", {"user.py": source})
    found = [each.message for each in judge_subject(environment.target).findings if each.rule == "EV260"]
    assert len(found) == 1
    assert "uses provider.gone, which" in found[0]
    assert "more of the kind" not in found[0]


def test_what_a_name_would_stand_for_in_another_branch_is_not_used(environment: Environment) -> None:
    environment.install("provider", {"provider/__init__.py": USED, "provider/v1.py": "old = len\n"})
    source = """
import provider as always
if hasattr(always, "v1") or True:
    import provider.v1 as chosen
else:
    import provider as chosen

def use():
    return chosen.old, chosen.gone
"""
    environment.install("user", {"user.py": source}, requires=("provider",))
    found = [each.message for each in judge_subject(environment.target).findings if each.rule == "EV260"]
    assert [each.partition(",")[0] for each in found] == ["user uses provider.v1.gone"]


BUILTIN = {"provider.py": "import os\nint_ = int\nword_wrap = len\n"}


@pytest.mark.parametrize(("name", "weights"), [("int", ["WARNING"]), ("wordwrap", ["INFO"])])
def test_a_name_with_one_more_underscore_is_another(
    environment: Environment, name: str, weights: list[str]
) -> None:
    environment.install("provider", BUILTIN)
    user = f"import provider\ndef use(self):\n    if self.is_int:\n        return provider.{name}\n"
    environment.install("user", {"user.py": user})
    assert weight_of(environment) == weights


@pytest.mark.parametrize(("init", "weights"), [
    ("__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n", []), ("import os\n", ["WARNING"]),
])  # fmt: skip
def test_what_lies_in_a_package_that_others_add_to_was_promised_by_nobody(
    environment: Environment, init: str, weights: list[str]
) -> None:
    environment.install("provider", {"shared/__init__.py": init, "shared/part.py": "import os\n"})
    user = "import os\ndef use():\n    from shared import agents\n    return agents\n"
    environment.install("user", {"user.py": user})
    assert weight_of(environment) == weights


COOPERATES = """
class Cooperates(provider.Base):
    def __init__(self):
        super().__init__(popup=1)
class User(Cooperates):
    pass
"""


@pytest.mark.parametrize(("classes", "rules"), [
    # The next in line is the other base, which takes it, and not the base of the first.
    ("class User(provider.Scripts, Marker):\n    def __init__(self):\n        super().__init__(popup=1)", []),
    (f"{COOPERATES}class Both(User, Marker):\n    pass", []),
    (COOPERATES, ["EV261"]),
])  # fmt: skip
def test_the_constructor_that_is_next_in_line_is_the_one_that_counts(
    environment: Environment, classes: str, rules: list[str]
) -> None:
    base = "class Base:\n    def __init__(self, name=''):\n        pass\nclass Scripts(Base):\n    pass\n"
    environment.install("provider", {"provider.py": f"import os\n{base}"})
    own = "class Marker(provider.Base):\n    def __init__(self, popup=None):\n        super().__init__()\n"
    environment.install("user", {"user.py": f"import provider\n{own}{classes}\n"})
    assert [each.rule for each in judge_subject(environment.target).findings] == rules


@pytest.mark.parametrize(("call", "found"), [
    ("check(1, old=2)", ["EV261"]),
    ("check(1, new=2)", []),
    ("check(1, old=2) if VERSION < 1 else check(1)", []),
    ("[check(1, old=2)] if hasattr(check, 'old') else []", []),
    ("own(1, old=2)", []),
])  # fmt: skip
def test_what_a_package_takes_of_another_by_way_of_a_module_of_its_own_is_judged(
    environment: Environment, call: str, found: list[str]
) -> None:
    provider = "VERSION = 2\nclass Base: pass\ndef check(value, *, new=None): return value\n"
    environment.install("provider", {"provider.py": provider})
    compat = (
        "try:\n    from provider import VERSION, Base, check\nexcept ImportError:\n"
        "    VERSION, Base, check = 0, object, None\ndef own(value, **more): return value\n"
    )
    taken = "from .compat import VERSION, Base, check, own\n"
    code = f"{taken}class User(Base):\n    def use(self): return {call}\n"
    files = {"user/__init__.py": "from .core import User\n", "user/compat.py": compat, "user/core.py": code}
    environment.install("user", files, requires=("provider",))
    told = judge_subject(environment.target).findings
    assert [each.rule for each in told if each.rule == "EV261"] == found
