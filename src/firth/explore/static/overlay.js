// What is drawn over the points: lines, rings and words. The same steps draw on the screen and into an SVG.

import { cut, overlap } from "./labels.js";
import { shown } from "./dom.js";

const MOST_LABELS = 300;
const FONT = "system-ui, sans-serif";

/**
 * A surface that can be drawn on: a canvas, or an SVG in the making.
 * @typedef {object} Surface
 * @property {(from: number[], to: number[], colour: string) => void} line
 * @property {(at: number[], radius: number, colour: string) => void} ring
 * @property {(text: string, at: number[], size: number, bold: boolean, colour: string, halo: string) => void} text
 */

/**
 * @param {Surface} surface
 * @param {import("./map.js").WordMap} map
 */
export function drawOverlay(surface, map) {
  const { camera, marked, colours } = map;
  const at = (/** @type {number} */ row) => camera.toScreen(...map.place(row));
  for (const { from, to } of marked.lines) surface.line(at(from), at(to), colours.muted);
  drawMarks(surface, map, at);
  if (map.faint) return;
  let shownLabels = 0;
  for (const row of map.labels.named(camera.zoom, camera.fitted)) {
    const [left, top] = at(row);
    if (left < -60 || top < 0 || left > camera.width || top > camera.height) continue;
    surface.text(shown(cut(map.vocabulary.word(row))), [left + 5, top + 4], 12, false, colours.text, colours.background);
    if (++shownLabels === MOST_LABELS) return;
  }
}

/**
 * Draw rings, and the names of the marked words where they meet no other.
 * @param {Surface} surface
 * @param {import("./map.js").WordMap} map
 * @param {(row: number) => [number, number]} at
 */
function drawMarks(surface, map, at) {
  const { camera, colours } = map;
  const rings = map.marked.marks.map(({ row }) => around(at(row), 7));
  /** @type {number[][]} */
  const names = [];
  for (const { kind, row } of map.marked.marks) {
    const place = at(row);
    surface.ring(place, kind === "found" ? 4.5 : 7, colours[kind]);
    const text = shown(cut(map.vocabulary.word(row)));
    const size = kind === "found" ? 13 : 16;
    const box = freePlace(place, 0.62 * size * text.length, size, { names, rings, edge: camera.width });
    names.push(box);
    surface.text(text, [box[0] + 2, box[3] - 4], size, true, colours[kind], colours.background);
  }
}

/**
 * Return the box of a name beside a point: right, left, below or above, over no ring if it can be, or further down.
 * @param {[number, number]} point @param {number} width @param {number} height
 * @param {{names: number[][], rings: number[][], edge: number}} taken
 * @returns {[number, number, number, number]} left, top, right and bottom
 */
function freePlace([x, y], width, height, { names, rings, edge }) {
  const box = (/** @type {number} */ left, /** @type {number} */ middle) =>
    /** @type {[number, number, number, number]} */ ([left, middle - height / 2 - 1, left + width + 4, middle + height / 2 + 3]);
  const near = [box(x + 8, y), box(x - width - 12, y), box(x - width / 2, y + height + 4), box(x - width / 2, y - height - 4)];
  const lower = Array.from({ length: 20 }, (_, line) => box(x + 8, y + (line + 1) * (height + 3)));
  const isFree = (/** @type {number[]} */ place) =>
    (place[0] ?? 0) >= 0 && (place[2] ?? 0) <= edge && !names.some((other) => overlap(place, other));
  const meetsNoRing = (/** @type {number[]} */ place) => !rings.some((other) => overlap(place, other));
  return near.find((place) => isFree(place) && meetsNoRing(place)) ?? [...near, ...lower].find(isFree) ?? box(x + 8, y);
}

/** @param {[number, number]} point @param {number} radius */
function around([x, y], radius) {
  return [x - radius, y - radius, x + radius, y + radius];
}

/** Draws on a canvas. */
export class CanvasSurface {
  /** @param {CanvasRenderingContext2D} context */
  constructor(context) {
    this.context = context;
    context.lineJoin = "round";
  }

  /** @param {number[]} from @param {number[]} to @param {string} colour */
  line([left = 0, top = 0], [right = 0, bottom = 0], colour) {
    const { context } = this;
    context.strokeStyle = colour;
    context.lineWidth = 1.2;
    context.beginPath();
    context.moveTo(left, top);
    context.lineTo(right, bottom);
    context.stroke();
  }

  /** @param {number[]} at @param {number} radius @param {string} colour */
  ring([left = 0, top = 0], radius, colour) {
    const { context } = this;
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(left, top, radius, 0, 2 * Math.PI);
    context.stroke();
    context.beginPath();
    context.arc(left, top, 2, 0, 2 * Math.PI);
    context.fill();
  }

  /** @param {string} text @param {number[]} at @param {number} size @param {boolean} bold @param {string} colour @param {string} halo */
  text(text, [left = 0, top = 0], size, bold, colour, halo) {
    const { context } = this;
    context.font = `${bold ? 600 : 400} ${size}px ${FONT}`;
    context.strokeStyle = halo;
    context.lineWidth = 3.5;
    context.strokeText(text, left, top);
    context.fillStyle = colour;
    context.fillText(text, left, top);
  }
}

/** Draws into an SVG element. */
export class SvgSurface {
  /** @param {SVGElement} svg */
  constructor(svg) {
    this.svg = svg;
  }

  /** @param {string} tag @param {Record<string, string | number>} attributes */
  add(tag, attributes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) {
      element.setAttribute(name, typeof value === "number" ? String(Math.round(value * 10) / 10) : value);
    }
    this.svg.append(element);
    return element;
  }

  /** @param {number[]} from @param {number[]} to @param {string} colour */
  line([x1 = 0, y1 = 0], [x2 = 0, y2 = 0], colour) {
    this.add("line", { x1, y1, x2, y2, stroke: colour, "stroke-width": 1.2 });
  }

  /** @param {number[]} at @param {number} r @param {string} colour */
  ring([cx = 0, cy = 0], r, colour) {
    this.add("circle", { cx, cy, r, fill: "none", stroke: colour, "stroke-width": 2 });
    this.add("circle", { cx, cy, r: 2, fill: colour });
  }

  /** @param {string} text @param {number[]} at @param {number} size @param {boolean} bold @param {string} colour @param {string} halo */
  text(text, [x = 0, y = 0], size, bold, colour, halo) {
    const shape = { x, y, "font-family": FONT, "font-size": size, "font-weight": bold ? 600 : 400 };
    const halved = { stroke: halo, "stroke-width": 3.5, "stroke-linejoin": "round", "paint-order": "stroke" };
    this.add("text", { ...shape, ...halved, fill: colour }).textContent = text;
  }
}
