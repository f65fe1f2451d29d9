// The page of a training run: losses, moving words and pinned neighbours, live, and again with the slider.

import { request } from "./api.js";
import { announce, button, byId, make, shown, wordText } from "./dom.js";
import { draw, linear, picture, savePicture } from "./drawing.js";
import { overlap } from "./labels.js";
import { takeAway } from "./takeaway.js";
import { onThemeChange, theme } from "./theme.js";

/** @typedef {{epoch: number, loss: number, end_loss: number | null, validation_loss: number | null, words: number, seconds: number | null}} EpochRecord */
/** @typedef {{epoch: number, points: number[], neighbours: Record<string, [string, number][] | null>}} Frame */
/** @typedef {{name: string, epochs: number, ended: string, line: string, records: EpochRecord[], tracked: string[], pins: string[], frames: Frame[]}} State */

const SIDE = 600;
const slider = byId("epoch", HTMLInputElement);
const place = linear(-1000, 1000, 30, SIDE - 30);
/** @type {State} */
let state = { name: "", epochs: 0, ended: "", line: "", records: [], tracked: [], pins: [], frames: [] };
/** @type {number[]} */
let positions = []; // where the words are drawn now, on their way to those of the frame
let isLive = true; // the newest epoch is shown
let flight = 0;

function show() {
  const last = state.records.at(-1);
  const speed = last?.seconds ? ` · ${Math.round(last.words / last.seconds).toLocaleString("en")} words a second` : "";
  const ends = { done: "Training has ended. This tab keeps it until it is closed.", stopped: "Training was stopped." };
  const text = state.ended ? ends[state.ended === "done" ? "done" : "stopped"] : state.line;
  byId("name", HTMLElement).textContent = shown(state.name);
  byId("run", HTMLElement).textContent = `${last ? `Epoch ${last.epoch} of ${state.epochs}${speed}` : "The first epoch has not ended"} · ${text}`;
  byId("losses", HTMLElement).replaceChildren(lossPicture());
  slider.max = String(Math.max(0, state.frames.length - 1));
  if (isLive) slider.value = slider.max;
  showFrame();
}

/** Show the epoch of the slider: words fly to their places. */
function showFrame() {
  const frame = state.frames[Number(slider.value)];
  byId("frame", HTMLElement).textContent = frame ? `epoch ${frame.epoch}` : "no vectors yet";
  showPins(frame, state.frames[Number(slider.value) - 1]);
  if (!frame) return;
  const before = positions.length === frame.points.length ? positions : frame.points;
  const start = performance.now();
  const number = ++flight;
  const duration = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 500;
  const step = () => {
    if (number !== flight) return;
    const share = Math.min(1, (performance.now() - start) / (duration || 1));
    positions = frame.points.map((value, i) => (before[i] ?? 0) + (value - (before[i] ?? 0)) * share);
    byId("moving", HTMLElement).replaceChildren(movingPicture(positions, frame.points));
    if (share < 1) requestAnimationFrame(step);
  };
  step();
}

/** @param {number[]} points @param {number[]} ends where labels must not meet */
function movingPicture(points, ends) {
  const { background, text, muted, given, found } = theme();
  const svg = picture(SIDE, SIDE, "Words on the two widest directions of their vectors");
  svg.append(draw("rect", { width: SIDE, height: SIDE, fill: background, stroke: muted, "stroke-opacity": 0.5 }));
  /** @type {number[][]} */
  const boxes = [];
  state.tracked.forEach((word, i) => {
    const isPinned = state.pins.includes(word);
    const [left, top, x, y] = [place(points[2 * i] ?? 0), place(points[2 * i + 1] ?? 0), place(ends[2 * i] ?? 0), place(ends[2 * i + 1] ?? 0)];
    const box = [x, y - 9, x + 14 + 7 * word.length, y + 5];
    svg.append(draw("circle", { cx: left, cy: top, r: isPinned ? 5 : 3, fill: isPinned ? given : found, "fill-opacity": 0.7 }));
    if (!isPinned && boxes.some((other) => overlap(box, other))) return;
    boxes.push(box);
    svg.append(draw("text", { x: left + 6, y: top + 4, fill: isPinned ? given : text, "font-weight": isPinned ? 600 : 400 }, shown(word).slice(0, 24)));
  });
  return svg;
}

