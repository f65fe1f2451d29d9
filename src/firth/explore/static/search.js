// The search box: words that begin with what is typed, or are spelt nearly so. Arrow keys choose, Enter asks.

import { ask } from "./api.js";
import { announce, byId, make, wordText } from "./dom.js";

const LAST_WORD = /(?:^|\s[+\-−–>→]\s+|^[+\-−–]\s+)((?:(?!\s[+\-−–>→]\s).)*)$/s;

/**
 * @param {(text: string) => void} submit
 * @returns {HTMLInputElement}
 */
export function searchBox(submit) {
  const input = byId("question", HTMLInputElement);
  const list = byId("suggestions", HTMLElement);
  let chosen = -1;
  let latest = new AbortController();

  const close = () => {
    latest.abort();
    list.hidden = true;
    list.replaceChildren();
    chosen = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };

  const choose = (/** @type {number} */ place) => {
    const options = [...list.children];
    chosen = options.length ? (place + options.length) % options.length : -1;
    options.forEach((option, i) => option.setAttribute("aria-selected", String(i === chosen)));
    const option = options[chosen];
    if (option) {
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    }
  };

  const accept = (/** @type {string} */ word) => {
    const isWhole = typedWord(input.value) === input.value.trimStart();
    input.value = withLastWord(input.value, word);
    close();
    if (isWhole || / [-+−–>→] /.test(input.value)) submit(input.value);
  };

  input.addEventListener("input", async () => {
    latest.abort();
    latest = new AbortController();
    const { signal } = latest;
    const typed = typedWord(input.value);
    if (!typed) return close();
    const found = await ask("suggest", { q: typed }, signal).catch(() => []);
    if (signal.aborted) return;
    list.replaceChildren(...found.map((/** @type {{word: string}} */ { word }, /** @type {number} */ i) => {
      const option = make("li", { role: "option", id: `suggestion-${i}`, "aria-selected": "false" }, wordText(word));
      option.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        accept(word);
      });
      option.dataset["word"] = word;
      return option;
    }));
    chosen = -1;
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(found.length > 0));
    if (!list.hidden) announce(`${found.length} words`);
  });

  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    if (list.hidden || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
    event.preventDefault();
    choose(event.key === "ArrowDown" ? chosen + 1 : chosen < 0 ? -1 : chosen - 1);
  });
  input.addEventListener("blur", close);

  byId("search", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const option = list.children[chosen];
    if (option instanceof HTMLElement) return accept(option.dataset["word"] ?? "");
    close();
    if (input.value.trim()) submit(input.value);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target === input) return;
    event.preventDefault();
    input.select();
    input.focus();
  });
  return input;
}

/**
 * Return the word that is being typed: the text after the last sign.
 * @param {string} text
 */
function typedWord(text) {
  return LAST_WORD.exec(text)?.[1]?.trimStart() ?? text.trim();
}

/**
 * @param {string} text @param {string} word
 */
function withLastWord(text, word) {
  return text.slice(0, text.length - typedWord(text).length) + word;
}
