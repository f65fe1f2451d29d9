// Lists of words with bars.

import { button, make, wordText } from "./dom.js";

/**
 * Return a list of words with their scores and bars; a click on a word asks for it.
 * @param {import("./types.js").Found[]} found
 * @param {(word: string) => void} choose
 * @param {{format?: (score: number) => string, note?: (item: import("./types.js").Found) => Node | null}} [options]
 */
export function barList(found, choose, { format = (score) => score.toFixed(3), note = () => null } = {}) {
  const most = Math.max(1e-12, ...found.map(({ score }) => Math.abs(score ?? 0)));
  const items = found.map((item) => {
    const bar = make("span", { class: "bar", "aria-hidden": "true" });
    bar.style.width = `${(100 * Math.max(0, item.score ?? 0)) / most}%`;
    const word = button("", () => choose(item.word), { class: "word", "data-row": String(item.row) });
    word.append(wordText(item.word));
    const extra = note(item);
    const score = make("span", { class: "score" }, item.score === null ? "not finite" : format(item.score));
    return make("li", {}, word, make("span", { class: "track" }, bar), score, ...(extra ? [extra] : []));
  });
  return make("ol", { class: "bars" }, ...items);
}

/**
 * Return a section with a heading, an explanation and a body.
 * @param {string} title @param {string} explanation @param {(Node | string)[]} body
 */
export function part(title, explanation, ...body) {
  const heading = make("h3", {}, title);
  return make("section", {}, heading, ...(explanation ? [make("p", { class: "note" }, explanation)] : []), ...body);
}
