// Plays sound while it arrives: each piece is scheduled behind the one before.

export class Live {
  constructor(rate) {
    this.rate = rate;
    this.context = new AudioContext({ sampleRate: rate });
    this.begin = this.end = 0;
    this.odd = null;  // half of a sample, whose other half has not come yet
  }

  add(bytes) {
    if (this.odd !== null) bytes = Uint8Array.from([this.odd, ...bytes]);
    this.odd = bytes.length % 2 ? bytes[bytes.length - 1] : null;
    const count = bytes.length >> 1;
    if (!count) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset, 2 * count);
    const buffer = this.context.createBuffer(1, count, this.rate);
    const samples = buffer.getChannelData(0);
    for (let i = 0; i < count; i += 1) samples[i] = view.getInt16(2 * i, true) / 32768;
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.context.destination);
    if (!this.begin) this.begin = this.end = this.context.currentTime + 0.05;
    // Where the network was slower than the voice, what was missed is not skipped.
    if (this.context.currentTime > this.end) {
      this.begin += this.context.currentTime - this.end;
      this.end = this.context.currentTime;
    }
    source.start(this.end);
    this.end += count / this.rate;
  }

  // Seconds of the sound that were heard; 0 where a browser lets nothing be played.
  heard() {
    return this.begin ? Math.max(0, Math.min(this.context.currentTime, this.end) - this.begin) : 0;
  }

  stop() {
    this.context.close().catch(() => {});
  }
}
