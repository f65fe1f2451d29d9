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

/**
 * Return the element with an id, of the given class.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page has no ${kind.name} with the id ${id}`);
  return element;
}

/**
 * Return a button that does something.
 * @param {string} text
 * @param {() => void} action
 * @param {Record<string, string>} attributes
 */
export function button(text, action, attributes = {}) {
  const element = make("button", { type: "button", ...attributes }, text);
  element.addEventListener("click", action);
  return element;
}

/**
 * Return an element that isolates the direction of a word, so that right-to-left text does not reorder its line.
 * @param {string} word
 */
export function wordText(word) {
  return make("bdi", {}, shown(word));
}

/**
 * Return a word with its control characters visible.
 * @param {string} word
 */
export function shown(word) {
  const visible = word.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (character) =>
    `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return visible.trim() === "" ? visible.replace(/\s/g, "␣") || "(empty)" : visible;
}

/**
 * Say something to screen readers, and show it for a moment.
 * @param {string} text
 */
export function announce(text) {
  byId("status", HTMLElement).textContent = text;
}
