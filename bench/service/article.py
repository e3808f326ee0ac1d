"""The article's service, made to run at all: what the bench compares with.

As the article has it: one Flask application served by Flask's own development server, the sound as WAV in
base64 inside JSON. Two things are changed, because without them nothing can be measured. The model is
espeak-ng with this project's own Mandarin voice, in the server's process as the article's model is, since the
article's call of ModelScope is a TypeError. And a lock stands around it: without one espeak-ng crashes at
the second request at once.
"""

from __future__ import annotations

import base64
import io
import sys
import threading
import wave

import espeakng_loader
from flask import Flask, Response, jsonify, request

from service.voices.espeak_library import EspeakLibrary
from service.voices.espeak_worker import VOICE_FILES

app = Flask(__name__)
model = EspeakLibrary(espeakng_loader.get_library_path(), espeakng_loader.get_data_path(), buffer=0)
model.choose(VOICE_FILES / "mandarin")
lock = threading.Lock()


@app.post("/tts")
def tts() -> Response:
    data = request.get_json()
    text, speed = data.get("text", ""), data.get("speed", 1.0)
    with lock:
        model.set("rate", int(175 * speed))
        samples = model.speak(text, 600)
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, model.sample_rate, 0, "NONE", ""))
        sound.writeframes(samples)
    return jsonify(
        {
            "audio": base64.b64encode(file.getvalue()).decode(),
            "sample_rate": model.sample_rate,
            "duration": len(samples) / 2 / model.sample_rate,
            "status": "success",
        }
    )


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]))
