// The words that were selected on the map: a list, the most frequent first, to choose from or to copy.

import { button, make, wordText } from "./dom.js";
import { copied } from "./takeaway.js";

const MOST_SHOWN = 300;
const MOST_MARKED = 25;

/**
 * @param {number[]} rows
 * @param {import("./vocabulary.js").Vocabulary} vocabulary
 * @param {(word: string) => void} choose
 */
export function selectionCard(rows, vocabulary, choose) {
  const chips = rows.slice(0, MOST_SHOWN).map((row) => {
    const chip = button("", () => choose(vocabulary.word(row)), { class: "chip", "data-row": String(row) });
    chip.append(wordText(vocabulary.word(row)));
    return chip;
  });
  const more = rows.length > MOST_SHOWN ? ` The ${MOST_SHOWN} most frequent are shown; all are copied.` : "";
  const copy = () => copied(rows.map((row) => vocabulary.word(row)).join("\n"), "words")();
  return [
    make("h2", {}, `${rows.length.toLocaleString("en")} word${rows.length === 1 ? "" : "s"} selected`),
    make("p", { class: "note" }, `What stands together on this map.${more}`),
    make("p", {}, button("Copy words", copy)),
    make("p", { class: "chips" }, ...chips),
  ];
}

/**
 * @param {number[]} rows
 * @returns {import("./types.js").Marked}
 */
export function selectionMarks(rows) {
  return { marks: rows.slice(0, MOST_MARKED).map((row) => ({ kind: "found", row })), lines: [] };
}
