// The answer to a word: what is known of it, its neighbours, its two vectors, and what it predicts.

import { grouped, make, note, wordText } from "./dom.js";
import { barList, marksOf, part } from "./lists.js";

/** @param {WordAnswer} answer @param {Choose} choose @returns {Card} */
export function wordCard(answer, choose) {
  const { row, word, neighbours, predicted, outside } = answer;
  const missed = note();
  missed.id = "missed";
  const parts = [
    make("h2", {}, wordText(word)),
    make("p", { class: "facts" }, facts(answer)),
    part("Nearest words", "By the cosine of the vectors: 1 is the same direction.", barList(neighbours, choose), missed),
  ];
  if (predicted) {
    const format = (/** @type {number} */ share) => `${(100 * share).toFixed(share < 0.01 ? 2 : 1)} %`;
    const body = barList(predicted, choose, { format });
    parts.push(part("Predicts beside it", "The probability of each word as a neighbour in text, by the whole vocabulary's softmax.", body));
  }
  if (outside) {
    const both = outside.cosine === null ? "" : ` The word's own two vectors have cosine ${outside.cosine.toFixed(3)}.`;
    const explanation = `Every word has a second vector, for when it stands beside another. These are near by that one.${both}`;
    parts.push(part("Nearest outside vectors", explanation, barList(outside.neighbours, choose)));
  }
  return { parts, ...star(row, marksOf("found", neighbours)) };
}

/** @param {WordAnswer} answer */
function facts({ row, count, share, norm }) {
  if (row === null) return "Not in the vocabulary: its vector is made of its parts.";
  const known = [`number ${grouped(row + 1)} by frequency`];
  if (count != null) known.unshift(`${grouped(count)} times in the text`);
  if (share) known.push(`1 in ${grouped(Math.round(1 / share))} words`);
  if (norm != null) known.push(`length ${norm.toFixed(2)}`);
  return known.join(" · ");
}

/**
 * Return a word with others around it, and a line to each.
 * @param {number | null} row @param {Mark[]} others
 * @returns {Marked}
 */
export function star(row, others) {
  if (row === null) return { marks: others, lines: [] };
  return { marks: [{ kind: "given", row }, ...others], lines: others.map((mark) => ({ from: row, to: mark.row })) };
}
