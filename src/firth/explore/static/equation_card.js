// The answer to an equation: the nearest words to a sum of vectors, by two measures, and each cosine in its parts.

import { make, wordText } from "./dom.js";
import { barList, marksOf, part } from "./lists.js";

/** @param {EquationAnswer} answer @param {Choose} choose @returns {Card} */
export function equationCard({ terms, added, multiplied }, choose) {
  const [best] = added;
  const sum = barList(added, choose, { below: (item) => partsOf(item, terms) });
  const parts = [
    make("h2", {}, ...terms.flatMap(({ word, weight }, i) => [signOf(weight, i), wordText(word)]), " ≈ ", best ? wordText(best.word) : "?"),
    part("Sum of vectors", "Words by cosine with the sum, and what each term adds to it (3CosAdd).", sum),
  ];
  if (multiplied.length) {
    parts.push(part("Product of cosines", "The same question, with cosines multiplied and divided (3CosMul).", barList(multiplied, choose)));
  }
  return { parts, ...marked(terms, added) };
}

/** @param {number} weight @param {number} i */
function signOf(weight, i) {
  const sign = weight < 0 ? "− " : "+ ";
  return i ? ` ${sign}` : weight < 0 ? sign : "";
}

/** @param {Found} item @param {Term[]} terms */
function partsOf(item, terms) {
  const parts = (item.parts ?? []).map((value, i) => {
    const text = value === null ? "?" : `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)} `;
    return make("span", { class: (value ?? 0) < 0 ? "minus" : "" }, text, wordText(terms[i]?.word ?? ""));
  });
  return make("span", { class: "parts" }, ...parts);
}

/**
 * Return the marks: terms, answers, and for a - b + c arrows from b to a and from c to the answer.
 * @param {Term[]} terms @param {Found[]} added
 */
function marked(terms, added) {
  const given = terms.flatMap((term) => marksOf(term.weight < 0 ? "taken" : "given", [term]));
  const found = marksOf("found", added.slice(0, 5));
  const [first, second, third] = given;
  const lines = given.length === 3 && first && second && third && found[0]
    ? [{ from: second.row, to: first.row }, { from: third.row, to: found[0].row }]
    : [];
  return { marks: [...given, ...found], lines };
}
