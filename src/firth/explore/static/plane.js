// The vectors of one pair as arrows in the plane. A tip can be dragged; a dashed line is the step that it would take.

import { dot, label, line, linear, picture } from "./drawing.js";
import { theme } from "./theme.js";

const SIDE = 420;
const EXTENT = 1.6;
const across = linear([-EXTENT, EXTENT], 0, SIDE);
const up = linear([-EXTENT, EXTENT], SIDE, 0);

/**
 * @param {string[]} names of the vectors
 * @param {number[]} pair two numbers of each vector @param {number[]} after the same after a step
 * @param {(vector: number, value: Point) => void} move
 */
export function plane(names, pair, after, move) {
  const { background, muted, given, found, text } = theme();
  const svg = picture(SIDE, SIDE, "The center vector and the three outside vectors as arrows", background);
  for (const tick of [-1, 0, 1]) {
    const faint = { "stroke-opacity": tick ? 0.2 : 0.6 };
    svg.append(line([across(tick), 0], [across(tick), SIDE], muted, faint), line([0, up(tick)], [SIDE, up(tick)], muted, faint));
  }
  const tipOf = (/** @type {number[]} */ numbers, /** @type {number} */ i) =>
    /** @type {Point} */ ([across(numbers[2 * i] ?? 0), up(numbers[2 * i + 1] ?? 0)]);
  names.forEach((name, i) => {
    const place = tipOf(pair, i);
    const colour = i === 0 ? given : found;
    const tip = dot(place, 8, colour, { "fill-opacity": 0.85, cursor: "grab" });
    svg.append(
      line([across(0), up(0)], place, colour, { "stroke-width": 2.5 }),
      line(place, tipOf(after, i), text, { "stroke-width": 1.5, "stroke-dasharray": "4 3" }),
      tip, label(name, [place[0] + 11, place[1] + 4], colour, { "font-size": 14 }));
    tip.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      drag(svg, (value) => move(i, value));
    });
  });
  return svg;
}

/**
 * Follow the pointer until it is released; the picture may be drawn anew meanwhile, so the window listens.
 * @param {Element} svg @param {(value: Point) => void} move
 */
function drag(svg, move) {
  const { left, top, width, height } = svg.getBoundingClientRect();
  const inside = (/** @type {number} */ share) => Number((EXTENT * (2 * Math.min(1, Math.max(0, share)) - 1)).toFixed(2));
  const follow = (/** @type {PointerEvent} */ now) =>
    move([inside((now.clientX - left) / width), -inside((now.clientY - top) / height)]);
  addEventListener("pointermove", follow);
  addEventListener("pointerup", () => removeEventListener("pointermove", follow), { once: true });
}
