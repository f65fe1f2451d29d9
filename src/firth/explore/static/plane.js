// The vectors of one pair as arrows in the plane. A tip can be dragged; a thin line is the step that it would take.

import { draw, linear, picture } from "./drawing.js";
import { afterStep, WORDS } from "./pair.js";
import { theme } from "./theme.js";

const SIDE = 420;
const EXTENT = 1.6;
const x = linear(-EXTENT, EXTENT, 0, SIDE);
const y = linear(-EXTENT, EXTENT, SIDE, 0);

/** @param {import("./pair.js").Pair} pair @param {(vector: number, value: number[]) => void} move a vector: 0 for v_c, then the rows of U */
export function plane(pair, move) {
  const { background, muted, given, found, text } = theme();
  const svg = picture(SIDE, SIDE, "The center vector and the three outside vectors as arrows");
  const after = afterStep(pair);
  svg.append(draw("rect", { width: SIDE, height: SIDE, fill: background, stroke: muted, "stroke-opacity": 0.5 }));
  for (const tick of [-1, 0, 1]) {
    for (const shape of [{ x1: x(tick), y1: 0, x2: x(tick), y2: SIDE }, { x1: 0, y1: y(tick), x2: SIDE, y2: y(tick) }]) {
      svg.append(draw("line", { ...shape, stroke: muted, "stroke-opacity": tick ? 0.2 : 0.6 }));
    }
  }
  const ends = [after.center, ...after.U];
  [pair.center, ...pair.U].forEach((vector, i) => {
    const [left, top, to] = [x(vector[0] ?? 0), y(vector[1] ?? 0), ends[i] ?? []];
    const colour = i === 0 ? given : found;
    const tip = draw("circle", { cx: left, cy: top, r: 8, fill: colour, "fill-opacity": 0.85, cursor: "grab" });
    svg.append(
      draw("line", { x1: x(0), y1: y(0), x2: left, y2: top, stroke: colour, "stroke-width": 2.5 }),
      draw("line", { x1: left, y1: top, x2: x(to[0] ?? 0), y2: y(to[1] ?? 0), stroke: text, "stroke-width": 1.5, "stroke-dasharray": "4 3" }),
      tip, draw("text", { x: left + 11, y: top + 4, fill: colour, "font-size": 14 }, i === 0 ? "v_c = v_I" : `u_${WORDS[i - 1]}`));
    tip.addEventListener("pointerdown", (event) => drag(/** @type {PointerEvent} */ (event), svg, (value) => move(i, value)));
  });
  return svg;
}

/**
 * Follow the pointer until it is released; the picture may be drawn anew meanwhile, so the window listens.
 * @param {PointerEvent} event @param {Element} svg @param {(value: number[]) => void} move
 */
function drag(event, svg, move) {
  event.preventDefault();
  const { left, top, width, height } = svg.getBoundingClientRect();
  const inside = (/** @type {number} */ share) => Number((EXTENT * (2 * Math.min(1, Math.max(0, share)) - 1)).toFixed(2));
  const follow = (/** @type {PointerEvent} */ now) =>
    move([inside((now.clientX - left) / width), -inside((now.clientY - top) / height)]);
  addEventListener("pointermove", follow);
  addEventListener("pointerup", () => removeEventListener("pointermove", follow), { once: true });
}
