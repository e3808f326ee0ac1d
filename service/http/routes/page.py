"""The web page at `/` and its assets, all from this service, under a strict content security policy."""

from __future__ import annotations

import pathlib

from flask import Blueprint, Response, send_from_directory

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "page"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

blueprint = Blueprint("page", __name__)


@blueprint.get("/")
def page() -> Response:
    """The page."""
    return _secured(send_from_directory(FOLDER, "index.html"))


@blueprint.get("/assets/<name>")
def asset(name: str) -> Response:
    """A script, a style sheet or a picture of the page."""
    return _secured(send_from_directory(FOLDER, name))


def _secured(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-cache"
    return response
