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

  /**
   * Load all words, the most frequent first; `each` is called after every part.
   * @param {() => void} each
   */
  async load(each) {
    while (this.loaded < this.size) {
      const count = this.loaded === 0 ? FIRST : CHUNK;
      const { bytes } = await download(this.source, { start: this.loaded, count });
      this.add(bytes, Math.min(count, this.size - this.loaded));
      each();
    }
  }

  /**
   * @param {ArrayBuffer} data
   * @param {number} count
   */
  add(data, count) {
    const ends = new Uint32Array(data.slice(0, 4 * count));
    for (let i = 1; i < count; i++) ends[i] = /** @type {number} */ (ends[i]) + /** @type {number} */ (ends[i - 1]);
    this.chunks.push({ start: this.loaded, ends, bytes: new Uint8Array(data, 4 * count) });
    this.loaded += count;
  }

  /**
   * Return the word of a row, or nothing if it is not loaded yet.
   * @param {number} row
   */
  word(row) {
    const chunk = this.chunks.findLast((part) => part.start <= row);
    if (!chunk || row >= this.loaded) return "";
    const place = row - chunk.start;
    return this.decoder.decode(chunk.bytes.subarray(place ? chunk.ends[place - 1] : 0, chunk.ends[place]));
  }

  /**
   * Return the bytes of the word of a row.
   * @param {number} row
   */
  length(row) {
    const chunk = this.chunks.findLast((part) => part.start <= row);
    const place = row - (chunk?.start ?? 0);
    return (chunk?.ends[place] ?? 0) - (place ? chunk?.ends[place - 1] ?? 0 : 0);
  }
}
