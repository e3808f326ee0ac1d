// Draws the loudness of a sound over time, and where its player is.

export function waveform(canvas, samples, player) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.width = canvas.clientWidth * ratio;
  const height = canvas.height = canvas.clientHeight * ratio;
  const context = canvas.getContext("2d");
  const bars = Math.max(1, Math.floor(width / (4 * ratio)));
  const heights = Array.from({ length: bars }, (_, bar) => loudest(samples, bar, bars));
  const colours = getComputedStyle(document.documentElement);
  const place = Number.isFinite(player.duration) ? player.currentTime / player.duration : 0;
  context.clearRect(0, 0, width, height);
  heights.forEach((part, bar) => {
    const tall = Math.max(2 * ratio, part * height * 0.9);
    context.fillStyle = colours.getPropertyValue(bar / bars < place ? "--accent" : "--soft");
    context.fillRect(bar * width / bars, (height - tall) / 2, 2.5 * ratio, tall);
  });
}

function loudest(samples, bar, bars) {
  const from = Math.floor(bar * samples.length / bars), to = Math.floor((bar + 1) * samples.length / bars);
  let most = 0;
  for (let i = from; i < to; i += 4) most = Math.max(most, Math.abs(samples[i]));
  return most / 32768;
}
