// The answer to words that the vocabulary does not have: those that are spelt nearly so.

import { button, make, wordText } from "./dom.js";

/**
 * @param {import("./types.js").UnknownAnswer} answer
 * @param {(text: string) => void} choose
 */
export function unknownCard({ text, words }, choose) {
  return words.flatMap(({ word, near }) => {
    const chips = near.map((other) => {
      const chip = button("", () => choose(text === word ? other.word : text.replace(word, () => other.word)), { class: "chip" });
      chip.append(wordText(other.word));
      return chip;
    });
    const heading = make("h2", {}, "No word ", wordText(word));
    return [heading, make("p", { class: "note" }, near.length ? "The vocabulary has these:" : "Nothing in the vocabulary is spelt like it."), make("p", { class: "chips" }, ...chips)];
  });
}
