// Data that the server may have to compute first, with the share that is done on the page.

import { download } from "./api.js";
import { byId } from "./dom.js";

/** @param {string} text */
export function say(text) {
  byId("progress").textContent = text;
}

/** @param {string} what is done meanwhile @param {string} name @param {Values} parameters */
export async function computed(what, name, parameters = {}) {
  const found = await download(name, parameters, (share) => say(`${what}: ${Math.round(100 * share)} %`));
  say("");
  return found;
}
