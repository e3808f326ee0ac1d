// A spoken question, and its answer as it comes: words, and sound that is heard at once.

import { answer } from "./api.js";
import { Live } from "./live.js";

export class Talk {
  constructor() {
    this.recorder = this.asking = this.live = null;
    this.conversation = [];
  }

  // Take the microphone. Whoever speaks interrupts the answer.
  async listen() {
    this.interrupt();
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const pieces = [];
    this.recorder = new MediaRecorder(stream);
    this.recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
    const ended = new Promise((resolve) => this.recorder.addEventListener("stop", resolve));
    this.recorder.start();
    await ended;
    for (const track of stream.getTracks()) track.stop();
    this.recorder = null;
    return new Blob(pieces, { type: pieces[0]?.type ?? "audio/webm" });
  }

  get listening() {
    return this.recorder !== null;
  }

  // The question is asked.
  enough() {
    this.recorder?.stop();
  }

  // Closing the connection is what stops the service from writing and speaking on.
  interrupt() {
    this.asking?.abort();
    this.live?.stop();
    this.asking = this.live = null;
  }

  async ask(question, voice, key, tell) {
    const asking = this.asking = new AbortController();
    let heard = "", said = "";
    for await (const event of answer(question, voice, this.conversation, key, asking.signal)) {
      if (event.type === "heard") tell("heard", heard = event.text);
      if (event.type === "answer.delta") tell("answer", said += event.delta);
      if (event.type === "speech.audio.delta") this.hear(event);
      if (event.type === "error") tell("error", event);
    }
    if (heard) this.conversation.push({ role: "user", content: heard }, { role: "assistant", content: said });
    this.conversation = this.conversation.slice(-20);
    return heard;
  }

  hear({ audio, sample_rate: rate }) {
    if (this.live && this.live.rate !== rate) return;
    this.live ??= new Live(rate);
    this.live.add(Uint8Array.from(atob(audio), (character) => character.charCodeAt(0)));
  }
}
