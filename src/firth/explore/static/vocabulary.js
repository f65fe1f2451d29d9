// The words of the model, in the order of rows, kept as UTF-8 and decoded when they are shown.

import { download } from "./api.js";

const FIRST = 20_000;
const CHUNK = 200_000;

export class Vocabulary {
  /** @param {number} size @param {string} source the request that answers with words */
  constructor(size, source = "words") {
    this.size = size;
    this.source = source;
    this.loaded = 0;
    /** @type {{start: number, ends: Uint32Array, bytes: Uint8Array}[]} */
    this.chunks = [];
    this.decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  }

  /** Load all words, the most frequent first; `each` is called after every part. @param {() => void} each */
  async load(each) {
    while (this.loaded < this.size) {
      const count = this.loaded === 0 ? FIRST : CHUNK;
      const { bytes } = await download(this.source, { start: this.loaded, count });
      this.add(bytes, Math.min(count, this.size - this.loaded));
      each();
    }
  }

  /** @param {ArrayBuffer} data @param {number} count */
  add(data, count) {
    let end = 0;
    const ends = new Uint32Array(data.slice(0, 4 * count)).map((length) => (end += length));
    this.chunks.push({ start: this.loaded, ends, bytes: new Uint8Array(data, 4 * count) });
    this.loaded += count;
  }

  /** Return the bytes of the word of a row, none if it is not loaded yet. @param {number} row */
  bytes(row) {
    const chunk = this.chunks.findLast((part) => part.start <= row);
    const place = row - (chunk?.start ?? 0);
    return chunk?.bytes.subarray(place ? chunk.ends[place - 1] : 0, chunk.ends[place] ?? 0) ?? new Uint8Array();
  }

  /** @param {number} row */
  word(row) {
    return this.decoder.decode(this.bytes(row));
  }
}
