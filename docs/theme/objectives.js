// The mathematics of firth.objectives for one pair of words, in the same order of steps. No page is needed.

/** @typedef {{loss: number, scores: number[], probabilities: number[], error: number[], center: number[], outside: number[][]}} PairGradients */

/** @param {number} x */
export function sigmoid(x) {
  const small = Math.exp(-Math.abs(x)); // never overflows
  return (x >= 0 ? 1 : small) / (1 + small);
}

/** @param {number} x */
export function logSigmoid(x) {
  return Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)));
}

/** @param {number[]} scores */
export function logSoftmax(scores) {
  const most = Math.max(...scores); // the same result; no exp overflows
  const total = Math.log(scores.reduce((sum, score) => sum + Math.exp(score - most), 0));
  return scores.map((score) => score - most - total);
}

/** @param {number[]} a @param {number[]} b */
export function dot(a, b) {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}

/** @param {number} factor @param {number[]} vector */
export function scale(factor, vector) {
  return vector.map((value) => factor * value);
}

/** @param {number[]} a @param {number[]} b */
export function add(a, b) {
  return a.map((value, i) => value + (b[i] ?? 0));
}

/**
 * The naive softmax: J = -log ŷ_o with ŷ = softmax(U v_c), error ŷ - y, ∂J/∂v_c = Uᵀ(ŷ - y), ∂J/∂U = (ŷ - y) v_cᵀ.
 * @param {number[]} center v_c @param {number} outside o, a row of U @param {number[][]} U
 * @returns {PairGradients}
 */
export function naiveSoftmax(center, outside, U) {
  const scores = U.map((row) => dot(row, center));
  const logs = logSoftmax(scores);
  const probabilities = logs.map(Math.exp);
  const error = probabilities.map((share, row) => share - (row === outside ? 1 : 0));
  return {
    loss: -(logs[outside] ?? NaN), scores, probabilities, error,
    center: weightedSum(error, U), outside: error.map((value) => scale(value, center)),
  };
}

/**
 * Negative sampling: J = -log σ(u_o·v_c) - Σ_k log σ(-u_k·v_c). Scores, probabilities σ(s) and the error
 * e = σ(s) - (1, 0, ...) are those of o and of each noise word; the gradient by U has the rows of U.
 * @param {number[]} center v_c @param {number} outside o, a row of U
 * @param {number[]} negatives rows of U @param {number[][]} U
 * @returns {PairGradients}
 */
export function negativeSampling(center, outside, negatives, U) {
  const drawn = [outside, ...negatives];
  const rows = drawn.map((row) => U[row] ?? []);
  const scores = rows.map((row) => dot(row, center));
  const probabilities = scores.map(sigmoid);
  const error = scores.map((score, i) => (i === 0 ? -sigmoid(-score) : sigmoid(score)));
  const loss = -scores.reduce((sum, score, i) => sum + logSigmoid(i === 0 ? score : -score), 0);
  const gradients = U.map((_, row) =>
    drawn.reduce((sum, word, i) => (word === row ? add(sum, scale(error[i] ?? 0, center)) : sum), scale(0, center)));
  return { loss, scores, probabilities, error, center: weightedSum(error, rows), outside: gradients };
}

/** @param {number[]} weights @param {number[][]} rows */
function weightedSum(weights, rows) {
  return rows.reduce((sum, row, i) => add(sum, scale(weights[i] ?? 0, row)), scale(0, rows[0] ?? []));
}
