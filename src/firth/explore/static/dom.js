// Elements. Words are untrusted text: they reach the page through `textContent` alone, never as markup.

/**
 * Return a new element. Text among the children becomes text nodes.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Return a paragraph that explains something. @param {(Node | string)[]} children */
export function note(...children) {
  return make("p", { class: "note" }, ...children);
}

/**
 * Return the element with an id, of the given class.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id @param {new () => T} [kind]
 */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof (kind ?? HTMLElement))) throw new Error(`the page lacks the element ${id}`);
  return /** @type {T} */ (element);
}

/**
 * Return a button that does something.
 * @param {Node | string} text @param {() => void} action @param {Record<string, string>} attributes
 */
export function button(text, action, attributes = {}) {
  const element = make("button", { type: "button", ...attributes }, text);
  element.addEventListener("click", action);
  return element;
}

/** Return a button that asks for a word. @param {string} word @param {Choose} choose @param {string} [shape] its class */
export function wordButton(word, choose, shape = "chip") {
  return button(wordText(word), () => choose(word), { class: shape });
}

/**
 * Return a choice, with its name before it.
 * @param {string} name @param {[string, string][]} options values and texts @param {Choose} action
 */
export function choice(name, options, action) {
  const select = make("select", {}, ...options.map(([value, text]) => make("option", { value }, text)));
  select.addEventListener("change", () => action(select.value));
  return { select, label: make("label", {}, `${name} `, select) };
}

/**
 * Return an element that isolates the direction of a word, so that right-to-left text does not reorder its line.
 * @param {string} word
 */
export function wordText(word) {
  return make("bdi", {}, shown(word));
}

/** Return a word with its control characters visible. @param {string} word */
export function shown(word) {
  const visible = word.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (character) =>
    `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return visible.trim() === "" ? visible.replace(/\s/g, "␣") || "(empty)" : visible;
}

/** Return a number with its thousands separated. @param {number} number */
export function grouped(number) {
  return number.toLocaleString("en");
}

/** Say something to screen readers. @param {string} text */
export function announce(text) {
  byId("status").textContent = text;
}

/** Note on the page what it shows, for tests. @param {Record<string, string>} values */
export function noteState(values) {
  Object.assign(document.documentElement.dataset, values);
}
