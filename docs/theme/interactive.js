// The interactive page of the derivation: both losses of one pair, with every gradient beside central differences.

import { dot, naiveSoftmax, negativeSampling, sigmoid } from "./objectives.js";

/** @typedef {{center: number[], U: number[][], outside: number, K: number, power: number, draws: number[]}} State */
/** @typedef {{loss: number, error: number[], probabilities: number[], center: number[], outside: number[][]}} Gradients */

const WORDS = ["I", "He", "We"];
const COUNTS = [8, 3, 1];
const MOST_NOISE = 10;
const STEP = Math.cbrt(Number.EPSILON); // of a central difference: firth.objectives.STEP

/** @type {State} the example of the derivation; the first two draws are the noise words “I” and “He” */
const EXAMPLE = {
  center: [0.5, 1], U: [[0.4, -0.2], [0.1, 0.3], [-0.3, 0.6]], outside: 2, K: 2, power: 0.75,
  draws: [0.3, 0.7, 0.1, 0.95, 0.5, 0.8, 0.2, 0.65, 0.4, 0.9],
};

const ENGLISH = {
  vectors: "Vectors", choices: "Pair and noise", outside: "outside word", K: "K, noise words", power: "power of the counts",
  again: "Draw other noise words", reset: "Back to the example", words: "Words", word: "word", count: "count",
  drawn: "drawn", softmax: "Naive softmax", sampling: "Negative sampling", by: "gradient by", formula: "formula",
  measured: "measured", difference: "difference", first: "first number", second: "second number",
};
/** @type {typeof ENGLISH} */
const KOREAN = {
  vectors: "벡터", choices: "쌍과 잡음 단어", outside: "주변 단어", K: "잡음 단어의 수 K", power: "빈도의 지수",
  again: "잡음 단어 다시 뽑기", reset: "처음 예로 되돌리기", words: "단어", word: "단어", count: "빈도",
  drawn: "뽑힌 횟수", softmax: "나이브 소프트맥스", sampling: "네거티브 샘플링", by: "변수", formula: "공식",
  measured: "중심 차분", difference: "차이", first: "첫째 성분", second: "둘째 성분",
};
const LABELS = document.documentElement.lang === "ko" ? KOREAN : ENGLISH;

/** @param {number} power @returns {number[]} P_n of each word */
function noiseDistribution(power) {
  const weights = COUNTS.map((count) => count ** power);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** @param {State} state @returns {number[]} the K noise words: each draw from 0 to 1 falls into the share of a word */
function noiseWords({ K, power, draws }) {
  const shares = noiseDistribution(power);
  return draws.slice(0, K).map((draw) => {
    let [word, left] = [0, draw];
    while (word < shares.length - 1 && left >= (shares[word] ?? 1)) left -= shares[word++] ?? 1;
    return word;
  });
}

/** @param {State} state @returns {Record<"softmax" | "sampling", (center: number[], U: number[][]) => Gradients>} */
function losses(state) {
  const noise = noiseWords(state);
  return {
    softmax: (center, U) => naiveSoftmax(center, state.outside, U),
    sampling: (center, U) => negativeSampling(center, state.outside, noise, U),
  };
}

/**
 * Return the derivative of a loss by each number of v_c and U, from the loss alone.
 * @param {(center: number[], U: number[][]) => Gradients} loss @param {State} state
 */
function centralDifferences(loss, { center, U }) {
  const numbers = [...center, ...U.flat()];
  return numbers.map((number, i) => {
    const h = STEP * Math.max(1, Math.abs(number));
    const at = (/** @type {number} */ moved) => {
      const all = numbers.with(i, moved);
      return loss(all.slice(0, 2), U.map((_, row) => all.slice(2 + 2 * row, 4 + 2 * row))).loss;
    };
    return (at(number + h) - at(number - h)) / (number + h - (number - h));
  });
}

/** @param {string} tag @param {Record<string, string>} attributes @param {(Node | string)[]} children */
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(...children);
  return element;
}

/** @param {string} name a symbol, whose index follows “_” */
function symbol(name) {
  const [letter = "", index = ""] = name.split("_");
  return make("span", {}, make("i", {}, letter), make("sub", {}, index));
}

/** @param {number} value @param {number} digits */
function shown(value, digits = 4) {
  return value.toFixed(digits).replace("-", "−");
}

/**
 * Return a slider with its label and value.
 * @param {string} id @param {Node | string} label @param {[number, number, number]} range least, most and step
 * @param {(value: number) => void} changed
 */
function slider(id, label, [min, max, step], changed) {
  const input = /** @type {HTMLInputElement} */ (
    make("input", { type: "range", id, min: String(min), max: String(max), step: String(step) }));
  input.addEventListener("input", () => changed(input.valueAsNumber));
  return make("label", {}, make("span", {}, label), input, make("output", { for: id }));
}

/** @param {string} caption @param {string[]} heads @param {string} id */
function table(caption, heads, id) {
  const head = make("thead", {}, make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text))));
  return make("table", { class: "numbers" }, make("caption", {}, caption), head, make("tbody", { id }));
}

/** @param {(Node | string)[]} cells @param {number} value kept in full, for a reader who wants every digit */
function rowOf(cells, value) {
  const [first = "", ...others] = cells;
  return make("tr", { title: String(value) }, make("th", { scope: "row" }, first), ...others.map((cell) => make("td", {}, cell)));
}

