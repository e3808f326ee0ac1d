"""The tasks, and where they come from: files by default, any broker by `THUMBS_BROKER`."""

import os
import pathlib

from celery import Celery

FOLDER = pathlib.Path(os.environ.get("THUMBS_FOLDER", "/tmp/thumbs"))  # noqa: S108 - a volume in the image

app = Celery("thumbs", broker=os.environ.get("THUMBS_BROKER", "filesystem://"))
if app.conf.broker_url == "filesystem://":
    for name in ("queue", "control", "results"):
        (FOLDER / name).mkdir(parents=True, exist_ok=True)
    app.conf.update(
        broker_transport_options={
            "data_folder_in": str(FOLDER / "queue"),
            "data_folder_out": str(FOLDER / "queue"),
            "control_folder": str(FOLDER / "control"),
        },
        result_backend=(FOLDER / "results").as_uri(),
    )


@app.task
def count(text: str) -> int:
    """How many words a text has."""
    return len(text.split())


@app.task
def ping() -> str:
    """Answers, so that one sees that a worker works."""
    return "pong"
