// Talks to the service: what it offers, speech as it is made, and files in other formats.

const HEADER_BYTES = 44;

export class Refusal extends Error {
  constructor(code, facts = {}) {
    super(code);
    this.code = code;
    this.facts = facts;
  }
}

async function call(path, asked, key, signal) {
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  const options = { headers, signal };
  if (asked instanceof FormData) {
    Object.assign(options, { method: "POST", body: asked });
  } else if (asked) {
    Object.assign(options, { method: "POST", body: JSON.stringify(asked) });
    headers["Content-Type"] = "application/json";
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("unreachable");
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  const retry = response.headers.get("Retry-After");
  const { code, param, message } = said.error?.message ? said.error : { ...said, param: said.field, message: said.error };
  throw new Refusal(code ?? "unavailable", { field: param, message, retry });
}

export async function offers(key) {
  return (await call("/voices", null, key)).json();
}

// Speech as 16-bit samples; `onPiece` is given each piece with the rate and the seconds that are there already.
export async function speak(asked, key, signal, onPiece) {
  const response = await call("/tts/stream", { ...asked, format: "wav" }, key, signal);
  const pieces = [];
  let length = 0, rate = 0;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
      length += value.length;
      let fresh = value;
      if (!rate && length >= HEADER_BYTES) {
        const begin = await join(pieces);
        rate = new DataView(begin).getUint32(24, true);
        fresh = new Uint8Array(begin, HEADER_BYTES);
      }
      if (rate) onPiece(fresh, rate, (length - HEADER_BYTES) / 2 / rate);
    }
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("broken");
  }
  return { rate, samples: new Int16Array(await join(pieces), HEADER_BYTES) };
}

// The events of an answer to a question, which is a recording or a text.
export async function* answer(question, voice, messages, key, signal) {
  const form = new FormData();
  form.append(question instanceof Blob ? "file" : "text", question);
  if (voice) form.append("voice", voice);
  form.append("messages", JSON.stringify(messages));
  const response = await call("/v1/dialogue", form, key, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      throw error.name === "AbortError" ? error : new Refusal("broken");
    });
    if (done) return;
    const events = (waiting + value).split("\n\n");
    waiting = events.pop();
    for (const event of events) yield JSON.parse(event.slice(6));
  }
}

function join(pieces) {
  return new Blob(pieces).arrayBuffer();
}

export async function file(asked, format, key, signal) {
  const reply = await (await call("/tts", { ...asked, format }, key, signal)).json().catch((error) => {
    throw error.name === "AbortError" ? error : new Refusal("broken");
  });
  const bytes = Uint8Array.from(atob(reply.audio), (character) => character.charCodeAt(0));
  return new Blob([bytes]);
}

// A WAV file of samples whose number is known, unlike in the stream.
export function wav({ rate, samples }) {
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  const text = (at, letters) => [...letters].forEach((letter, i) => header.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF"); header.setUint32(4, 36 + samples.byteLength, true); text(8, "WAVEfmt ");
  header.setUint32(16, 16, true); header.setUint16(20, 1, true); header.setUint16(22, 1, true);
  header.setUint32(24, rate, true); header.setUint32(28, 2 * rate, true);
  header.setUint16(32, 2, true); header.setUint16(34, 16, true);
  text(36, "data"); header.setUint32(40, samples.byteLength, true);
  return new Blob([header, samples], { type: "audio/wav" });
}

export function curl(asked) {
  const body = JSON.stringify(asked).replaceAll("'", "'\\''");
  return `curl -s -X POST ${location.origin}/tts \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}' \\\n`
    + `  | python3 -c 'import base64, json, sys; sys.stdout.buffer.write(base64.b64decode(json.load(sys.stdin)["audio"]))' > speech.wav`;
}
