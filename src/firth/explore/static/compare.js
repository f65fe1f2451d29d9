// The page that compares two models: linked maps, and the words by how much their neighbours changed.

import { download, Refused } from "./api.js";
import { changeCard, changeMarks, changesCard } from "./change_card.js";
import { announce, byId, make, shown, wordText } from "./dom.js";
import { listen } from "./gestures.js";
import { WordMap } from "./map.js";
import { searchBox } from "./search.js";
import { readView, writeView } from "./view.js";
import { Vocabulary } from "./vocabulary.js";

const answerPlace = byId("answer", HTMLElement);
const progress = (/** @type {string} */ what) => (/** @type {number} */ share) => {
  byId("progress", HTMLElement).textContent = `${what}: ${Math.round(100 * share)} %`;
};
/**
 * @param {string} name @param {Record<string, string | number>} parameters
 * @returns {Promise<any>}
 */
async function json(name, parameters = {}) {
  const { bytes } = await download(name, parameters, progress("Searching the neighbours of all words"));
  byId("progress", HTMLElement).textContent = "";
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** @type {import("./types.js").Comparison} */
const found = await json("comparison").catch((error) => {
  answerPlace.textContent = shown(error.message);
  throw error;
});
const vocabulary = new Vocabulary(found.words, "compared_words");
const maps = ["one", "other"].map((side) =>
  new WordMap(byId(`${side}-points`, HTMLCanvasElement), byId(`${side}-labels`, HTMLCanvasElement), vocabulary));
const [one, other] = /** @type {[WordMap, WordMap]} */ (maps);
const kept = new Uint8Array((await download("kept", {})).bytes);
const DEFAULT_AMONG = 1000; // rare words change by chance
let view = seen();
document.title = `${found.names.map(shown).join(" and ")} - firth`;
["one-name", "other-name"].forEach((id, i) => byId(id, HTMLElement).replaceChildren(wordText(found.names[i] ?? "")));
if (found.alignment) other.camera = one.camera;
for (const map of maps) {
  map.setColours(kept.map((share) => 255 - share));
  listen(map, { choose: (row) => choose(vocabulary.word(row)), hover: () => {} });
}
if (found.alignment) [one.linked, other.linked] = [other, one];

function seen() {
  const given = readView(found.words);
  return location.hash.includes("among=") ? given : { ...given, among: Math.min(DEFAULT_AMONG, found.words) };
}

/** @param {string} q */
function choose(q) {
  view = { ...view, q };
  writeView(view, true);
  showAnswer();
}
const input = searchBox(choose);

async function showAnswer() {
  const { q } = view;
  if (document.activeElement !== input) input.value = q;
  if (!q) {
    answerPlace.replaceChildren(...changesCard(found, mostChanged(), amongChoice(), choose));
    for (const map of maps) map.mark({ marks: [], lines: [] });
    return;
  }
  /** @type {import("./types.js").Change} */
  const change = await json("change", { q }).catch((error) => {
    if (!(error instanceof Refused)) throw error;
    return { word: q, row: null, reason: shown(error.message) };
  });
  if (q !== view.q) return;
  answerPlace.replaceChildren(...changeCard(change, found.names.map(shown), choose));
  one.mark(changeMarks(change, "lost"));
  other.mark(changeMarks(change, "gained"));
  showMarked();
  announce(answerPlace.textContent ?? "");
}

function showMarked() {
  const rows = [...one.marked.marks, ...other.marked.marks].map(({ row }) => row);
  for (const map of found.alignment ? [one] : maps) map.show(rows);
}

/** Return the most frequent words, as many as were chosen, by the share of their neighbours that is new. */
function mostChanged() {
  const rows = Array.from({ length: Math.min(view.among, found.words) }, (_, row) => row);
  rows.sort((a, b) => (kept[a] ?? 0) - (kept[b] ?? 0));
  return rows.slice(0, 40).map((row) => ({ row, word: vocabulary.word(row), score: 1 - (kept[row] ?? 0) / 255 }));
}

function amongChoice() {
  const sizes = [...new Set([300, 1000, 3000, 10_000, view.among, found.words])].filter((size) => size <= found.words).sort((a, b) => a - b);
  const select = make("select", {}, ...sizes.map((size) => make("option", { value: String(size) }, `the ${size.toLocaleString("en")} most frequent words`)));
  select.value = String(Math.min(view.among, found.words));
  select.addEventListener("change", () => {
    view = { ...view, among: Number(select.value) };
    writeView(view, true);
    showAnswer();
  });
  return make("label", { class: "among" }, "among ", select);
}

/** @param {string} name */
async function showMaps(name) {
  const { bytes } = await download("compared_points", { map: name }, progress("Arranging the words by their neighbours"));
  one.setPoints(new Uint16Array(bytes, 0, 2 * found.words));
  other.setPoints(new Uint16Array(bytes, 4 * found.words));
  byId("progress", HTMLElement).textContent = "";
  if (!one.byHand && !other.byHand) showMarked();
  Object.assign(document.documentElement.dataset, { map: name });
}

addEventListener("popstate", () => {
  view = seen();
  showAnswer();
});
await Promise.all([vocabulary.load(() => {}), showMaps("pca")]);
await showAnswer();
Object.assign(document.documentElement.dataset, { ready: "true" });
await showMaps("neighbours");
