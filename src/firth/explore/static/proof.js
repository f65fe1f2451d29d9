// The page of the proof: the gradient check as a picture, and one pair of words by hand. The address holds the view.

import { ask } from "./api.js";
import { announce, button, byId, make, noteState } from "./dom.js";
import { gradientPicture } from "./gradient_picture.js";
import { plane } from "./plane.js";
import { takeAway } from "./takeaway.js";
import { onThemeChange } from "./theme.js";
import { fragment, writeView } from "./view.js";

/** @typedef {number | number[] | number[][]} Numbers */
/** @typedef {{pair: number[], after: number[], quantities: [string, string, string, Numbers][], python: string}} Pair */

const VECTORS = ["v_c", "u_I", "u_He", "u_We"];
const LARGEST = 100; // of the numbers that can be typed
const LARGEST_KNOWN = 1e6; // that the server takes
const seedInput = byId("seed", HTMLInputElement);
const equations = byId("equation", HTMLSelectElement);
const losses = byId("loss", HTMLSelectElement);
/** @type {import("./gradient_picture.js").Check[]} */
let checks = [];
let equation = ""; // the name of the one that is chosen; none for all
let seed = 1;
/** @type {number[]} */
let numbers = []; // of the pair: two of each vector, and the learning rate
/** @type {Pair} */
let found = { pair: [], after: [], quantities: [], python: "" };

/** Take the view out of the address; what it lacks, or what is not a number, is as in the example. */
function read() {
  const given = fragment();
  seedInput.value = given.get("seed") ?? "1";
  equation = given.get("equation") ?? "";
  losses.value = given.get("loss") === "sampling" ? "sampling" : "softmax";
  const at = (given.get("at") ?? "").split(",").map(Number);
  return at.length === inputs.length && at.every((value) => Math.abs(value) <= LARGEST_KNOWN) ? at : [];
}

function write() {
  writeView({ seed, equation, loss: losses.value, at: numbers.join(",") }, false);
}

async function check() {
  const number = Number(seedInput.value);
  seed = Number.isInteger(number) && number >= 0 && number <= 1e6 ? number : 1;
  seedInput.value = String(seed);
  byId("verdict").textContent = "Comparing …";
  checks = await ask("gradcheck", { seed });
  const options = checks.map(({ name }) => make("option", { value: name }, name));
  equations.replaceChildren(make("option", { value: "" }, "all equations"), ...options);
  choose(equation);
}

/** @param {string} name */
function choose(name) {
  const chosen = checks.find((check) => check.name === name);
  equation = equations.value = chosen?.name ?? "";
  const svg = gradientPicture(checks, equation, (other) => choose(other === equation ? "" : other));
  const verdict = chosen
    ? `${chosen.equation} · largest difference ${chosen.difference.toExponential(1)}, allowed ${chosen.tolerance.toExponential(1)}: ${chosen.passed ? "right" : "WRONG"}`
    : svg.getAttribute("aria-label") ?? "";
  byId("verdict").textContent = verdict;
  byId("gradients").replaceChildren(svg, takeAway(`firth.gradcheck.check_gradients(seed=${seed})`, () => svg, "gradcheck.svg"));
  announce(verdict);
  write();
}

/** Show a pair, none for the example, when the server has computed it. @param {number[]} wanted */
async function setPair(wanted) {
  numbers = wanted;
  noteState({ pair: "wanted" });
  const answer = await ask("pair", { loss: losses.value, numbers: wanted.join(",") }).catch((error) => announce(error.message));
  if (numbers !== wanted) return; // another pair is wanted meanwhile
  found = answer ?? found;
  numbers = found.pair;
  showPair();
  noteState({ pair: "computed" });
}

function showPair() {
  const names = VECTORS.map((name, i) => (i ? name : "v_c = v_I"));
  const svg = plane(names, numbers, found.after, (vector, value) => setPair(numbers.toSpliced(2 * vector, 2, ...value)));
  inputs.forEach((input, i) => {
    if (Number(input.value) !== numbers[i]) input.value = String(Number(numbers[i]?.toFixed(6)));
  });
  byId("plane").replaceChildren(svg);
  byId("numbers").replaceChildren(...found.quantities.map(([symbol, formula, equation, value]) =>
    make("tr", {}, make("th", { scope: "row" }, symbol), make("td", { class: "value", "data-value": JSON.stringify(value) }, shownNumbers(value)),
      make("td", {}, formula), make("td", {}, equation && `(${equation})`))));
  byId("taken").replaceChildren(takeAway(found.python, () => svg, "pair.svg"));
  write();
}

/** @param {Numbers} value @returns {string} */
function shownNumbers(value) {
  return typeof value === "number" ? value.toFixed(4).replace("-", "−") : `[${value.map(shownNumbers).join(" ")}]`;
}

const labels = [...VECTORS.flatMap((name) => [`${name}, first number`, `${name}, second number`]), "learning rate η"];
const inputs = labels.map((label) => {
  const input = make("input", { type: "number", step: "0.1", min: `${-LARGEST}`, max: `${LARGEST}`, "aria-label": label });
  input.addEventListener("input", () =>
    setPair(inputs.map(({ valueAsNumber }, i) => (Math.abs(valueAsNumber) <= LARGEST ? valueAsNumber : numbers[i] ?? 0))));
  return input;
});
[...VECTORS, "η"].forEach((name, i) => byId("vectors").append(make("p", {}, make("span", {}, name), ...inputs.slice(2 * i, 2 * i + 2))));
byId("steps").append(button("Take the step", () => setPair(found.after)), button("Back to the example", () => setPair([])));
losses.addEventListener("change", () => setPair([...numbers]));
equations.addEventListener("change", () => choose(equations.value));
seedInput.addEventListener("change", check);
onThemeChange(() => (showPair(), choose(equation)));
addEventListener("hashchange", () => (setPair(read()), check()));
await setPair(read());
await check();
noteState({ ready: "true" });
