// What a person takes away from a view: its address, a line of Python, and its picture.

import { announce, button, make } from "./dom.js";

/** @param {string} python @param {() => Element} picture @param {string} file @param {Node[]} more */
export function takeAway(python, picture, file, ...more) {
  return make("div", { class: "take" },
    make("p", { class: "python" }, make("code", {}, python)),
    button("Copy Python", () => copy(python, "Python")),
    button("Copy link", () => copy(location.href, "link")),
    button("Save picture", () => save(picture(), file)),
    ...more);
}

/** Put text into the clipboard, and say so. @param {string} text @param {string} what */
export function copy(text, what) {
  navigator.clipboard.writeText(text).then(() => announce(`${what} copied`), () => announce("the browser does not allow copying"));
}

/** Save a picture as a file. @param {Element} svg @param {string} download the name */
export function save(svg, download) {
  const text = new XMLSerializer().serializeToString(svg);
  const href = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  make("a", { href, download }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}
