// The search box: words that begin with what is typed, or are spelt nearly so. Arrow keys choose, Enter asks.

import { ask } from "./api.js";
import { announce, byId, make, wordText } from "./dom.js";

const LAST_WORD = /(?:^|\s[+\-−–>→]\s+|^[+\-−–]\s+)((?:(?!\s[+\-−–>→]\s).)*)$/s;

/** Fill the element "search" with the box, and return its input. @param {string} example @param {Choose} submit */
export function searchBox(example, submit) {
  const input = make("input", {
    id: "question", type: "search", role: "combobox", "aria-expanded": "false", "aria-controls": "suggestions",
    "aria-autocomplete": "list", "aria-label": example, placeholder: example, maxlength: "1024", spellcheck: "false",
    autocapitalize: "none", enterkeyhint: "search",
  });
  const list = make("ul", { id: "suggestions", role: "listbox", "aria-label": "Words", hidden: "" });
  const form = make("form", { autocomplete: "off" }, input, make("button", {}, "Ask"), list);
  byId("search").append(form);
  /** @type {string[]} */
  let words = [];
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
    const typed = typedWord(input.value);
    const isWhole = typed === input.value.trimStart();
    input.value = input.value.slice(0, input.value.length - typed.length) + word;
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
    words = found.map((/** @type {{word: string}} */ { word }) => word);
    list.replaceChildren(...words.map((word, i) => {
      const option = make("li", { role: "option", id: `suggestion-${i}`, "aria-selected": "false" }, wordText(word));
      option.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        accept(word);
      });
      return option;
    }));
    chosen = -1;
    list.hidden = !words.length;
    input.setAttribute("aria-expanded", String(words.length > 0));
    if (!list.hidden) announce(`${words.length} words`);
  });

  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    if (list.hidden || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
    event.preventDefault();
    choose(event.key === "ArrowDown" ? chosen + 1 : chosen < 0 ? -1 : chosen - 1);
  });
  input.addEventListener("blur", close);

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const word = list.hidden ? undefined : words[chosen];
    if (word !== undefined) return accept(word);
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

/** Return the word that is being typed: the text after the last sign. @param {string} text */
function typedWord(text) {
  return LAST_WORD.exec(text)?.[1]?.trimStart() ?? text.trim();
}
