// What is drawn over the points: lines, rings and words. The same steps draw on the screen and into an SVG.

import { shown } from "./dom.js";
import { Boxes, cut } from "./labels.js";
import { placeOf } from "./points.js";

const MOST_LABELS = 300;

/** @param {Surface} surface @param {WordMap} map */
export function drawOverlay(surface, map) {
  const { camera, marked, colours } = map;
  const at = (/** @type {number} */ row) => camera.toScreen(placeOf(map.points, row));
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
 * @param {Surface} surface @param {WordMap} map @param {(row: number) => Point} at
 */
function drawMarks(surface, map, at) {
  const { camera, colours, marked } = map;
  const [rings, names] = [new Boxes(), new Boxes()];
  for (const [x, y] of marked.marks.map(({ row }) => at(row))) rings.add([x - 7, y - 7, x + 7, y + 7], true);
  for (const { kind, row } of marked.marks) {
    const place = at(row);
    surface.ring(place, kind === "found" ? 4.5 : 7, colours[kind]);
    const text = shown(cut(map.vocabulary.word(row)));
    const size = kind === "found" ? 13 : 16;
    const places = placesBeside(place, 0.62 * size * text.length, size);
    const free = places.filter((box) => box[0] >= 0 && box[2] <= camera.width && !names.meets(box));
    const box = free.find((box) => !rings.meets(box)) ?? free[0] ?? places[0];
    names.add(box, true);
    surface.text(text, [box[0] + 2, box[3] - 4], size, true, colours[kind], colours.background);
  }
}

/**
 * Return the boxes that a name may have beside a point: right, left, below or above, or further down.
 * @param {Point} point @param {number} width @param {number} height
 * @returns {[Box, ...Box[]]}
 */
function placesBeside([x, y], width, height) {
  const box = (/** @type {number} */ left, /** @type {number} */ middle) =>
    /** @type {Box} */ ([left, middle - height / 2 - 1, left + width + 4, middle + height / 2 + 3]);
  const lower = Array.from({ length: 20 }, (_, line) => box(x + 8, y + (line + 1) * (height + 3)));
  return [box(x + 8, y), box(x - width - 12, y), box(x - width / 2, y + height + 4), box(x - width / 2, y - height - 4), ...lower];
}

/** Return a surface that draws on a canvas. @param {CanvasRenderingContext2D} context @returns {Surface} */
export function canvasSurface(context) {
  const stroke = (/** @type {string} */ colour, /** @type {number} */ width) =>
    Object.assign(context, { strokeStyle: colour, lineWidth: width, lineJoin: "round" }).beginPath();
  return {
    line(from, to, colour) {
      stroke(colour, 1.2);
      context.moveTo(...from);
      context.lineTo(...to);
      context.stroke();
    },
    ring([left, top], radius, colour) {
      stroke(colour, 2);
      context.arc(left, top, radius, 0, 2 * Math.PI);
      context.stroke();
      context.fillStyle = colour;
      context.beginPath();
      context.arc(left, top, 2, 0, 2 * Math.PI);
      context.fill();
    },
    text(text, at, size, bold, colour, halo) {
      stroke(halo, 3.5);
      context.font = `${bold ? 600 : 400} ${size}px system-ui, sans-serif`;
      context.strokeText(text, ...at);
      context.fillStyle = colour;
      context.fillText(text, ...at);
    },
  };
}
