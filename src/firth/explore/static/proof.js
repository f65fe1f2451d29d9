// The page of the proof: the gradient check as a picture, and one pair of words by hand. The address holds the view.

import { ask } from "./api.js";
import { announce, button, byId, make } from "./dom.js";
import { savePicture } from "./drawing.js";
import { gradientPicture } from "./gradient_picture.js";
import { afterStep, EXAMPLE, python, quantities, WORDS } from "./pair.js";
import { plane } from "./plane.js";
import { takeAway } from "./takeaway.js";
import { onThemeChange } from "./theme.js";

const seedInput = byId("seed", HTMLInputElement);
const equations = byId("equation", HTMLSelectElement);
const rules = byId("loss", HTMLSelectElement);
/** @type {import("./gradient_picture.js").Check[]} */
let checks = [];
let seed = 1;
let pair = EXAMPLE;

/** Take the view out of the address; what it lacks, or what is no number, is as in the example. */
function read() {
  const given = new URLSearchParams(location.hash.slice(1));
  const numbers = (given.get("at") ?? "").split(",").map(Number);
  const [c0, c1, a0, a1, b0, b1, d0, d1, rate] = numbers.length === 9 && numbers.every(Number.isFinite) ? numbers : numbersOf(EXAMPLE);
  pair = {
    loss: given.get("loss") === "sampling" ? "sampling" : "softmax", rate: rate ?? 0,
    center: [c0 ?? 0, c1 ?? 0], U: [[a0 ?? 0, a1 ?? 0], [b0 ?? 0, b1 ?? 0], [d0 ?? 0, d1 ?? 0]],
  };
  seedInput.value = given.get("seed") ?? "1";
  equations.dataset["wanted"] = given.get("equation") ?? "";
}

function write() {
  const parts = { seed: String(seed), equation: equations.value, loss: pair.loss, at: numbersOf(pair).join(",") };
  history.replaceState(null, "", `#${new URLSearchParams(Object.entries(parts).filter(([, value]) => value !== ""))}`);
}

/** @param {import("./pair.js").Pair} values */
function numbersOf({ center, U, rate }) {
  return [...center, ...U.flat(), rate];
}

async function check() {
  const number = Number(seedInput.value);
  seed = Number.isInteger(number) && number >= 0 && number <= 1e6 ? number : 1;
  seedInput.value = String(seed);
  byId("verdict", HTMLElement).textContent = "Comparing …";
  checks = await ask("gradcheck", { seed });
  const wanted = equations.dataset["wanted"] ?? equations.value;
  equations.replaceChildren(make("option", { value: "" }, "all equations"), ...checks.map(({ name }) => make("option", { value: name }, name)));
  equations.value = checks.some(({ name }) => name === wanted) ? wanted : "";
  showCheck();
}

function showCheck() {
  const chosen = checks.find(({ name }) => name === equations.value);
  const right = checks.filter(({ passed }) => passed).length;
  const verdict = chosen
    ? `${chosen.equation} · largest difference ${chosen.difference.toExponential(1)}, allowed ${chosen.tolerance.toExponential(1)}: ${chosen.passed ? "right" : "WRONG"}`
    : `${right} of ${checks.length} gradients agree with central differences`;
  const svg = gradientPicture(checks, equations.value, (name) => choose(name === equations.value ? "" : name));
  byId("verdict", HTMLElement).textContent = verdict;
  byId("gradients", HTMLElement).replaceChildren(svg, takeAway(`firth.gradcheck.check_gradients(seed=${seed})`, () => savePicture(svg, "gradcheck.svg")));
  announce(verdict);
  write();
}

/** @param {string} name */
function choose(name) {
  equations.value = name;
  equations.dataset["wanted"] = equations.value;
  showCheck();
}

function showPair() {
  const svg = plane(pair, (vector, value) => setPair(vector === 0 ? { center: value } : { U: pair.U.map((row, i) => (i === vector - 1 ? value : row)) }));
  byId("plane", HTMLElement).replaceChildren(svg);
  rules.value = pair.loss;
  numbersOf(pair).forEach((value, i) => {
    const input = inputs[i];
    if (input && Number(input.value) !== value) input.value = String(Number(value.toFixed(6)));
  });
  byId("numbers", HTMLElement).replaceChildren(...quantities(pair).map(({ symbol, formula, equation, value }) =>
    make("tr", {}, make("th", { scope: "row" }, symbol), make("td", { class: "value", "data-value": JSON.stringify(value) }, shownNumbers(value)),
      make("td", {}, formula), make("td", {}, equation && `(${equation})`))));
  byId("taken", HTMLElement).replaceChildren(takeAway(python(pair), () => savePicture(svg, "pair.svg")));
  write();
}

/** @param {number | number[] | number[][]} value @returns {string} */
function shownNumbers(value) {
  return typeof value === "number" ? value.toFixed(4).replace("-", "−") : `[${value.map(shownNumbers).join(" ")}]`;
}

/** @param {Partial<import("./pair.js").Pair>} changes */
function setPair(changes) {
  pair = { ...pair, ...changes };
  showPair();
}

const names = ["v_c", ...WORDS.map((word) => `u_${word}`)].flatMap((name) => [`${name}, first number`, `${name}, second number`]);
const inputs = [...names, "learning rate η"].map((label) => {
  const input = make("input", { type: "number", step: "0.1", min: "-100", max: "100", "aria-label": label });
  input.addEventListener("input", () => {
    const numbers = inputs.map(({ valueAsNumber }, i) => (Math.abs(valueAsNumber) <= 100 ? valueAsNumber : numbersOf(pair)[i] ?? 0));
    setPair({ center: numbers.slice(0, 2), U: [numbers.slice(2, 4), numbers.slice(4, 6), numbers.slice(6, 8)], rate: numbers[8] ?? 0 });
  });
  return input;
});
["v_c", ...WORDS.map((word) => `u_${word}`), "η"].forEach((name, i) =>
  byId("vectors", HTMLElement).append(make("p", {}, make("span", {}, name), ...inputs.slice(2 * i, 2 * i + 2))));
byId("steps", HTMLElement).append(
  button("Take the step", () => setPair(afterStep(pair))), button("Back to the example", () => setPair({ ...EXAMPLE, loss: pair.loss })));
rules.addEventListener("change", () => setPair({ loss: rules.value }));
equations.addEventListener("change", () => choose(equations.value));
seedInput.addEventListener("change", check);
onThemeChange(() => (showPair(), showCheck()));
addEventListener("hashchange", () => (read(), showPair(), check()));
read();
showPair();
await check();
Object.assign(document.documentElement.dataset, { ready: "true" });
