// Two models: what they have in common, which words changed most, and the neighbours that a word lost and gained.

import { grouped, make, note, wordText } from "./dom.js";
import { barList, marksOf, part } from "./lists.js";
import { star } from "./word_card.js";

/**
 * @param {Comparison} found
 * @param {Found[]} changed the words by how much they changed
 * @param {Node} among the choice of the words that are listed
 * @param {Choose} choose
 */
export function changesCard({ names, only, alignment, dimensions, shared, words, kept }, changed, among, choose) {
  const [one = "", other = ""] = names;
  const [left = 0, right = 0] = only;
  const turned = alignment
    ? `The second was rotated onto the first: the mean cosine of a word with itself rose from ${alignment.before.toFixed(2)} to ${alignment.after.toFixed(2)}.`
    : `Their vectors have ${dimensions.join(" and ")} numbers and cannot be aligned, so each has a map of its own.`;
  const list = barList(changed, choose, { format: (share) => `${Math.round(10 * share)} of 10` });
  return [
    make("h2", {}, wordText(one), " and ", wordText(other)),
    make("p", { class: "facts" }, `${grouped(shared)} words in both · ${grouped(left)} only in the first · ${grouped(right)} only in the second`),
    note(`On average ${(10 * kept).toFixed(1)} of a word's ten nearest words are the same, among the ${grouped(words)} most frequent words of both. ${turned}`),
    part("Words that changed most", "How many of the ten nearest words are new; the maps have strong colours where many are. Rare words change by chance.", among, list),
  ];
}

/** @param {Change} change @param {string[]} names @param {Choose} choose */
export function changeCard({ word, row, reason, kept, lost, gained, similarity }, names, choose) {
  const title = [make("p", {}, make("a", { href: "#" }, "All changes")), make("h2", {}, wordText(word))];
  if (row === null) return [...title, note(reason)];
  const itself = similarity === null ? "" : ` · cosine with itself ${similarity.toFixed(3)}`;
  const list = (/** @type {Found[]} */ found) => (found.length ? barList(found, choose) : note("none"));
  return [
    ...title,
    make("p", { class: "facts" }, `${kept.length} of ${kept.length + lost.length} nearest words kept${itself}`),
    part("Lost", `Near it only in ${names[0]}.`, list(lost)),
    part("Gained", `Near it only in ${names[1]}.`, list(gained)),
    part("Kept", `Near it in both, with the cosine in ${names[0]}.`, list(kept)),
  ];
}

/**
 * The marks of a word in one model: its neighbours there, those of this model alone in the colour of what changed.
 * @param {Change} change @param {"lost" | "gained"} own
 */
export function changeMarks({ row, kept, ...change }, own) {
  return star(row, row === null ? [] : [...marksOf("taken", change[own]), ...marksOf("found", kept)]);
}
