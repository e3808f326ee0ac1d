// The page itself: joins the form, the service, the player and the history.

import { curl, file, offers, Refusal, speak, wav } from "./api.js";
import { forget, remember, remembered } from "./history.js";
import { Live } from "./live.js";
import { PRESETS } from "./presets.js";
import { Talk } from "./talk.js";
import { waveform } from "./wave.js";
import { known, otherLanguage, translate, word } from "./words.js";

const NUMBERS = ["intensity", "speed", "pitch"];
const $ = (id) => document.getElementById(id);
const SYLLABLE = 0.3, LETTER = 0.1;  // seconds that a character takes, as the service expects
const state = { offered: null, sound: null, asked: null, running: null, status: null, error: null, live: null };

function asked() {
  const emotion = document.querySelector("input[name=emotion]:checked")?.value ?? "neutral";
  const numbers = Object.fromEntries(NUMBERS.filter((name) => !$(name).disabled).map((name) => [name, Number($(name).value)]));
  const text = $("text").value;
  return { ...(isMarkup(text) ? { ssml: text } : { text }), voice: $("voice").value, emotion, ...numbers };
}

function isMarkup(text) {
  return text.trimStart().startsWith("<speak");
}

// Seconds of sound that a request is expected to become.
function expected(request) {
  const text = request.text ?? request.ssml.replace(/<[^>]*>/g, "");
  const syllables = [...text].filter((character) => character >= "\u2e80").length;
  return Math.max(1, (SYLLABLE * syllables + LETTER * ([...text].length - syllables)) / (request.speed ?? 1));
}

function fill(request) {
  $("text").value = request.text ?? request.ssml;
  showCount();
  if (request.voice && voice(request.voice)) $("voice").value = request.voice;
  showVoice();
  const chosen = document.querySelector(`input[name=emotion][value="${CSS.escape(request.emotion ?? "neutral")}"]`);
  if (chosen && !chosen.disabled) chosen.checked = true;
  for (const name of NUMBERS) $(name).value = request[name] ?? 1;
  showNumbers();
  showCount();
}

function voice(name) {
  return state.offered?.voices.find((one) => one.name === name);
}

function showVoice() {
  const chosen = voice($("voice").value);
  if (!chosen) return;
  for (const input of document.querySelectorAll("input[name=emotion]")) {
    input.disabled = !chosen.emotions.includes(input.value);
    if (input.disabled && input.checked) document.querySelector("input[name=emotion][value=neutral]").checked = true;
  }
  $("pitch").disabled = !chosen.can_pitch;
}

function showNumbers() {
  for (const name of NUMBERS) $(`${name}-value`).textContent = `${Number($(name).value).toFixed(2)}×`;
}

function showCount() {
  const n = [...$("text").value].length, most = state.offered?.max_text ?? Infinity;
  $("count").textContent = word(n > most ? "countOver" : "count", { n, most: state.offered?.max_text ?? "…", over: n - most });
  $("count").classList.toggle("near", n > 0.9 * most);
  $("count").classList.toggle("over", n > most);
  $("text").setAttribute("aria-invalid", String(n > most));
  $("speak").disabled = n > most || Boolean(state.running);
}

function say(name, values) {
  state.status = name && [name, values];
  $("status").textContent = name ? word(name, values) : "";
}

function complain(error) {
  state.error = error;
  $("error").hidden = !error;
  if (!error) return;
  const { code, facts = {} } = error instanceof Refusal ? error : { code: "other_error", facts: { message: String(error) } };
  $("error").textContent = word(known(code) ? code : "other_error", { code, retry: 1, ...facts });
  if (code === "unauthorized") {
    $("key-box").hidden = false;
    $("key").focus();
  } else if (facts.field === "text") {
    $("text").focus();
  }
}

