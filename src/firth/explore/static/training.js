// The page of a training run: losses, moving words and pinned neighbours, live, and again with the slider.

import { request } from "./api.js";
import { announce, button, byId, grouped, make, note, noteState, shown, wordText } from "./dom.js";
import { dot, draw, label, line, linear, picture } from "./drawing.js";
import { Boxes } from "./labels.js";
import { animate } from "./motion.js";
import { save, takeAway } from "./takeaway.js";
import { onThemeChange, theme } from "./theme.js";
import { fragment } from "./view.js";

/** @typedef {{epoch: number, loss: number, end_loss: number | null, validation_loss: number | null, words: number, seconds: number | null}} EpochRecord */
/** @typedef {{epoch: number, points: number[], neighbours: Record<string, [string, number][] | null>}} Frame */
/** @typedef {{name: string, epochs: number, ended: string, line: string, records: EpochRecord[], tracked: string[], pins: string[], frames: Frame[]}} State */

const SIDE = 600;
const HEIGHT = 260; // of the picture of losses
const MOST_FAILURES = 20;
const slider = byId("epoch", HTMLInputElement);
const place = linear([-1000, 1000], 30, SIDE - 30);
/** @type {State} */
let state = { name: "", epochs: 0, ended: "", line: "", records: [], tracked: [], pins: [], frames: [] };
/** @type {number[]} */
let positions = []; // where the words are drawn now, on their way to those of the frame
let isLive = true; // the newest epoch is shown
let endFlight = () => {};
let failures = 0; // attempts to connect since the last message

function show() {
  const last = state.records.at(-1);
  const epoch = last ? `Epoch ${last.epoch} of ${state.epochs}` : "The first epoch has not ended";
  const speed = last?.seconds ? ` · ${grouped(Math.round(last.words / last.seconds))} words a second` : "";
  const end = state.ended === "done" ? "Training has ended. This tab keeps it until it is closed." : "Training was stopped.";
  byId("name").textContent = shown(state.name);
  byId("run").textContent = `${epoch}${speed} · ${state.ended ? end : state.line}`;
  byId("losses").replaceChildren(lossPicture());
  slider.max = String(Math.max(0, state.frames.length - 1));
  if (isLive) slider.value = slider.max;
  showFrame();
}

/** Show the epoch of the slider: words fly to their places. */
function showFrame() {
  const frame = state.frames[Number(slider.value)];
  byId("frame").textContent = frame ? `epoch ${frame.epoch}` : "no vectors yet";
  showPins(Number(slider.value));
  if (!frame) return;
  const before = positions.length === frame.points.length ? positions : frame.points;
  endFlight();
  endFlight = animate(500, (share) => {
    positions = frame.points.map((value, i) => (before[i] ?? 0) + (value - (before[i] ?? 0)) * share);
    byId("moving").replaceChildren(movingPicture(positions, frame.points));
  });
}

/** @param {number[]} points @param {number[]} ends where labels must not meet */
function movingPicture(points, ends) {
  const { background, text, given, found } = theme();
  const svg = picture(SIDE, SIDE, "Words on the two widest directions of their vectors", background);
  const boxes = new Boxes();
  state.tracked.forEach((word, i) => {
    const isPinned = state.pins.includes(word);
    const [left = 0, top = 0] = points.slice(2 * i, 2 * i + 2).map(place);
    const [x = 0, y = 0] = ends.slice(2 * i, 2 * i + 2).map(place);
    svg.append(dot([left, top], isPinned ? 5 : 3, isPinned ? given : found, { "fill-opacity": 0.7 }));
    if (!boxes.add([x, y - 9, x + 14 + 7 * word.length, y + 5], isPinned)) return;
    svg.append(label(shown(word).slice(0, 24), [left + 6, top + 4], isPinned ? given : text, { "font-weight": isPinned ? 600 : 400 }));
  });
  return svg;
}

