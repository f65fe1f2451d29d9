// The page: it shows what the address asks for, and puts what a person does into the address.

import { ask, Refused } from "./api.js";
import { axisCard, axisMarks } from "./axis_card.js";
import { Chart } from "./chart.js";
import { announce, button, byId, make, shown, wordText } from "./dom.js";
import { equationCard, equationMarks } from "./equation_card.js";
import { listen } from "./gestures.js";
import { areaOf, areaText, lasso, rowsInside } from "./lasso.js";
import { WordMap } from "./map.js";
import { searchBox } from "./search.js";
import { selectionCard, selectionMarks } from "./selection_card.js";
import { saveFile, svgOf, takeAway } from "./takeaway.js";
import { unknownCard } from "./unknown_card.js";
import { readView, writeView } from "./view.js";
import { Vocabulary } from "./vocabulary.js";
import { wordCard, wordMarks } from "./word_card.js";

const TOPN = 10;
const answerPlace = byId("answer", HTMLElement);

/** @type {import("./types.js").Overview} */
const overview = await ask("overview");
const vocabulary = new Vocabulary(overview.words);
const map = new WordMap(byId("points", HTMLCanvasElement), byId("labels", HTMLCanvasElement), vocabulary);
const chart = new Chart(map, overview, (name, value) => change({ [name]: value }, false));
let view = readView(overview.words);
let latest = new AbortController();

byId("name", HTMLElement).textContent = shown(overview.name);
document.title = `${shown(overview.name)} - firth`;
byId("sizes", HTMLElement).textContent =
  `${overview.words.toLocaleString("en")} words · ${overview.dimensions} dimensions${overview.note ? ` · ${overview.note}` : ""}`;
const choose = (/** @type {string} */ text) => change({ q: text, area: "" }, true);
const input = searchBox(choose);
lasso(map, (area) => change({ area: areaText(area), q: "" }, true));
chart.onShown = () => view.area && showAnswer(false);

/**
 * Change the view, and put it into the address.
 * @param {Partial<import("./view.js").View>} changes
 * @param {boolean} isNew whether the last view stays in the history
 */
function change(changes, isNew) {
  view = { ...view, ...changes };
  writeView(view, isNew);
  if ("q" in changes || "area" in changes || "among" in changes) showAnswer(true);
}

/**
 * Ask the question of the view, and show the answer; `move` shows its words on the map.
 * @param {boolean} move
 */
async function showAnswer(move) {
  latest.abort();
  latest = new AbortController();
  const { signal } = latest;
  if (document.activeElement !== input) input.value = view.q;
  if (!view.q) return view.area ? showSelection() : showStart();
  try {
    /** @type {import("./types.js").Answer} */
    const answer = await ask("ask", { q: view.q, topn: TOPN, among: view.among }, signal);
    if (!signal.aborted) show(answer, move);
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof Refused)) throw error;
    answerPlace.replaceChildren(make("p", { class: "note" }, shown(error.message)));
    announce(shown(error.message));
  }
}

function showStart() {
  answerPlace.replaceChildren();
  byId("start", HTMLElement).hidden = false;
  map.mark({ marks: [], lines: [] });
}

function showSelection() {
  const rows = rowsInside(map.points, areaOf(view.area));
  byId("start", HTMLElement).hidden = true;
  chart.missedOf = null;
  answerPlace.replaceChildren(...selectionCard(rows, vocabulary, choose));
  map.mark(selectionMarks(rows));
  announce(`${rows.length} words selected`);
}

/** @param {import("./types.js").Answer} answer @param {boolean} move */
function show(answer, move) {
  byId("start", HTMLElement).hidden = true;
  input.value = view.q;
  const cards = cardsOf(answer, choose);
  cards.find((card) => card.tagName === "SECTION")?.querySelector("h3")?.after(amongChoice());
  const extra = answer.kind === "unknown" ? [] : [takeAway(answer.python, savePicture)];
  answerPlace.replaceChildren(...cards, ...extra);
  answerPlace.scrollTop = 0;
  const marked = marksOf(answer);
  map.mark(marked);
  if (move) map.show(marked.marks.map(({ row }) => row));
  if (answer.kind === "word" && answer.row !== null) chart.showMissed(answer.row, answer.neighbours.map(({ row }) => row));
  announce(cards[0]?.textContent ?? "");
}

/** @param {import("./types.js").Answer} answer @param {(text: string) => void} choose */
function cardsOf(answer, choose) {
  switch (answer.kind) {
    case "word": return wordCard(answer, choose);
    case "equation": return equationCard(answer, choose);
    case "axis": return axisCard(answer, choose);
    case "unknown": return unknownCard(answer, choose);
  }
}

/** @param {import("./types.js").Answer} answer */
function marksOf(answer) {
  switch (answer.kind) {
    case "word": return wordMarks(answer);
    case "equation": return equationMarks(answer);
    case "axis": return axisMarks(answer);
    case "unknown": return { marks: [], lines: [] };
  }
}

/** Return the choice of the words that are searched. */
function amongChoice() {
  const sizes = [1000, 10_000, 30_000, 100_000, view.among].filter((size) => size < overview.words);
  const choices = [...new Set(sizes)].sort((a, b) => a - b).map((size) => [size, `the ${size.toLocaleString("en")} most frequent words`]);
  const options = [...choices, [overview.words, `all ${overview.words.toLocaleString("en")} words`]].map(([size, text]) =>
    make("option", { value: String(size) }, String(text)));
  const select = make("select", { id: "among" }, ...options);
  select.value = String(view.among);
  select.addEventListener("change", () => change({ among: Number(select.value) }, true));
  return make("label", { class: "among" }, "among ", select);
}

function savePicture() {
  saveFile("firth.svg", "image/svg+xml", svgOf(map, chart.values));
}

if (overview.compared_with) {
  document.querySelector("nav")?.prepend(make("a", { href: "/compare" }, "Compare with ", wordText(overview.compared_with)), " ");
}
for (const text of overview.examples) {
  const chip = button("", () => choose(text), { class: "chip" });
  chip.append(wordText(text));
  byId("start", HTMLElement).append(chip);
}
byId("start", HTMLElement).prepend(make("p", { class: "note" }, "Type a word, click a point of the map, or try:"));

const tip = byId("under", HTMLElement);
listen(map, {
  choose: (row) => choose(vocabulary.word(row)),
  hover: (row, left, top) => {
    tip.hidden = row < 0;
    if (row < 0) return;
    tip.replaceChildren(wordText(vocabulary.word(row)));
    tip.style.translate = `${Math.round(left) + 12}px ${Math.round(top) + 12}px`;
    if (document.activeElement === map.overlay) announce(shown(vocabulary.word(row)));
  },
});

addEventListener("popstate", () => {
  view = readView(overview.words);
  chart.select(view.map, view.colour);
  showAnswer(true);
});
map.onMove = () => {
  const { x, y, zoom } = map.camera;
  change({ at: zoom < 1.01 ? "" : `${x.toFixed(4)},${y.toFixed(4)},${zoom.toFixed(2)}` }, false);
};

const [x, y, zoom] = view.at.split(",").map(Number);
const words = vocabulary.load(() => map.labels.setPoints(map.points));
await chart.select(view.map, view.colour);
if (x !== undefined && y !== undefined && zoom !== undefined && [x, y, zoom].every(Number.isFinite)) {
  map.hold();
  map.camera.place(x, y, zoom);
}
await showAnswer(!view.at);
await words;
map.change();
Object.assign(document.documentElement.dataset, { ready: "true" });
