// What is seen, as the fragment of the address: a question or an area, the words that are searched, the map and its colours.

/** @typedef {{q: string, area: string, among: number, map: string, colour: string, at: string}} View */

const DEFAULT_AMONG = 30_000;

/**
 * Return the view in the address.
 * @param {number} words the size of the vocabulary
 * @returns {View}
 */
export function readView(words) {
  const given = new URLSearchParams(location.hash.slice(1));
  const among = Number(given.get("among") ?? DEFAULT_AMONG);
  return {
    q: given.get("q") ?? "",
    area: given.get("area") ?? "",
    among: Number.isInteger(among) && among > 0 ? Math.max(1, Math.min(among, words)) : words,
    map: given.get("map") ?? "",
    colour: given.get("colour") ?? "frequency",
    at: given.get("at") ?? "",
  };
}

/**
 * Put a view into the address, as a new entry of the history or in place of the last one.
 * @param {View} view @param {boolean} isNew
 */
export function writeView(view, isNew) {
  const parts = Object.entries(view).filter(([, value]) => value !== "").map(([name, value]) => [name, String(value)]);
  const address = `#${new URLSearchParams(parts)}`;
  if (address === location.hash || location.protocol === "about:") return; // a notebook's frame has no address
  if (isNew) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}
