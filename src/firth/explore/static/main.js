// The page: it shows what the address asks for, and puts what a person does into the address.

import { ask, prefetch, Refused } from "./api.js";
import { axisCard } from "./axis_card.js";
import { Chart, CHUNK } from "./chart.js";
import { announce, byId, grouped, make, note, noteState, shown, wordButton, wordText } from "./dom.js";
import { equationCard } from "./equation_card.js";
import { listen } from "./gestures.js";
import { areaOf, areaText, isInside, lasso } from "./lasso.js";
import { amongChoice } from "./lists.js";
import { WordMap } from "./map.js";
import { mapPicture } from "./map_picture.js";
import { rowsWhere } from "./points.js";
import { searchBox } from "./search.js";
import { selectionCard } from "./selection_card.js";
import { takeAway } from "./takeaway.js";
import { unknownCard } from "./unknown_card.js";
import { readView, writeView } from "./view.js";
import { Vocabulary } from "./vocabulary.js";
import { wordCard } from "./word_card.js";

const TOPN = 10;
const AMONG = 30_000;
const answerPlace = byId("answer");

prefetch("points", { map: "pca", start: 0, count: CHUNK }); // while WebGL starts
/** @type {Overview} */
const overview = await ask("overview");
const { words, dimensions, examples, compared_with } = overview;
const vocabulary = new Vocabulary(words);
const map = new WordMap(byId("map"), "Map of the words", vocabulary);
const chart = new Chart(map, overview, (name, value) => change({ [name]: value }, false));
let view = readView(words, AMONG);
let latest = new AbortController();

byId("name").textContent = shown(overview.name);
document.title = `${shown(overview.name)} - firth`;
byId("sizes").textContent = [`${grouped(words)} words`, `${dimensions} dimensions`, overview.note].filter(Boolean).join(" · ");
const choose = (/** @type {string} */ text) => change({ q: text, area: "" }, true);
const input = searchBox("a word, or king - man + woman", choose);
lasso(map, (area) => change({ area: areaText(area), q: "" }, true));
chart.onShown = () => view.area && showAnswer(false);

/**
 * Change the view, and put it into the address.
 * @param {Partial<View>} changes
 * @param {boolean} isNew whether the last view stays in the history
 */
function change(changes, isNew) {
  view = { ...view, ...changes };
  writeView(view, isNew);
  if ("q" in changes || "area" in changes || "among" in changes) showAnswer(true);
}

/** Ask the question of the view, and show the answer; `move` shows its words on the map. @param {boolean} move */
async function showAnswer(move) {
  latest.abort();
  latest = new AbortController();
  const { signal } = latest;
  if (document.activeElement !== input) input.value = view.q;
  byId("start").hidden = Boolean(view.q || view.area);
  if (!view.q) return view.area ? showSelection() : showCard({ parts: [], marks: [], lines: [] });
  try {
    /** @type {Answer} */
    const answer = await ask("ask", { q: view.q, topn: TOPN, among: view.among }, signal);
    if (!signal.aborted) show(answer, move);
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof Refused)) throw error;
    answerPlace.replaceChildren(note(shown(error.message)));
    announce(shown(error.message));
  }
}

function showSelection() {
  const area = areaOf(view.area);
  const rows = rowsWhere(map.points, (place) => isInside(place, area));
  showCard(selectionCard(rows, vocabulary, choose));
  announce(`${rows.length} words selected`);
}

/** @param {Card} card @param {Node[]} more */
function showCard(card, ...more) {
  answerPlace.replaceChildren(...card.parts, ...more);
  answerPlace.scrollTop = 0;
  chart.missedOf = null;
  map.mark(card);
}

/** @param {Answer} answer @param {boolean} move */
function show(answer, move) {
  input.value = view.q;
  const card = cardOf(answer);
  const picture = () => mapPicture(map, chart.values);
  showCard(card, ...(answer.kind === "unknown" ? [] : [takeAway(answer.python, picture, "firth.svg")]));
  const among = amongChoice([1000, 10_000, 30_000, 100_000], words, view.among, (size) => change({ among: size }, true));
  answerPlace.querySelector("section h3")?.after(among);
  if (move) map.show(card.marks);
  if (answer.kind === "word" && answer.row !== null) chart.showMissed(answer.row, answer.neighbours);
  announce(card.parts[0]?.textContent ?? "");
}

/** @param {Answer} answer */
function cardOf(answer) {
  switch (answer.kind) {
    case "word": return wordCard(answer, choose);
    case "equation": return equationCard(answer, choose);
    case "axis": return axisCard(answer, choose);
    case "unknown": return unknownCard(answer, choose);
  }
}

if (compared_with) {
  document.querySelector("nav")?.prepend(make("a", { href: "/compare" }, "Compare with ", wordText(compared_with)), " ");
}
byId("start").append(note("Type a word, click a point of the map, or try:"), ...examples.map((text) => wordButton(text, choose)));

const tip = byId("under");
listen(map, (row) => choose(vocabulary.word(row)), (row, [left, top]) => {
  tip.hidden = row < 0;
  if (row < 0) return;
  tip.replaceChildren(wordText(vocabulary.word(row)));
  tip.style.translate = `${Math.round(left) + 12}px ${Math.round(top) + 12}px`;
  if (document.activeElement === map.overlay) announce(shown(vocabulary.word(row)));
});

addEventListener("popstate", () => {
  view = readView(words, AMONG);
  chart.select(view.map, view.colour);
  showAnswer(true);
});
map.onMove = () => {
  const { x, y, zoom } = map.camera;
  change({ at: zoom < 1.01 ? "" : `${x.toFixed(4)},${y.toFixed(4)},${zoom.toFixed(2)}` }, false);
};

const [x = NaN, y = NaN, zoom = NaN] = view.at.split(",").map(Number);
const loaded = vocabulary.load(() => map.labels.setPoints(map.points));
await chart.select(view.map, view.colour);
if ([x, y, zoom].every(Number.isFinite)) {
  map.hold();
  map.camera.place(x, y, zoom);
}
await showAnswer(!view.at);
await loaded;
map.change();
noteState({ ready: "true" });
