"""Makes a folder that ModelScope's own `pipeline()` loads for `auto-speech-recognition`, with random weights.

Run inside the reference environment: `python tiny_ears.py FOLDER`. As with the tiny voice, the folder's
`ms_wrapper.py` registers the model and its pipeline. (ModelScope's own classes need funasr and torchaudio.)
"""

from __future__ import annotations

import json
import pathlib
import shutil
import sys


def make(folder: pathlib.Path) -> None:
    """Write the model into a folder."""
    import torch
    from tiny_ears_wrapper import Recogniser

    torch.manual_seed(5)
    folder.mkdir(parents=True, exist_ok=True)
    configuration = {
        "framework": "pytorch",
        "task": "auto-speech-recognition",
        "allow_remote": True,
        "model": {"type": "tiny-ears"},
        "pipeline": {"type": "tiny-ears-asr"},
    }
    (folder / "configuration.json").write_text(json.dumps(configuration))
    here = pathlib.Path(__file__).resolve().parent
    shutil.copy(here / "tiny_ears_wrapper.py", folder / "ms_wrapper.py")
    torch.save(Recogniser().state_dict(), folder / "model.pt")


if __name__ == "__main__":
    make(pathlib.Path(sys.argv[1]))