function lossPicture() {
  const { background, muted, given, found, taken } = theme();
  const { records } = state;
  /** @type {[string, "loss" | "end_loss" | "validation_loss", string][]} */
  const lines = [["loss of a pair while it trains", "loss", muted], ["end loss, of a fixed sample", "end_loss", given], ["held-out loss", "validation_loss", found]];
  const values = lines.flatMap(([, name]) => records.map((record) => record[name])).filter((value) => value !== null);
  const svg = picture(SIDE, 260, `Losses by epoch: ${records.map(({ end_loss, loss }) => (end_loss ?? loss).toFixed(3)).join(", ")}`);
  const x = linear(1, Math.max(2, state.epochs), 50, SIDE - 20);
  const y = linear(Math.min(...values), Math.max(...values), 200, 20);
  svg.append(draw("rect", { width: SIDE, height: 260, fill: background }));
  for (const value of values.length ? [Math.min(...values), Math.max(...values)] : []) {
    svg.append(draw("text", { x: 44, y: y(value) + 4, "text-anchor": "end", fill: muted }, value.toFixed(3)));
  }
  lines.filter(([, name]) => records.some((record) => record[name] !== null)).forEach(([label, name, colour], i) => {
    const points = records.filter((record) => record[name] !== null).map((record) => `${x(record.epoch)},${y(record[name] ?? 0)}`);
    svg.append(draw("polyline", { points: points.join(" "), fill: "none", stroke: colour, "stroke-width": 2 }),
      ...points.map((point) => draw("circle", { cx: point.split(",")[0] ?? 0, cy: point.split(",")[1] ?? 0, r: 3, fill: colour })),
      draw("text", { x: 50 + 190 * i, y: 245, fill: colour }, label));
  });
  const shownEpoch = state.frames[Number(slider.value)]?.epoch;
  if (shownEpoch) svg.append(draw("line", { x1: x(shownEpoch), y1: 14, x2: x(shownEpoch), y2: 206, stroke: taken, "stroke-dasharray": "3 3" }));
  svg.append(draw("text", { x: SIDE / 2, y: 224, "text-anchor": "middle", fill: muted }, `epochs 1 to ${Math.max(2, state.epochs)}`));
  return svg;
}

/** @param {Frame | undefined} frame @param {Frame | undefined} before words that are new since then are bold */
function showPins(frame, before) {
  byId("pins", HTMLElement).replaceChildren(...state.pins.map((word) => {
    const found = frame?.neighbours[word];
    const known = new Set((before?.neighbours[word] ?? found ?? []).map(([name]) => name));
    const off = button("×", () => pin(word, { off: "1" }), { "aria-label": `Unpin ${shown(word)}` });
    const reason = frame && found === null ? "not among the words of the model that are searched" : "from the next epoch on";
    const items = (found ?? []).map(([name, score]) => make("li", {}, make(known.has(name) ? "span" : "b", {}, wordText(name)), ` ${score.toFixed(3)}`));
    return make("section", {}, make("h3", {}, wordText(word), " ", off), found ? make("ol", {}, ...items) : make("p", { class: "note" }, reason));
  }));
}

/** @param {string} word @param {Record<string, string>} extra */
function pin(word, extra = {}) {
  request("pin", { word, ...extra }).catch((error) => announce(byId("refused", HTMLElement).textContent = shown(error.message)));
}

function play() {
  isLive = false;
  slider.value = "0";
  const next = () => {
    showFrame();
    if (Number(slider.value) >= Number(slider.max)) return;
    setTimeout(() => (slider.value = String(Number(slider.value) + 1), next()), 900);
  };
  next();
}

function toSlider() {
  isLive = slider.value === slider.max;
  history.replaceState(null, "", isLive ? "#" : `#frame=${slider.value}`);
  show();
}

const wanted = Number(new URLSearchParams(location.hash.slice(1)).get("frame") ?? NaN);
const events = new EventSource("/api/events");
events.addEventListener("message", (event) => {
  state = JSON.parse(event.data);
  lost = 0;
  if (Number.isInteger(wanted) && !document.documentElement.dataset["ready"]) [isLive, slider.max, slider.value] = [false, String(state.frames.length), String(wanted)];
  if (state.ended) events.close();
  show();
  Object.assign(document.documentElement.dataset, { ready: "true", epochs: String(state.records.length), ended: state.ended });
});
let lost = 0; // attempts to connect since the last message
events.addEventListener("error", () => {
  if (++lost > 20) events.close();
  if (!state.ended) byId("run", HTMLElement).textContent = "The connection is lost: training has ended, or this machine is busy.";
});
slider.addEventListener("input", toSlider);
byId("play", HTMLElement).addEventListener("click", play);
byId("pin", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  const input = byId("word", HTMLInputElement);
  byId("refused", HTMLElement).textContent = "";
  if (input.value.trim()) pin(input.value.trim());
  input.value = "";
});
const save = (/** @type {string} */ id) => () => savePicture(byId(id, HTMLElement).firstElementChild ?? draw("svg"), `${id}.svg`);
byId("take", HTMLElement).append(takeAway("model.history", save("moving")), button("Save losses", save("losses")));
onThemeChange(show);
show();
