"""Makes a folder that ModelScope's own `pipeline()` loads: a small HiFi-GAN-like generator, random weights.

Run inside the reference environment: `python tiny_model.py FOLDER`. The folder's `ms_wrapper.py`, which
ModelScope imports, registers the model and its pipeline in ModelScope's registry. (ModelScope's own
pipeline class cannot be used: importing it needs `kantts`, which is not on the public index.)
"""

from __future__ import annotations

import json
import pathlib
import shutil
import sys

VOICES = ("zhitian_emo", "zhiyan_emo", "plain")


def make(folder: pathlib.Path) -> None:
    """Write the model into a folder."""
    import torch
    from tiny_model_wrapper import Generator

    torch.manual_seed(7)
    (folder / "voices").mkdir(parents=True, exist_ok=True)
    (folder / "voices" / "voices.json").write_text(json.dumps({"voices": list(VOICES)}))
    configuration = {
        "framework": "pytorch",
        "task": "text-to-speech",
        "allow_remote": True,
        "model": {"type": "tiny-hifigan", "sample_rate": 16000},
        "pipeline": {"type": "tiny-hifigan-tts"},
    }
    (folder / "configuration.json").write_text(json.dumps(configuration))
    here = pathlib.Path(__file__).resolve().parent
    shutil.copy(here / "tiny_model_wrapper.py", folder / "ms_wrapper.py")
    torch.save(Generator().state_dict(), folder / "generator.pt")


if __name__ == "__main__":
    make(pathlib.Path(sys.argv[1]))
