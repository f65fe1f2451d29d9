// The answers of the server, from the data in an exported page: it stands in for api.js. Vectors are whole numbers of
// 8 bits, and cosines are those of these vectors.

/** An answer that is refused, with its reason. */
export class Refused extends Error {}

const EPSILON = 1e-6; // of 3CosMul
const SIGNS = /(?:^|(?<=\s))([+\-−–])(?=\s|$)/;

/** @param {string} name */
function data(name) {
  const text = atob(document.getElementById(`data-${name}`)?.textContent ?? "");
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

const meta = JSON.parse(new TextDecoder().decode(data("meta")));
const { words: V, dimensions: D } = meta.overview;
const vectors = new Int8Array(data("vectors").buffer);
const bytes = data("words");
const lengths = new Uint32Array(bytes.buffer.slice(0, 4 * V));
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
let end = 4 * V;
/** @type {string[]} */
const words = Array.from(lengths, (length) => decoder.decode(bytes.subarray(end, (end += length))));
const rows = new Map(words.map((word, row) => [word, row]));
const folded = words.map((word) => word.toLowerCase());
/** @type {Record<string, Uint16Array>} */
const maps = { pca: new Uint16Array(data("pca").buffer), neighbours: new Uint16Array(data("neighbours").buffer) };
const counts = new Float64Array(data("counts").buffer);
const total = counts.reduce((sum, count) => sum + count, 0);
const norms = new Float32Array(data("norms").buffer);
const units = words.map((_, row) => Math.hypot(...vectors.subarray(row * D, row * D + D)) || 1);

/**
 * Return binary data as the server sends it.
 * @param {string} name @param {Record<string, string | number>} parameters
 * @returns {Promise<{bytes: ArrayBuffer, headers: Headers}>}
 */
export async function download(name, parameters) {
  const [start, stop] = [Number(parameters["start"]), Number(parameters["start"]) + Number(parameters["count"])];
  const headers = new Headers({ "firth-range": meta.normRange });
  if (name === "points") return { bytes: (maps[String(parameters["map"])] ?? new Uint16Array()).slice(2 * start, 2 * stop).buffer, headers };
  if (name === "colours") return { bytes: data("norm").slice(start, stop).buffer, headers };
  const before = lengths.subarray(0, start).reduce((sum, length) => sum + length, 4 * V);
  const here = lengths.slice(start, stop);
  const texts = bytes.slice(before, before + here.reduce((sum, length) => sum + length, 0));
  return { bytes: await new Blob([here, texts]).arrayBuffer(), headers };
}

/** Return an answer as the server gives it. @param {string} name @param {Record<string, any>} parameters @returns {Promise<any>} */
export async function ask(name, parameters = {}) {
  if (name === "overview") return meta.overview;
  if (name === "suggest") return suggest(parameters["q"]).map(named);
  if (name === "missed") return missed(parameters["map"], parameters["row"], String(parameters["neighbours"]).split(",").filter(Boolean).map(Number));
  if (name === "ask") return answer(parameters["q"], parameters["topn"], Math.min(parameters["among"], V));
  throw new Refused("an exported page cannot answer this: open the model with firth explore");
}

/** @param {string} text words that begin so, then those with one letter more, less, or another */
function suggest(text) {
  const typed = text.toLowerCase();
  const found = new Set(rows.has(text) ? [rows.get(text) ?? 0] : []);
  for (let row = 0; row < V && found.size < 8; row++) if (folded[row]?.startsWith(typed)) found.add(row);
  for (let row = 0; row < V && found.size < 8; row++) if (isNear(folded[row] ?? "", typed)) found.add(row);
  return [...found];
}

/** @param {string} one @param {string} other whether one edit makes them equal */
function isNear(one, other) {
  if (Math.abs(one.length - other.length) > 1) return false;
  let start = 0;
  while (start < one.length && one[start] === other[start]) start++;
  const [rest, wanted] = [one.slice(start), other.slice(start)];
  return rest.slice(1) === wanted.slice(1) || rest.slice(1) === wanted || rest === wanted.slice(1)
    || (rest.slice(2) === wanted.slice(2) && rest[0] === wanted[1] && rest[1] === wanted[0]);
}

/** @param {string} text @param {number} topn @param {number} among */
function answer(text, topn, among) {
  const ends = text.trim().split(/\s*[>→]\s*/);
  const isWord = rows.has(text) || rows.has(text.trim());
  const isAxis = !isWord && ends.length === 2 && ends.every(Boolean);
  const terms = isWord ? [{ word: rows.has(text) ? text : text.trim(), weight: 1 }] : isAxis ? ends.map((word) => ({ word, weight: 1 })) : termsOf(text.trim());
  const unknown = terms.filter(({ word }) => !rows.has(word));
  if (unknown.length) return { kind: "unknown", text, words: unknown.map(({ word }) => ({ word, near: suggest(word).map(named) })) };
  const given = terms.map(({ word, weight }) => ({ word, weight, row: rows.get(word) ?? 0 }));
  const search = `topn=${topn}${among < V || meta.whole > V ? `, restrict_vocab=${among}` : ""}`;
  const [first, second] = given;
  if (isAxis && first && second) {
    const at = (/** @type {number} */ sign) => nearest(sum([{ ...first, weight: -sign }, { ...second, weight: sign }]), given, topn, among);
    return { kind: "axis", text, terms: given, low: at(-1), high: at(1), python: `wv.most_similar([${JSON.stringify(second.word)}], [${JSON.stringify(first.word)}], ${search})` };
  }
  if (given.length === 1 && first?.weight === 1) {
    const { row, word } = first;
    const count = counts[row] ?? null;
    return { kind: "word", text, row, word, count, share: count ? count / total : null, norm: norms[row], outside: null, predicted: null,
      neighbours: nearest(sum(given), given, topn, among), python: `wv.most_similar(${JSON.stringify(word)}, ${search})` };
  }
  const list = (/** @type {number} */ sign) => JSON.stringify(given.filter(({ weight }) => weight === sign).map(({ word }) => word));
  const target = sum(given);
  const length = Math.hypot(...target) || 1;
  const added = nearest(target, given, topn, among).map((item) => ({ ...item, parts: given.map(({ row, weight }) => (weight * cosine(item.row, row)) / length) }));
  const multiplied = given.some(({ weight }) => weight > 0) ? best((row) => given.reduce((product, { row: other, weight }) => (weight > 0 ? product * (1 + cosine(row, other)) / 2 : product), 1)
    / (given.reduce((product, { row: other, weight }) => (weight < 0 ? product * (1 + cosine(row, other)) / 2 : product), 1) + EPSILON), given, topn, among) : [];
  return { kind: "equation", text, terms: given, added, multiplied, python: `wv.most_similar(positive=${list(1)}, negative=${list(-1)}, ${search})` };
}

/** @param {string} text */
function termsOf(text) {
  const parts = text.split(SIGNS).map((part) => part.trim());
  const tight = text.split(/([+\-−–])/).map((part) => part.trim());
  const chosen = parts.length === 1 && tight.length > 1 && tight.every((part, i) => i % 2 || (i === 0 && !part) || rows.has(part)) ? tight : parts;
  const signed = chosen[0] === "" ? chosen.slice(1) : ["+", ...chosen];
  const terms = [];
  for (let i = 0; i < signed.length; i += 2) terms.push({ word: signed[i + 1] ?? "", weight: signed[i] === "+" ? 1 : -1 });
  if (terms.some(({ word }) => !word)) throw new Refused("type a word, or an equation such as  king - man + woman");
  return terms;
}

/** @param {{row: number, weight: number}[]} terms the sum of their unit vectors */
function sum(terms) {
  return Float64Array.from({ length: D }, (_, i) => terms.reduce((part, { row, weight }) => part + (weight * (vectors[row * D + i] ?? 0)) / (units[row] ?? 1), 0));
}

/** @param {number} row @param {number} other */
function cosine(row, other) {
  let dot = 0;
  for (let i = 0; i < D; i++) dot += (vectors[row * D + i] ?? 0) * (vectors[other * D + i] ?? 0);
  return dot / ((units[row] ?? 1) * (units[other] ?? 1));
}

/** @param {Float64Array} target @param {{row: number}[]} without @param {number} topn @param {number} among */
function nearest(target, without, topn, among) {
  const length = Math.hypot(...target) || 1;
  return best((row) => {
    let dot = 0;
    for (let i = 0; i < D; i++) dot += (vectors[row * D + i] ?? 0) * (target[i] ?? 0);
    return dot / ((units[row] ?? 1) * length);
  }, without, topn, among);
}

/** @param {(row: number) => number} score @param {{row: number}[]} without @param {number} topn @param {number} among */
function best(score, without, topn, among) {
  const scores = Float64Array.from({ length: among }, (_, row) => score(row));
  for (const { row } of without) scores[row] = -Infinity;
  const order = Array.from(scores.keys()).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
  return order.slice(0, topn).filter((row) => scores[row] !== -Infinity).map((row) => ({ ...named(row), score: scores[row] ?? null }));
}

/** @param {number} row */
function named(row) {
  return { row, word: words[row] ?? "" };
}

/** @param {string} map @param {number} row @param {number[]} neighbours */
function missed(map, row, neighbours) {
  const points = maps[map] ?? new Uint16Array();
  const distances = Float64Array.from({ length: V }, (_, other) => (other === row ? Infinity
    : ((points[2 * other] ?? 0) - (points[2 * row] ?? 0)) ** 2 + ((points[2 * other + 1] ?? 0) - (points[2 * row + 1] ?? 0)) ** 2));
  const limit = distances.slice().sort()[Math.min(50, V) - 1] ?? Infinity;
  return { missed: neighbours.filter((other) => (distances[other] ?? 0) > limit), nearest: 50 };
}
