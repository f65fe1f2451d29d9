// The answer to an equation: the nearest words to a sum of vectors, by two measures, and each cosine in its parts.

import { make, wordText } from "./dom.js";
import { barList, part } from "./lists.js";

/**
 * @param {import("./types.js").EquationAnswer} answer
 * @param {(word: string) => void} choose
 */
export function equationCard(answer, choose) {
  const [best] = answer.added;
  const title = make("h2", {}, ...equationText(answer.terms), " ≈ ", ...(best ? [wordText(best.word)] : ["?"]));
  const added = barList(answer.added, choose, { note: (item) => partsOf(item, answer.terms) });
  const cards = [title, part("Sum of vectors", "Words by cosine with the sum, and what each term adds to it (3CosAdd).", added)];
  if (answer.multiplied.length) {
    cards.push(part("Product of cosines", "The same question, with cosines multiplied and divided (3CosMul).", barList(answer.multiplied, choose)));
  }
  return cards;
}

/** @param {import("./types.js").Term[]} terms */
export function equationText(terms) {
  return terms.flatMap(({ word, weight }, i) => {
    const sign = weight < 0 ? "− " : i ? "+ " : "";
    return [`${i ? " " : ""}${sign}`, wordText(word)];
  });
}

/**
 * @param {import("./types.js").Found} item
 * @param {import("./types.js").Term[]} terms
 */
function partsOf(item, terms) {
  const parts = (item.parts ?? []).map((value, i) => {
    const text = value === null ? "?" : `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)} `;
    return make("span", { class: (value ?? 0) < 0 ? "minus" : "plus" }, text, wordText(terms[i]?.word ?? ""));
  });
  return make("span", { class: "parts" }, ...parts);
}

/**
 * The marks of an equation: its terms, the answers, and arrows from what is taken away to what is added.
 * @param {import("./types.js").EquationAnswer} answer
 * @returns {import("./types.js").Marked}
 */
export function equationMarks({ terms, added }) {
  /** @type {import("./types.js").Mark[]} */
  const given = terms.flatMap(({ row, weight }) => (row === null ? [] : [{ kind: weight < 0 ? "taken" : "given", row }]));
  /** @type {import("./types.js").Mark[]} */
  const found = added.slice(0, 5).map(({ row }) => ({ kind: "found", row }));
  const [first, second, third] = given;
  const lines = [];
  if (given.length === 3 && first && second && third && found[0]) {
    lines.push({ from: second.row, to: first.row }, { from: third.row, to: found[0].row });
  }
  return { marks: [...given, ...found], lines };
}
