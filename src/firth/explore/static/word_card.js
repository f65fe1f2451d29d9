// The answer to a word: what is known of it, its neighbours, its two vectors, and what it predicts.

import { make, wordText } from "./dom.js";
import { barList, part } from "./lists.js";

/**
 * @param {import("./types.js").WordAnswer} answer
 * @param {(word: string) => void} choose
 */
export function wordCard(answer, choose) {
  const far = make("p", { class: "note", id: "missed" });
  const parts = [
    make("h2", {}, wordText(answer.word)),
    make("p", { class: "facts" }, facts(answer)),
    part("Nearest words", "By the cosine of the vectors: 1 is the same direction.", barList(answer.neighbours, choose), far),
  ];
  if (answer.predicted) {
    const format = (/** @type {number} */ share) => `${(100 * share).toFixed(share < 0.01 ? 2 : 1)} %`;
    const body = barList(answer.predicted, choose, { format });
    parts.push(part("Predicts beside it", "The probability of each word as a neighbour in text, by the whole vocabulary's softmax.", body));
  }
  if (answer.outside) {
    const both = answer.outside.cosine === null ? "" : ` The word's own two vectors have cosine ${answer.outside.cosine.toFixed(3)}.`;
    const note = `Every word has a second vector, for when it stands beside another. These are near by that one.${both}`;
    parts.push(part("Nearest outside vectors", note, barList(answer.outside.neighbours, choose)));
  }
  return parts;
}

/** @param {import("./types.js").WordAnswer} answer */
function facts({ row, count, share, norm }) {
  if (row === null) return "Not in the vocabulary: its vector is made of its parts.";
  const known = [`number ${(row + 1).toLocaleString("en")} by frequency`];
  if (count != null) known.unshift(`${count.toLocaleString("en")} times in the text`);
  if (share) known.push(`1 in ${Math.round(1 / share).toLocaleString("en")} words`);
  if (norm != null) known.push(`length ${norm.toFixed(2)}`);
  return known.join(" · ");
}

/**
 * The marks and lines of a word and its neighbours.
 * @param {import("./types.js").WordAnswer} answer
 * @returns {import("./types.js").Marked}
 */
export function wordMarks({ row, neighbours }) {
  /** @type {import("./types.js").Mark[]} */
  const found = neighbours.map((item) => ({ kind: "found", row: item.row }));
  if (row === null) return { marks: found, lines: [] };
  return { marks: [{ kind: "given", row }, ...found], lines: found.map((mark) => ({ from: row, to: mark.row })) };
}
