// Parts of answers: lists of words with bars, sections, the choice of the words that are searched, and marks.

import { choice, grouped, make, note, wordButton } from "./dom.js";

/**
 * Return a list of words with their scores and bars; a click on a word asks for it.
 * @param {Found[]} found
 * @param {Choose} choose
 * @param {{format?: (score: number) => string, below?: (item: Found) => Node | string}} [options]
 */
export function barList(found, choose, { format = (score) => score.toFixed(3), below = () => "" } = {}) {
  const most = Math.max(1e-12, ...found.map(({ score }) => Math.abs(score ?? 0)));
  const items = found.map((item) => {
    const bar = make("span", { class: "bar", "aria-hidden": "true" });
    bar.style.width = `${(100 * Math.max(0, item.score ?? 0)) / most}%`;
    const word = wordButton(item.word, choose, "word");
    word.dataset["row"] = String(item.row);
    const score = make("span", { class: "score" }, item.score === null ? "not finite" : format(item.score));
    return make("li", {}, word, make("span", { class: "track" }, bar), score, below(item));
  });
  return make("ol", { class: "bars" }, ...items);
}

/**
 * Return a section with a heading, an explanation and a body.
 * @param {string} title @param {string} explanation @param {(Node | string)[]} body
 */
export function part(title, explanation, ...body) {
  return make("section", {}, make("h3", {}, title), note(explanation), ...body);
}

/**
 * Return the choice of how many of the most frequent words are meant.
 * @param {number[]} sizes @param {number} all @param {number} chosen @param {(size: number) => void} action
 */
export function amongChoice(sizes, all, chosen, action) {
  const known = [...new Set([...sizes, chosen, all])].filter((size) => size <= all).sort((a, b) => a - b);
  const text = (/** @type {number} */ size) => (size === all ? `all ${grouped(all)}` : `the ${grouped(size)} most frequent`);
  const { select, label } = choice("among", known.map((size) => [String(size), `${text(size)} words`]), () => action(Number(select.value)));
  select.id = label.className = "among";
  select.value = String(chosen);
  return label;
}

/**
 * Return marks of one kind, for the items that have a row.
 * @param {Mark["kind"]} kind @param {{row: number | null}[]} items
 * @returns {Mark[]}
 */
export function marksOf(kind, items) {
  return items.flatMap(({ row }) => (row === null ? [] : [{ kind, row }]));
}