function lossPicture() {
  const { background, muted, given, found, taken } = theme();
  const { records, epochs } = state;
  const text = `Losses by epoch: ${records.map(({ end_loss, loss }) => (end_loss ?? loss).toFixed(3)).join(", ")}`;
  const svg = picture(SIDE, HEIGHT, text, background);
  /** @type {[string, string, Point[]][]} */
  const lines = [
    ["loss of a pair while it trains", muted, pointsOf("loss")],
    ["end loss, of a fixed sample", given, pointsOf("end_loss")],
    ["held-out loss", found, pointsOf("validation_loss")],
  ];
  const values = lines.flatMap(([, , points]) => points.map(([, value]) => value));
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = linear([1, Math.max(2, epochs)], 50, SIDE - 20);
  const y = linear([low, high], 200, 20);
  for (const value of values.length ? [low, high] : []) svg.append(label(value.toFixed(3), [44, y(value) + 4], muted, { "text-anchor": "end" }));
  lines.filter(([, , points]) => points.length).forEach(([name, colour, points], i) => {
    const places = points.map(([epoch, value]) => /** @type {Point} */ ([x(epoch), y(value)]));
    svg.append(draw("polyline", { points: places.join(" "), fill: "none", stroke: colour, "stroke-width": 2 }),
      ...places.map((point) => dot(point, 3, colour)), label(name, [50 + 190 * i, HEIGHT - 15], colour));
  });
  const epoch = state.frames[Number(slider.value)]?.epoch;
  if (epoch) svg.append(line([x(epoch), 14], [x(epoch), 206], taken, { "stroke-dasharray": "3 3" }));
  svg.append(label(`epochs 1 to ${Math.max(2, epochs)}`, [SIDE / 2, 224], muted, { "text-anchor": "middle" }));
  return svg;
}

/** Return the epochs and values of a loss, where it is known. @param {"loss" | "end_loss" | "validation_loss"} name */
function pointsOf(name) {
  return state.records.flatMap((record) => (record[name] === null ? [] : [/** @type {Point} */ ([record.epoch, record[name]])]));
}

/** Show the neighbours of pinned words after an epoch, or after the last one before it for which they are known. @param {number} index */
function showPins(index) {
  byId("pins").replaceChildren(...state.pins.map((word) => {
    const [last, before] = state.frames.slice(0, index + 1).filter(({ neighbours }) => Object.hasOwn(neighbours, word)).reverse();
    const found = last?.neighbours[word];
    const known = new Set((before?.neighbours[word] ?? found ?? []).map(([name]) => name)); // the others are bold
    const off = button("×", () => pin(word, { off: "1" }), { "aria-label": `Unpin ${shown(word)}` });
    const epoch = found && last !== state.frames[index] ? ` after epoch ${last?.epoch}` : "";
    const reason = found === null ? "not among the words of the model that are searched" : "from a later epoch on";
    const items = found?.map(([name, score]) => make("li", {}, make(known.has(name) ? "span" : "b", {}, wordText(name)), ` ${score.toFixed(3)}`));
    return make("section", {}, make("h3", {}, wordText(word), epoch, " ", off), items ? make("ol", {}, ...items) : note(reason));
  }));
}

/** @param {string} word @param {Values} extra */
function pin(word, extra = {}) {
  request("pin", { word, ...extra }).catch((error) => announce(byId("refused").textContent = shown(error.message)));
}

function play() {
  isLive = false;
  slider.value = "0";
  const next = () => {
    showFrame();
    if (Number(slider.value) >= Number(slider.max)) return;
    setTimeout(() => (slider.stepUp(), next()), 900);
  };
  next();
}

const wanted = fragment().get("frame");
const events = new EventSource("/api/events");
events.addEventListener("message", (event) => {
  state = JSON.parse(event.data);
  failures = 0;
  if (wanted !== null && !document.documentElement.dataset["ready"]) [isLive, slider.max, slider.value] = [false, String(state.frames.length), wanted];
  if (state.ended) events.close();
  show();
  noteState({ ready: "true", epochs: String(state.records.length), ended: state.ended });
});
events.addEventListener("error", () => {
  if (++failures > MOST_FAILURES) events.close();
  if (!state.ended) byId("run").textContent = "The connection is lost: training has ended, or this machine is busy.";
});
slider.addEventListener("input", () => {
  isLive = slider.value === slider.max;
  history.replaceState(null, "", isLive ? "#" : `#frame=${slider.value}`);
  show();
});
byId("play").addEventListener("click", play);
byId("pin").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = byId("word", HTMLInputElement);
  byId("refused").textContent = "";
  if (input.value.trim()) pin(input.value.trim());
  input.value = "";
});
const pictureIn = (/** @type {string} */ id) => byId(id).firstElementChild ?? draw("svg");
byId("take").append(takeAway("model.history", () => pictureIn("moving"), "moving.svg",
  button("Save losses", () => save(pictureIn("losses"), "losses.svg"))));
onThemeChange(show);
show();
