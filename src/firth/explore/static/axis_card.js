// The answer to an axis, man > woman: the words at either end of the direction from one word to the other.

import { make, wordText } from "./dom.js";
import { barList, part } from "./lists.js";

/**
 * @param {import("./types.js").AxisAnswer} answer
 * @param {(word: string) => void} choose
 */
export function axisCard({ terms, low, high }, choose) {
  const [start, end] = terms.map(({ word }) => word);
  return [
    make("h2", {}, wordText(start ?? ""), " → ", wordText(end ?? "")),
    part(`Towards ${end}`, "Words by cosine with the direction from the first word to the second.", barList(high, choose)),
    part(`Towards ${start}`, "Words by cosine with the opposite direction.", barList(low, choose)),
  ];
}

/**
 * @param {import("./types.js").AxisAnswer} answer
 * @returns {import("./types.js").Marked}
 */
export function axisMarks({ terms, low, high }) {
  /** @type {import("./types.js").Mark[]} */
  const ends = terms.flatMap(({ row }, i) => (row === null ? [] : [{ kind: i ? "given" : "taken", row }]));
  /** @type {import("./types.js").Mark[]} */
  const found = [...high.slice(0, 5), ...low.slice(0, 5)].map(({ row }) => ({ kind: "found", row }));
  const [start, end] = ends;
  return { marks: [...ends, ...found], lines: start && end ? [{ from: start.row, to: end.row }] : [] };
}
