// The answer to words that the vocabulary does not have: those that are spelt nearly so.

import { make, note, wordButton, wordText } from "./dom.js";

/** @param {UnknownAnswer} answer @param {Choose} choose @returns {Card} */
export function unknownCard({ text, words }, choose) {
  const parts = words.flatMap(({ word, near }) => {
    const replace = (/** @type {string} */ other) => choose(text === word ? other : text.replace(word, () => other));
    return [
      make("h2", {}, "No word ", wordText(word)),
      note(near.length ? "The vocabulary has these:" : "Nothing in the vocabulary is spelt like it."),
      make("p", {}, ...near.map((other) => wordButton(other.word, replace))),
    ];
  });
  return { parts, marks: [], lines: [] };
}
