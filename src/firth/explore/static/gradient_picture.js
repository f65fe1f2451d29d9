// The gradient check as a picture: each number by its equation against the same by central differences, and the
// largest difference of each equation against its tolerance.

import { draw, linear, picture } from "./drawing.js";
import { theme } from "./theme.js";

/** @typedef {{name: string, equation: string, difference: number, tolerance: number, passed: boolean, analytic: number[], numeric: number[]}} Check */

const LINE = 15;
const SIDE = 380;
const LEFT = 330; // of the marks beside the names
const LOWEST = -7; // powers of ten of a difference, as a share of the tolerance
const HIGHEST = 1;

/** @param {Check[]} checks @param {string} chosen the name of an equation, or "" for all @param {(name: string) => void} choose */
export function gradientPicture(checks, chosen, choose) {
  const right = checks.filter(({ passed }) => passed).length;
  const height = Math.max(LINE * checks.length + 50, SIDE + 60);
  const svg = picture(LEFT + 220 + SIDE + 70, height, `${right} of ${checks.length} gradients agree with central differences`);
  const colours = theme();
  svg.append(draw("rect", { width: "100%", height: "100%", fill: colours.background }));
  svg.append(...tolerances(checks, chosen, choose), ...agreement(checks.filter(({ name }) => !chosen || name === chosen)));
  return svg;
}

/** @param {Check[]} checks @param {string} chosen @param {(name: string) => void} choose */
function tolerances(checks, chosen, choose) {
  const { text, muted, found, given } = theme();
  const x = linear(LOWEST, HIGHEST, LEFT, LEFT + 180);
  const bottom = 30 + LINE * checks.length;
  const rows = checks.map(({ name, difference, tolerance, passed }, i) => {
    const share = Math.log10(Math.max(difference / tolerance, 1e-99));
    const middle = 30 + LINE * (i + 0.5);
    const place = x(Number.isNaN(share) ? HIGHEST : Math.min(HIGHEST, Math.max(LOWEST, share)));
    const colour = passed ? found : given;
    const row = draw("g", { opacity: !chosen || chosen === name ? 1 : 0.35, cursor: "pointer" },
      draw("text", { x: LEFT - 12, y: middle + 4, "text-anchor": "end", "font-size": 11, fill: text }, name),
      draw("line", { x1: LEFT, y1: middle, x2: place, y2: middle, stroke: colour }),
      draw("circle", { cx: place, cy: middle, r: 3.5, fill: colour }),
      draw("title", {}, `${name}: difference ${difference.toExponential(1)}, tolerance ${tolerance.toExponential(1)}`));
    row.addEventListener("click", () => choose(name));
    return row;
  });
  return [
    draw("text", { x: LEFT, y: 16, fill: muted }, "difference / tolerance"),
    ...[-6, -4, -2, 0].map((power) => draw("line", { x1: x(power), y1: 24, x2: x(power), y2: bottom, stroke: power ? muted : given, "stroke-opacity": power ? 0.25 : 1 })),
    ...[-6, -4, -2, 0].map((power) => draw("text", { x: x(power), y: bottom + 14, "text-anchor": "middle", fill: muted }, power ? `1e${power}` : "1")),
    ...rows,
  ];
}

/** @param {Check[]} checks */
function agreement(checks) {
  const { muted, found } = theme();
  const most = Math.max(1e-9, ...checks.flatMap(({ analytic, numeric }) => [...analytic, ...numeric].map(Math.abs).filter(Number.isFinite)));
  const left = LEFT + 250;
  const x = linear(-most, most, left, left + SIDE);
  const y = linear(-most, most, 30 + SIDE, 30);
  const points = checks.flatMap(({ analytic, numeric }) => analytic.map((value, i) =>
    draw("circle", { cx: x(value), cy: y(numeric[i] ?? NaN), r: 3, fill: found, "fill-opacity": 0.45 })));
  return [
    draw("text", { x: left, y: 16, fill: muted }, `each derivative by central differences (up) against its equation: ${points.length}`),
    draw("rect", { x: left, y: 30, width: SIDE, height: SIDE, fill: "none", stroke: muted, "stroke-opacity": 0.5 }),
    draw("line", { x1: x(-most), y1: y(-most), x2: x(most), y2: y(most), stroke: muted }),
    ...points,
    ...[-most, 0, most].map((value) => draw("text", { x: x(value), y: SIDE + 46, "text-anchor": "middle", fill: muted }, value.toFixed(2))),
  ];
}