async function begin() {
  state.running?.abort();
  const length = [...$("text").value].length, longest = state.offered?.max_text ?? Infinity;
  if (length > longest) {
    complain(new Refusal("text_too_long", { field: "text", message: `${length} / ${longest}` }));
    return;
  }
  const request = asked();
  const running = state.running = new AbortController();
  complain(null);
  forgetResult();
  busy(true);
  $("progress").value = 0;
  say("working", { s: "0.0" });
  const most = expected(request);
  try {
    if (!(request.text ?? request.ssml).trim()) throw new Refusal("nothing_to_speak", { field: "text" });
    const sound = await speak(request, $("key").value, running.signal, (piece, rate, s) => {
      say("working", { s: s.toFixed(1) });
      $("progress").value = Math.min(0.98, s / most);
      if (state.running === running) hear(piece, rate);
    });
    if (state.running === running) finish(request, sound);
  } catch (error) {
    if (state.running !== running) return;
    forgetResult();
    say(error.name === "AbortError" ? "stopped" : null);
    if (error.name !== "AbortError") complain(error);
  } finally {
    if (state.running === running) {
      state.running = null;
      busy(false);
    }
  }
}

// A piece is heard as soon as it is there, where the browser can do that.
function hear(piece, rate) {
  try {
    state.live ??= new Live(rate);
    state.live.add(piece);
  } catch {
    silence();
  }
}

function silence() {
  state.live?.stop();
  state.live = null;
}

// What was spoken before is neither shown nor heard any more.
function forgetResult() {
  silence();
  $("player").pause();
  $("result").hidden = true;
  state.sound = null;
}

function finish(request, sound) {
  state.sound = sound;
  state.asked = request;
  const player = $("player");
  if (player.src) URL.revokeObjectURL(player.src);
  player.src = URL.createObjectURL(wav(sound));
  const heard = state.live?.heard() ?? 0;
  silence();
  if (heard) player.currentTime = heard;  // it goes on where the pieces were
  $("progress").value = 1;
  $("result").hidden = false;
  showResult();
  say("ready", { s: seconds().toFixed(1) });
  remember(request);
  showHistory();
  player.play().catch(() => {});  // a browser may want a click first; the controls are there
}

function seconds() {
  return state.sound.samples.length / state.sound.rate;
}

function showResult() {
  if (!state.sound) return;
  $("wave").setAttribute("aria-label", word("wave", { s: seconds().toFixed(1) }));
  $("curl").textContent = curl(state.asked);
  drawWave();
}

function drawWave() {
  if (state.sound && !$("result").hidden) waveform($("wave"), state.sound.samples, $("player"));
}

function busy(yes) {
  $("stop").hidden = $("progress").hidden = !yes;
  showCount();
}

