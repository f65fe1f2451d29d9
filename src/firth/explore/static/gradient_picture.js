// The gradient check as a picture: each number by its equation against the same by central differences, and the
// largest difference of each equation against its tolerance.

import { dot, draw, label, line, linear, picture } from "./drawing.js";
import { theme } from "./theme.js";

/** @typedef {{name: string, equation: string, difference: number, tolerance: number, passed: boolean, analytic: number[], numeric: number[]}} Check */

const LINE = 15;
const SIDE = 380;
const LEFT = 330; // of the marks beside the names
const MIDDLE = LEFT + 250; // of the picture: the left side of the square
const LOWEST = -7; // powers of ten of a difference, as a share of the tolerance
const HIGHEST = 1;

/** @param {Check[]} checks @param {string} chosen the name of an equation, or "" for all @param {Choose} choose */
export function gradientPicture(checks, chosen, choose) {
  const right = checks.filter(({ passed }) => passed).length;
  const height = Math.max(LINE * checks.length + 50, SIDE + 60);
  const text = `${right} of ${checks.length} gradients agree with central differences`;
  const svg = picture(MIDDLE + SIDE + 40, height, text, theme().background);
  svg.append(...tolerances(checks, chosen, choose), ...agreement(checks.filter(({ name }) => !chosen || name === chosen)));
  return svg;
}

/** @param {Check[]} checks @param {string} chosen @param {Choose} choose */
function tolerances(checks, chosen, choose) {
  const { text, muted, found, given } = theme();
  const x = linear([LOWEST, HIGHEST], LEFT, LEFT + 180);
  const bottom = 30 + LINE * checks.length;
  const rows = checks.map(({ name, difference, tolerance, passed }, i) => {
    const share = Math.log10(Math.max(difference / tolerance, 1e-99));
    const middle = 30 + LINE * (i + 0.5);
    const place = x(Number.isNaN(share) ? HIGHEST : Math.min(HIGHEST, Math.max(LOWEST, share)));
    const colour = passed ? found : given;
    const row = draw("g", { opacity: !chosen || chosen === name ? 1 : 0.35, cursor: "pointer" },
      label(name, [LEFT - 12, middle + 4], text, { "text-anchor": "end", "font-size": 11 }),
      line([LEFT, middle], [place, middle], colour),
      dot([place, middle], 3.5, colour),
      draw("title", {}, `${name}: difference ${difference.toExponential(1)}, tolerance ${tolerance.toExponential(1)}`));
    row.addEventListener("click", () => choose(name));
    return row;
  });
  const ticks = [-6, -4, -2, 0].flatMap((power) => [
    line([x(power), 24], [x(power), bottom], power ? muted : given, { "stroke-opacity": power ? 0.25 : 1 }),
    label(power ? `1e${power}` : "1", [x(power), bottom + 14], muted, { "text-anchor": "middle" }),
  ]);
  return [label("difference / tolerance", [LEFT, 16], muted), ...ticks, ...rows];
}

/** @param {Check[]} checks */
function agreement(checks) {
  const { muted, found } = theme();
  const numbers = checks.flatMap(({ analytic, numeric }) => [...analytic, ...numeric]).map(Math.abs).filter(Number.isFinite);
  const most = Math.max(1e-9, ...numbers);
  const x = linear([-most, most], MIDDLE, MIDDLE + SIDE);
  const y = linear([-most, most], 30 + SIDE, 30);
  const points = checks.flatMap(({ analytic, numeric }) => analytic.map((value, i) =>
    dot([x(value), y(numeric[i] ?? NaN)], 3, found, { "fill-opacity": 0.45 })));
  return [
    label(`each derivative by central differences (up) against its equation: ${points.length}`, [MIDDLE, 16], muted),
    draw("rect", { x: MIDDLE, y: 30, width: SIDE, height: SIDE, fill: "none", stroke: muted, "stroke-opacity": 0.5 }),
    line([x(-most), y(-most)], [x(most), y(most)], muted),
    ...points,
    ...[-most, 0, most].map((value) => label(value.toFixed(2), [x(value), SIDE + 46], muted, { "text-anchor": "middle" })),
  ];
}
