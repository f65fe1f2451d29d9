// The answer to an axis, man > woman: the words at either end of the direction from one word to the other.

import { make, wordText } from "./dom.js";
import { barList, marksOf, part } from "./lists.js";

/** @param {AxisAnswer} answer @param {Choose} choose @returns {Card} */
export function axisCard({ terms, low, high }, choose) {
  const [start = "", end = ""] = terms.map(({ word }) => word);
  const ends = terms.flatMap((term, i) => marksOf(i ? "given" : "taken", [term]));
  const [from, to] = ends;
  return {
    parts: [
      make("h2", {}, wordText(start), " → ", wordText(end)),
      part(`Towards ${end}`, "Words by cosine with the direction from the first word to the second.", barList(high, choose)),
      part(`Towards ${start}`, "Words by cosine with the opposite direction.", barList(low, choose)),
    ],
    marks: [...ends, ...marksOf("found", [...high.slice(0, 5), ...low.slice(0, 5)])],
    lines: from && to ? [{ from: from.row, to: to.row }] : [],
  };
}
