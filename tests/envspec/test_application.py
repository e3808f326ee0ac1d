"""Which interface an application speaks, read off its code."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from envspec.proof.application import UnknownError, application_interface

FRAMEWORKS = {
    "fast/__init__.py": "from .applications import Fast as Fast\nfrom fast.tools import *\n",
    "fast/applications.py": "from star.applications import Star\nclass Fast(Star): pass\n",
    "fast/tools.py": (
        "class Wrapped:\n def __init__(self, app): self.app = app\n"
        " async def __call__(self, scope, receive, send): pass\n"
    ),
    "star/applications.py": (
        "from typing import Generic, TypeVar\nT = TypeVar('T')\n"
        "class Star(Generic[T]):\n async def __call__(self, scope: dict, receive, send) -> None: ...\n"
    ),
    "flask/__init__.py": "from .app import Flask\n",
    "flask/app.py": "from .sansio import App\nclass Flask(App):\n"
    " def __call__(self, environ, start_response): return self.wsgi_app(environ, start_response)\n",
    "flask/sansio.py": "class App: pass\n",
    "django/wsgi.py": "from django.handlers import WSGIHandler\n"
    "def get_wsgi_application():\n    setup()\n    return WSGIHandler()\n",
    "django/asgi.py": "from django.handlers import ASGIHandler\n"
    "def get_asgi_application():\n    return ASGIHandler()\n",
    "django/handlers.py": (
        "class WSGIHandler:\n def __call__(self, environ, start_response): ...\n"
        "class ASGIHandler:\n async def __call__(self, scope, receive, send): ...\n"
    ),
    "dash.py": "import flask\nclass Dash:\n def __init__(self, server=None):\n"
    "  self.server = server or flask.Flask('x')\n",
    "pyramid.py": "class Router:\n def __call__(self, environ, start_response): ...\n"
    "class Configurator:\n def make_wsgi_app(self):\n  return Router()\n",
}


def told(
    code: str, name: str = "app", *, factory: bool = False, files: Mapping[str, str] = FRAMEWORKS
) -> str:
    there = {**files, "mine/app.py": code, "mine/__init__.py": ""}

    def read(module: str) -> str | None:
        return there.get(f"{module.replace('.', '/')}.py")

    return application_interface(f"mine.app:{name}", factory=factory, read=read)


ASGI = [
    "from fast import Fast\napp = Fast()",
    "import fast\napp = fast.Fast(title='x')",
    "import fast.applications as f\napp: f.Fast = f.Fast()",
    "from fast import Fast as F\nclass Own(F): pass\napp = Own()",
    "from fast import Fast, Wrapped\napp = Fast()\napp = Wrapped(app)",
    "from flask import Flask\nfrom fast import Wrapped\napp = Flask('x')\napp = Wrapped(app)",
    "from fast import Wrapped\nfrom flask import Flask\ninner = Flask('x')\napp = Wrapped(inner)",
    "from django.asgi import get_asgi_application\napp = get_asgi_application()",
    "async def app(scope, receive, send): ...",
    "async def app(a, b, c): ...",
    "class App:\n async def __call__(self, scope, receive, send): ...\napp = App()",
    "try:\n    from nowhere import X\nexcept ImportError:\n    from fast import Fast as X\napp = X()",
    "from .other import app",
    "from falcon.asgi import App\napp = App()",
    "from fast import Fast\ndef build():\n    made = Fast()\n    return made\napp = build()",
    "from fast import Fast\nwith open('x') as f:\n    app = Fast()",
]
WSGI = [
    "from flask import Flask\napp = Flask(__name__)",
    "import flask\napp = None\napp = flask.Flask('x')",
    "from django.wsgi import get_wsgi_application\napp = get_wsgi_application()",
    "def app(environ, start_response): return []",
    "def app(env, respond): return []",
    "from dash import Dash\ndash_app = Dash()\napp = dash_app.server",
    "from pyramid import Configurator\nconfig = Configurator()\napp = config.make_wsgi_app()",
    "from falcon import App\napp = App()",
]
OTHERS = {"mine/other.py": "from fast import Fast\napp = Fast()\n"}


@pytest.mark.parametrize("code", ASGI)
def test_an_asgi_application_is_told(code: str) -> None:
    assert told(code, files={**FRAMEWORKS, **OTHERS}) == "ASGI"


@pytest.mark.parametrize("code", WSGI)
def test_a_wsgi_application_is_told(code: str) -> None:
    assert told(code) == "WSGI"


@pytest.mark.parametrize(
    ("code", "interface"),
    [
        ("from fast import Fast\ndef make(): return Fast()", "ASGI"),
        ("import flask\ndef make(x=1):\n    if x:\n        a = flask.Flask('x')\n        return a", "WSGI"),
        ("from fast import Fast\ndef inner(): return Fast()\ndef make():\n    return inner()", "ASGI"),
        ("from fast import Fast as make", "ASGI"),
        ("def make():\n    def app(environ, start_response): return []\n    return app", "WSGI"),
    ],
)  # fmt: skip
def test_a_factory_speaks_what_it_returns(code: str, interface: str) -> None:
    assert told(code, "make", factory=True) == interface


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("", "mine.app binds no app that could be followed"),
        ("app = 5", "mine.app binds no app"),
        ("from nowhere import app", "mine.app binds no app"),
        ("import nowhere\napp = nowhere.App()", "could not be followed"),
        ("app = app", "mine.app binds no app"),
        ("def app(): ...", "could not be followed"),
        ("from fast import Fast as app", "could not be followed"),
        ("def app(:", "no source of mine.app"),
        ("a = b\nb = a\napp = a", "more steps"),
        ("class A(A): pass\napp = A()", "could not be followed"),
        ("def f(): return f()\napp = f()", "more steps"),
    ],
)
def test_what_cannot_be_told_is_said_to_be_so(code: str, why: str) -> None:
    with pytest.raises(UnknownError, match=why):
        told(code)


def test_a_module_that_is_not_there() -> None:
    with pytest.raises(UnknownError, match="no source of gone"):
        application_interface("gone:app", factory=False, read=lambda _: None)
