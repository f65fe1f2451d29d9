// Two models: what they have in common, which words changed most, and the neighbours that a word lost and gained.

import { make, wordText } from "./dom.js";
import { barList, part } from "./lists.js";

const MOST_LISTED = 40;
const count = (/** @type {number} */ number) => number.toLocaleString("en");

/**
 * @param {import("./types.js").Comparison} found
 * @param {import("./types.js").Found[]} changed the words by how much they changed
 * @param {Node} among the choice of the words that are listed
 * @param {(word: string) => void} choose
 */
export function changesCard(found, changed, among, choose) {
  const [one = "", other = ""] = found.names;
  const [left = 0, right = 0] = found.only;
  const { alignment, dimensions } = found;
  const turned = alignment
    ? `The second was rotated onto the first: the mean cosine of a word with itself rose from ${alignment.before.toFixed(2)} to ${alignment.after.toFixed(2)}.`
    : `Their vectors have ${dimensions.join(" and ")} numbers and cannot be aligned, so each has a map of its own.`;
  const list = barList(changed.slice(0, MOST_LISTED), choose, { format: (share) => `${Math.round(10 * share)} of 10` });
  return [
    make("h2", {}, wordText(one), " and ", wordText(other)),
    make("p", { class: "facts" }, `${count(found.shared)} words in both · ${count(left)} only in the first · ${count(right)} only in the second`),
    make("p", { class: "note" }, `On average ${(10 * found.kept).toFixed(1)} of a word's ten nearest words are the same, among the ${count(found.words)} most frequent words of both. ${turned}`),
    part("Words that changed most", "How many of the ten nearest words are new; the maps have strong colours where many are. Rare words change by chance.", among, list),
  ];
}

/**
 * @param {import("./types.js").Change} change
 * @param {string[]} names
 * @param {(word: string) => void} choose
 */
export function changeCard({ word, row, reason, kept, lost, gained, similarity }, names, choose) {
  const back = make("p", {}, make("a", { href: "#" }, "All changes"));
  const title = make("h2", {}, wordText(word));
  if (row === null) return [back, title, make("p", { class: "note" }, reason)];
  const itself = similarity === null ? "" : ` · cosine with itself ${similarity.toFixed(3)}`;
  const facts = make("p", { class: "facts" }, `${kept.length} of ${kept.length + lost.length} nearest words kept${itself}`);
  const list = (/** @type {import("./types.js").Found[]} */ found) => (found.length ? barList(found, choose) : make("p", { class: "note" }, "none"));
  return [
    back, title, facts,
    part("Lost", `Near it only in ${names[0]}.`, list(lost)),
    part("Gained", `Near it only in ${names[1]}.`, list(gained)),
    part("Kept", `Near it in both, with the cosine in ${names[0]}.`, list(kept)),
  ];
}

/**
 * The marks of a word in one model: its neighbours there, those of this model alone in the colour of what changed.
 * @param {import("./types.js").Change} change
 * @param {"lost" | "gained"} own
 * @returns {import("./types.js").Marked}
 */
export function changeMarks(change, own) {
  const { row } = change;
  if (row === null) return { marks: [], lines: [] };
  /** @type {import("./types.js").Mark[]} */
  const near = [...change[own].map((item) => ({ kind: /** @type {const} */ ("taken"), row: item.row })), ...change.kept.map((item) => ({ kind: /** @type {const} */ ("found"), row: item.row }))];
  return { marks: [{ kind: "given", row }, ...near], lines: near.map((mark) => ({ from: row, to: mark.row })) };
}
