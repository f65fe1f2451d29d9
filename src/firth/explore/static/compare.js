// The page that compares two models: linked maps, and the words by how much their neighbours changed.

import { download, Refused } from "./api.js";
import { changeCard, changeMarks, changesCard } from "./change_card.js";
import { announce, byId, noteState, shown, wordText } from "./dom.js";
import { listen } from "./gestures.js";
import { amongChoice } from "./lists.js";
import { WordMap } from "./map.js";
import { computed } from "./progress.js";
import { searchBox } from "./search.js";
import { readView, writeView } from "./view.js";
import { Vocabulary } from "./vocabulary.js";

const AMONG = 1000; // rare words change by chance
const LISTED = 40;
const answerPlace = byId("answer");

/** @param {string} name @param {Values} [parameters] @returns {Promise<any>} */
async function json(name, parameters) {
  const { bytes } = await computed("Searching the neighbours of all words", name, parameters);
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** @type {Comparison} */
const found = await json("comparison").catch((error) => {
  answerPlace.textContent = shown(error.message);
  throw error;
});
const { words, alignment } = found;
const names = found.names.map(shown);
const vocabulary = new Vocabulary(words, "compared_words");
const one = new WordMap(byId("one"), "Map of the first model", vocabulary);
const other = new WordMap(byId("other"), "Map of the second model", vocabulary);
const kept = new Uint8Array((await download("kept", {})).bytes);
let view = readView(words, AMONG);
document.title = `${names.join(" and ")} - firth`;
[one, other].forEach((map, i) => {
  byId(["one-name", "other-name"][i] ?? "").append(wordText(found.names[i] ?? ""));
  map.setColours(kept.map((share) => 255 - share));
  listen(map, (row) => choose(vocabulary.word(row)));
});
if (alignment) {
  other.camera = one.camera;
  [one.linked, other.linked] = [other, one];
}

/** @param {Partial<View>} changes */
function change(changes) {
  view = { ...view, ...changes };
  writeView(view, true);
  showAnswer();
}
const choose = (/** @type {string} */ q) => change({ q });
const input = searchBox("a word", choose);

async function showAnswer() {
  const { q } = view;
  if (document.activeElement !== input) input.value = q;
  if (!q) {
    const among = amongChoice([300, 1000, 3000, 10_000], words, view.among, (size) => change({ among: size }));
    answerPlace.replaceChildren(...changesCard(found, mostChanged(), among, choose));
    for (const map of [one, other]) map.mark({ marks: [], lines: [] });
    return;
  }
  /** @type {Change} */
  const answer = await json("change", { q }).catch((error) => {
    if (!(error instanceof Refused)) throw error;
    return { word: q, row: null, reason: shown(error.message) };
  });
  if (q !== view.q) return;
  answerPlace.replaceChildren(...changeCard(answer, names, choose));
  one.mark(changeMarks(answer, "lost"));
  other.mark(changeMarks(answer, "gained"));
  showMarked();
  announce(answerPlace.textContent ?? "");
}

function showMarked() {
  const marks = [...one.marked.marks, ...other.marked.marks];
  for (const map of alignment ? [one] : [one, other]) map.show(marks);
}

/** Return the most frequent words, as many as were chosen, by the share of their neighbours that is new. */
function mostChanged() {
  const rows = Array.from({ length: view.among }, (_, row) => row).sort((a, b) => (kept[a] ?? 0) - (kept[b] ?? 0));
  return rows.slice(0, LISTED).map((row) => ({ row, word: vocabulary.word(row), score: 1 - (kept[row] ?? 0) / 255 }));
}

/** @param {string} map */
async function showMaps(map) {
  const { bytes } = await computed("Arranging the words by their neighbours", "compared_points", { map });
  one.setPoints(new Uint16Array(bytes, 0, 2 * words));
  other.setPoints(new Uint16Array(bytes, 4 * words));
  if (!one.byHand && !other.byHand) showMarked();
  noteState({ map });
}

addEventListener("popstate", () => {
  view = readView(words, AMONG);
  showAnswer();
});
await Promise.all([vocabulary.load(() => {}), showMaps("pca")]);
await showAnswer();
noteState({ ready: "true" });
await showMaps("neighbours");
