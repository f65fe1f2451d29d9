// The answers of the server, from the data in an exported page: it stands in for api.js. Vectors are whole numbers of
// 8 bits, and cosines are those of these vectors.

/** An answer that is refused, with its reason. */
export class Refused extends Error {}

const EPSILON = 1e-6; // of 3CosMul
const SUGGESTED = 8;
const SIGNS = /(?:^|(?<=\s))([+\-−–])(?=\s|$)/;

/** @typedef {{row: number, word: string, weight: number}} Given */
/** @typedef {{topn: number, among: number}} Search */

/** @param {string} name */
function data(name) {
  return Uint8Array.from(atob(document.getElementById(`data-${name}`)?.textContent ?? ""), (byte) => byte.charCodeAt(0));
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
 * @param {string} name @param {Record<string, any>} parameters
 * @returns {Promise<{bytes: ArrayBuffer, headers: Headers}>}
 */
export async function download(name, { map, start, count }) {
  const stop = start + count;
  const headers = new Headers({ "firth-range": meta.normRange });
  if (name === "points") return { bytes: (maps[map] ?? new Uint16Array()).slice(2 * start, 2 * stop).buffer, headers };
  if (name === "colours") return { bytes: data("norm").slice(start, stop).buffer, headers };
  const sum = (/** @type {Uint32Array} */ parts) => parts.reduce((all, length) => all + length, 0);
  const before = 4 * V + sum(lengths.subarray(0, start));
  const here = lengths.slice(start, stop);
  return { bytes: await new Blob([here, bytes.slice(before, before + sum(here))]).arrayBuffer(), headers };
}

/** Data in the page need not be asked for early. */
export function prefetch() {}

/** Return an answer as the server gives it. @param {string} name @param {Record<string, any>} parameters @returns {Promise<any>} */
export async function ask(name, parameters = {}) {
  if (name === "overview") return meta.overview;
  if (name === "suggest") return suggest(parameters["q"]);
  if (name === "ask") return answer(parameters["q"], { topn: parameters["topn"], among: Math.min(parameters["among"], V) });
  throw new Refused("an exported page cannot answer this: open the model with firth explore");
}

/** @param {string} text words that begin so, then those with one letter more, less, or another */
function suggest(text) {
  const typed = text.toLowerCase();
  const found = new Set(rows.has(text) ? [rows.get(text) ?? 0] : []);
  for (const test of [(/** @type {string} */ word) => word.startsWith(typed), (/** @type {string} */ word) => isNear(word, typed)]) {
    for (let row = 0; row < V && found.size < SUGGESTED; row++) if (test(folded[row] ?? "")) found.add(row);
  }
  return [...found].map(named);
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

/** @param {string} text @param {Search} search @returns {Answer} */
function answer(text, search) {
  const typed = rows.has(text) ? text : text.trim();
  const ends = typed.split(/\s*[>→]\s*/);
  const isWord = rows.has(typed);
  const isAxis = !isWord && ends.length === 2 && ends.every(Boolean);
  const terms = isWord || isAxis ? (isWord ? [typed] : ends).map((word) => ({ word, weight: 1 })) : termsOf(typed);
  const unknown = terms.filter(({ word }) => !rows.has(word));
  if (unknown.length) return { kind: "unknown", text, words: unknown.map(({ word }) => ({ word, near: suggest(word) })) };
  const given = terms.map((term) => ({ ...term, row: rows.get(term.word) ?? 0 }));
  const [first, second] = given;
  if (isAxis && first && second) return { kind: "axis", text, terms: given, ...axis(first, second, search) };
  if (given.length === 1 && first?.weight === 1) return { kind: "word", text, ...wordAnswer(first, search) };
  return { kind: "equation", text, terms: given, ...equation(given, search) };
}

/** @param {Given} start @param {Given} end @param {Search} search */
function axis(start, end, search) {
  const towards = (/** @type {number} */ sign) => nearest([{ ...start, weight: -sign }, { ...end, weight: sign }], search);
  const arguments_ = `[${JSON.stringify(end.word)}], [${JSON.stringify(start.word)}]`;
  return { low: towards(-1), high: towards(1), python: `wv.most_similar(${arguments_}, ${limits(search)})` };
}

/** @param {Given} given @param {Search} search */
function wordAnswer(given, search) {
  const { row, word } = given;
  const count = counts[row] ?? null;
  return {
    row, word, count, share: count ? count / total : null, norm: norms[row] ?? null, outside: null, predicted: null,
    neighbours: nearest([given], search), python: `wv.most_similar(${JSON.stringify(word)}, ${limits(search)})`,
  };
}

/** @param {Given[]} given @param {Search} search */
function equation(given, search) {
  const length = Math.hypot(...sum(given)) || 1;
  const added = nearest(given, search).map((item) => (
    { ...item, parts: given.map(({ row, weight }) => (weight * cosine(item.row, row)) / length) }));
  const [positive, negative] = [given.filter(({ weight }) => weight > 0), given.filter(({ weight }) => weight < 0)];
  const product = (/** @type {number} */ row, /** @type {Given[]} */ others) =>
    others.reduce((all, other) => (all * (1 + cosine(row, other.row))) / 2, 1);
  const score = (/** @type {number} */ row) => product(row, positive) / (product(row, negative) + EPSILON);
  const list = (/** @type {Given[]} */ terms) => JSON.stringify(terms.map(({ word }) => word));
  return {
    added, multiplied: positive.length ? best(score, given, search) : [],
    python: `wv.most_similar(positive=${list(positive)}, negative=${list(negative)}, ${limits(search)})`,
  };
}

/** Return the arguments of a query in Python. @param {Search} search */
function limits({ topn, among }) {
  return `topn=${topn}${among < V || meta.whole > V ? `, restrict_vocab=${among}` : ""}`;
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

/** Return the sum of the unit vectors. @param {Given[]} terms */
function sum(terms) {
  return Float64Array.from({ length: D }, (_, i) =>
    terms.reduce((part, { row, weight }) => part + (weight * (vectors[row * D + i] ?? 0)) / (units[row] ?? 1), 0));
}

/** Return the cosine of two words. @param {number} row @param {number} other */
function cosine(row, other) {
  return product(row, vectors.subarray(other * D, other * D + D)) / (units[other] ?? 1);
}

/** Return the product of a unit vector with another vector. @param {number} row @param {Float64Array | Int8Array} vector */
function product(row, vector) {
  let dot = 0;
  for (let i = 0; i < D; i++) dot += (vectors[row * D + i] ?? 0) * (vector[i] ?? 0);
  return dot / (units[row] ?? 1);
}

/** Return the words by cosine with a sum of others, without these. @param {Given[]} terms @param {Search} search */
function nearest(terms, search) {
  const target = sum(terms);
  const length = Math.hypot(...target) || 1;
  return best((row) => product(row, target) / length, terms, search);
}

/** @param {(row: number) => number} score @param {Given[]} without @param {Search} search */
function best(score, without, { topn, among }) {
  const scores = Float64Array.from({ length: among }, (_, row) => score(row));
  for (const { row } of without) scores[row] = -Infinity;
  const order = Array.from(scores.keys()).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
  return order.slice(0, topn).filter((row) => scores[row] !== -Infinity).map((row) => ({ ...named(row), score: scores[row] ?? null }));
}

/** @param {number} row */
function named(row) {
  return { row, word: words[row] ?? "" };
}