const VECTORS = ["v_c", ...WORDS.map((word) => `u_${word}`)];

/** @param {HTMLElement} page */
function start(page) {
  let state = EXAMPLE;
  const set = (/** @type {Partial<State>} */ changes) => show(page, (state = { ...state, ...changes }));
  const moved = (/** @type {number} */ i) => (/** @type {number} */ value) => {
    const numbers = [...state.center, ...state.U.flat()].with(i, value);
    set({ center: numbers.slice(0, 2), U: state.U.map((_, row) => numbers.slice(2 + 2 * row, 4 + 2 * row)) });
  };
  const vectors = VECTORS.map((name, row) => make("p", {}, symbol(name), ...[LABELS.first, LABELS.second].map((text, column) => {
    const each = slider(`number-${2 * row + column}`, "", [-2, 2, 0.01], moved(2 * row + column));
    each.querySelector("input")?.setAttribute("aria-label", `${name}, ${text}`);
    return each;
  })));
  const outside = make("select", { id: "outside" }, ...WORDS.map((word, i) => make("option", { value: String(i) }, word)));
  outside.addEventListener("change", () => set({ outside: Number(/** @type {HTMLSelectElement} */ (outside).value) }));
  const again = make("button", { type: "button", id: "again" }, LABELS.again);
  again.addEventListener("click", () => set({ draws: state.draws.map(Math.random) }));
  const reset = make("button", { type: "button", id: "reset" }, LABELS.reset);
  reset.addEventListener("click", () => set(EXAMPLE));
  const gradientHeads = [LABELS.by, LABELS.formula, LABELS.measured, LABELS.difference];
  page.replaceChildren(
    make("fieldset", {}, make("legend", {}, LABELS.vectors), ...vectors),
    make("fieldset", {}, make("legend", {}, LABELS.choices), make("label", {}, make("span", {}, LABELS.outside), outside),
      slider("K", LABELS.K, [0, MOST_NOISE, 1], (K) => set({ K })), slider("power", LABELS.power, [0, 1, 0.05], (power) => set({ power })),
      make("p", {}, again, reset)),
    table(LABELS.words, [LABELS.word, LABELS.count, "Pₙ", LABELS.drawn, "u · v", "ŷ", "σ"], "words"),
    ...["softmax", "sampling"].map((name) => make("section", { id: name }, make("p", { class: "loss" }),
      table(LABELS[/** @type {"softmax" | "sampling"} */ (name)], gradientHeads, `${name}-gradients`))),
  );
  show(page, state);
}

/** @param {HTMLElement} page @param {State} state */
function show(page, state) {
  const { center, U, outside, K, power } = state;
  const find = (/** @type {string} */ id) => /** @type {HTMLElement} */ (page.querySelector(`#${id}`));
  const values = { K, power, ...Object.fromEntries([...center, ...U.flat()].map((value, i) => [`number-${i}`, value])) };
  Object.entries(values).forEach(([id, value]) => {
    const input = /** @type {HTMLInputElement} */ (find(id));
    if (input.valueAsNumber !== value) input.value = String(value);
    if (input.nextElementSibling) input.nextElementSibling.textContent = shown(value, id === "K" ? 0 : 2);
  });
  /** @type {HTMLSelectElement} */ (find("outside")).value = String(outside);

  const both = losses(state);
  const [P_n, noise, { probabilities }] = [noiseDistribution(power), noiseWords(state), both.softmax(center, U)];
  find("words").replaceChildren(...WORDS.map((word, w) => {
    const score = dot(U[w] ?? [], center);
    const drawn = noise.filter((each) => each === w).length;
    const numbers = [score, probabilities[w] ?? NaN, sigmoid(score)].map((each) => shown(each, 3));
    return rowOf([word, String(COUNTS[w]), shown(P_n[w] ?? NaN, 3), String(drawn), ...numbers], score);
  }));
  Object.entries(both).forEach(([name, loss]) => showGradients(find(name), loss, state));
  page.dataset["state"] = JSON.stringify({ ...state, noise, P_n });
}

/**
 * Write the loss, its error, and each number of its gradients.
 * @param {HTMLElement} section @param {(center: number[], U: number[][]) => Gradients} loss @param {State} state
 */
function showGradients(section, loss, state) {
  const found = loss(state.center, state.U);
  const measured = centralDifferences(loss, state);
  const formula = [...found.center, ...found.outside.flat()];
  const e = found.error.map((value) => shown(value)).join(", ");
  section.querySelector(".loss")?.replaceChildren(make("i", {}, "J"), ` = ${shown(found.loss, 6)}, `, make("i", {}, "e"), ` = (${e})`);
  section.querySelector("tbody")?.replaceChildren(...formula.map((value, i) => {
    const name = make("span", {}, symbol(VECTORS[Math.floor(i / 2)] ?? ""), `, ${1 + (i % 2)}`);
    const difference = Math.abs(value - (measured[i] ?? NaN));
    return rowOf([name, shown(value, 6), shown(measured[i] ?? NaN, 6), difference.toExponential(0).replace("-", "−")], value);
  }));
  section.dataset["values"] = JSON.stringify({ loss: found.loss, error: found.error, formula, measured });
}

for (const page of document.querySelectorAll(".interactive")) start(/** @type {HTMLElement} */ (page));
