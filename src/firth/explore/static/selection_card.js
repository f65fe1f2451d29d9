// The words that were selected on the map: a list, the most frequent first, to choose from or to copy.

import { button, grouped, make, note, wordButton } from "./dom.js";
import { marksOf } from "./lists.js";
import { copy } from "./takeaway.js";

const MOST_SHOWN = 300;
const MOST_MARKED = 25;

/** @param {number[]} rows @param {Vocabulary} vocabulary @param {Choose} choose @returns {Card} */
export function selectionCard(rows, vocabulary, choose) {
  const chips = rows.slice(0, MOST_SHOWN).map((row) => {
    const chip = wordButton(vocabulary.word(row), choose);
    chip.dataset["row"] = String(row);
    return chip;
  });
  const more = rows.length > MOST_SHOWN ? ` The ${MOST_SHOWN} most frequent are shown; all are copied.` : "";
  return {
    parts: [
      make("h2", {}, `${grouped(rows.length)} word${rows.length === 1 ? "" : "s"} selected`),
      note(`What stands together on this map.${more}`),
      make("p", {}, button("Copy words", () => copy(rows.map((row) => vocabulary.word(row)).join("\n"), "words"))),
      make("p", {}, ...chips),
    ],
    marks: marksOf("found", rows.slice(0, MOST_MARKED).map((row) => ({ row }))),
    lines: [],
  };
}