async function download() {
  complain(null);
  const format = $("format").value, began = Date.now();
  const running = state.running = new AbortController();
  const alive = () => say("encoding", { format: format.toUpperCase(), s: Math.round((Date.now() - began) / 1000) });
  const ticking = setInterval(alive, 1000);
  $("progress").removeAttribute("value");  // nobody knows how far a codec is: the bar moves, and the seconds count
  $("download").disabled = true;
  busy(true);
  alive();
  try {
    const blob = format === "wav" ? wav(state.sound) : await file(state.asked, format, $("key").value, running.signal);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `speech.${format}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    say("ready", { s: seconds().toFixed(1) });
  } catch (error) {
    say(error.name === "AbortError" ? "stopped" : null);
    if (error.name !== "AbortError") complain(error);
  } finally {
    clearInterval(ticking);
    $("download").disabled = false;
    if (state.running === running) {
      state.running = null;
      busy(false);
    }
  }
}

const talk = new Talk();

function tell(what, value) {
  if (what === "error") {
    complain(new Refusal(value.code, { message: value.message }));
    return;
  }
  $(what).hidden = !value;
  $(what).textContent = value;
}

// One button: the first press listens, the second asks; a press while the answer is spoken interrupts it.
async function converse() {
  if (talk.listening) {
    talk.enough();
    return;
  }
  complain(null);
  for (const place of ["heard", "answer"]) tell(place, "");
  try {
    const listening = talk.listen();
    showTalk("listening", true);
    const question = await listening;
    showTalk("asking", false);
    $("hush").hidden = false;
    const heard = await talk.ask(question, "", $("key").value, tell);
    showTalk(heard ? null : "heardNothing", false);
  } catch (error) {
    showTalk(null, false);
    if (error.name === "NotAllowedError" || error.name === "NotFoundError") complain(new Refusal("no_microphone"));
    else if (error.name !== "AbortError") complain(error);
  }
}

function showTalk(name, listening) {
  $("microphone").setAttribute("aria-pressed", String(listening));
  $("microphone").textContent = word(listening ? "enough" : "microphone");
  $("talk-status").textContent = name ? word(name) : "";
}

function hush() {
  talk.interrupt();
  $("hush").hidden = true;
  showTalk(null, false);
}

async function copy() {
  const text = $("curl").textContent;
  try {
    await navigator.clipboard.writeText(text);
    $("copy").textContent = word("copied");
  } catch {
    getSelection().selectAllChildren($("curl"));  // no right to the clipboard: select it instead
  }
}

function showHistory() {
  const kept = remembered();
  $("history-empty").hidden = kept.length > 0;
  $("clear").hidden = kept.length === 0;
  $("history").replaceChildren(...kept.map((request) => {
    const item = document.createElement("li"), text = document.createElement("p"), how = document.createElement("small");
    const said = request.text ?? request.ssml;
    text.textContent = said;
    how.textContent = `${word(request.emotion)} · ${request.voice} · ${Number(request.speed ?? 1).toFixed(2)}×`;
    text.append(how);
    const again = document.createElement("button");
    again.type = "button";
    again.textContent = word("again");
    again.setAttribute("aria-label", `${word("again")}: ${said.slice(0, 30)}`);
    again.addEventListener("click", () => { fill(request); $("text").focus(); });
    item.append(text, again);
    return item;
  }));
}

function showPresets() {
  $("presets").replaceChildren(...PRESETS.map((preset) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = document.documentElement.lang === "en" ? preset.en : preset.zh;
    button.addEventListener("click", () => fill(preset));
    return button;
  }));
}

function showEmotions() {
  const chosen = document.querySelector("input[name=emotion]:checked")?.value ?? "neutral";
  $("emotions").replaceChildren(...(state.offered?.emotions ?? ["neutral"]).map((name) => {
    const label = document.createElement("label"), input = document.createElement("input"), text = document.createElement("span");
    Object.assign(input, { type: "radio", name: "emotion", value: name, checked: name === chosen });
    text.textContent = word(name);
    label.append(input, text);
    return label;
  }));
  showVoice();
}

function option(value, text) {
  return Object.assign(document.createElement("option"), { value, textContent: text });
}

function showWords() {
  translate();
  $("language").textContent = word("other");
  $("language").lang = document.documentElement.lang === "en" ? "zh" : "en";
  showEmotions();
  showPresets();
  showCount();
  showHistory();
  showResult();
  if (state.status) say(...state.status);
  complain(state.error);
}

// What is offered is asked for again until it comes: the service may just be starting.
async function load(pause = 1000) {
  try {
    state.offered = await offers($("key").value);
  } catch (error) {
    complain(error);
    if (error.code !== "unauthorized") setTimeout(() => state.offered || load(Math.min(2 * pause, 15000)), pause);
    return;
  }
  complain(null);
  const { voices, formats, limits } = state.offered;
  $("voice").replaceChildren(...voices.map((one) => option(one.name, one.description)));
  $("voice").value = state.offered.default;
  $("talk").hidden = !(state.offered.listens && state.offered.answers && navigator.mediaDevices && window.MediaRecorder);
  $("format").replaceChildren(...formats.filter((name) => name !== "pcm").map((name) => option(name, name.toUpperCase())));
  for (const name of NUMBERS) [$(name).min, $(name).max] = limits[name];
  showEmotions();
  showNumbers();
  showCount();
}

$("form").addEventListener("submit", (event) => { event.preventDefault(); begin(); });
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("form").requestSubmit();
});
$("text").addEventListener("input", showCount);
$("stop").addEventListener("click", () => state.running?.abort());
$("voice").addEventListener("change", showVoice);
$("key").addEventListener("change", () => { if (!state.offered) { complain(null); load(); } });
$("language").addEventListener("click", () => { otherLanguage(); showWords(); });
$("microphone").addEventListener("click", converse);
$("hush").addEventListener("click", hush);
$("download").addEventListener("click", download);
$("copy").addEventListener("click", copy);
$("clear").addEventListener("click", () => { forget(); showHistory(); $("text").focus(); });
$("wave").addEventListener("click", (event) => {
  const player = $("player");
  if (Number.isFinite(player.duration)) player.currentTime = player.duration * event.offsetX / event.target.clientWidth;
});
for (const name of NUMBERS) $(name).addEventListener("input", showNumbers);
for (const event of ["timeupdate", "loadedmetadata", "seeked"]) $("player").addEventListener(event, drawWave);
addEventListener("resize", drawWave);

showWords();
load();
