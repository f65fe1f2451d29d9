// One pair of words by hand: the vectors of the derivation's example, every number that follows from them, and a step.

import { add, naiveSoftmax, negativeSampling, scale } from "./objectives.js";

export const WORDS = ["I", "He", "We"];
const OUTSIDE = 2; // the center word is "I", the outside word "We"
const NOISE = [0, 1];

/** @typedef {{loss: string, rate: number, center: number[], U: number[][]}} Pair */
/** @typedef {{symbol: string, formula: string, equation: string, value: number | number[] | number[][]}} Quantity */

/** @type {Pair} */
export const EXAMPLE = { loss: "softmax", rate: 0.5, center: [0.5, 1], U: [[0.4, -0.2], [0.1, 0.3], [-0.3, 0.6]] };

/** @param {Pair} pair */
export function gradients({ loss, center, U }) {
  return loss === "softmax" ? naiveSoftmax(center, OUTSIDE, U) : negativeSampling(center, OUTSIDE, NOISE, U);
}

/** Return the pair after a step against the gradient. @param {Pair} pair */
export function afterStep(pair) {
  const found = gradients(pair);
  const step = (/** @type {number[]} */ vector, /** @type {number[]} */ by) => add(vector, scale(-pair.rate, by));
  return { ...pair, center: step(pair.center, found.center), U: pair.U.map((row, i) => step(row, found.outside[i] ?? [])) };
}

/** Return every number of the pair: symbol, formula, the number of the equation in the derivation, and the value. @param {Pair} pair @returns {Quantity[]} */
export function quantities(pair) {
  const { loss, scores, probabilities, error, center, outside } = gradients(pair);
  const after = afterStep(pair);
  const row = (/** @type {string} */ symbol, /** @type {string} */ formula, /** @type {string} */ equation, /** @type {number | number[] | number[][]} */ value) => ({ symbol, formula, equation, value });
  const before = pair.loss === "softmax"
    ? [
      row("z", "U v_c", "", scores), row("ŷ", "softmax(z)", "2", probabilities), row("y", "one-hot vector of “We”", "", [0, 0, 1]),
      row("J", "−log ŷ_o", "5a", loss), row("e", "ŷ − y", "7", error),
      row("∂J/∂U", "e v_cᵀ, as rows", "8", outside), row("∂J/∂v_c", "Uᵀ e", "9", center),
    ]
    : [
      row("s", "(u_o, u_k1, u_k2) · v_c", "17b", scores), row("σ(s)", "probability of being from the text", "4", probabilities),
      row("J", "−log σ(s_0) − log σ(−s_1) − log σ(−s_2)", "16", loss), row("e", "σ(s) − (1, 0, 0)", "17b", error),
      row("∂J/∂v_c", "e_0 u_o + e_1 u_k1 + e_2 u_k2", "17", center), row("∂J/∂U", "e_1 v_c, e_2 v_c and e_0 v_c, as rows", "17a", outside),
    ];
  return [
    ...before, row("v_c", "after the step v_c − η ∂J/∂v_c", "", after.center), row("U", "after the step U − η ∂J/∂U", "", after.U),
    row("J", "after the step", "", gradients(after).loss),
  ];
}

/** Return the line of Python that computes the loss and both gradients. @param {Pair} pair */
export function python({ loss, center, U }) {
  const list = (/** @type {number[] | number[][]} */ values) => JSON.stringify(values).replaceAll(",", ", ");
  const [name, noise] = loss === "softmax" ? ["naive_softmax", ""] : ["negative_sampling", `, ${list(NOISE)}`];
  return `firth.objectives.${name}(${list(center)}, ${OUTSIDE}${noise}, ${list(U)})`;
}
