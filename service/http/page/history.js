// What was spoken on this device: requests only, in the browser's own storage.

const KEY = "history";
const MOST = 20;

export function remembered() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one) => typeof (one?.text ?? one?.ssml) === "string") : [];
  } catch {
    return [];
  }
}

export function remember(asked) {
  const same = JSON.stringify(asked);
  const kept = [asked, ...remembered().filter((one) => JSON.stringify(one) !== same)].slice(0, MOST);
  localStorage.setItem(KEY, JSON.stringify(kept));
}

export function forget() {
  localStorage.removeItem(KEY);
}
