// What is seen, as the fragment of the address: a question or an area, the words searched, the map and its colours.

/** Return the parts of the address after the number sign. */
export function fragment() {
  return new URLSearchParams(location.hash.slice(1));
}

/**
 * Return the view in the address.
 * @param {number} words the size of the vocabulary @param {number} most of them that are searched, unless it is given
 * @returns {View}
 */
export function readView(words, most) {
  const given = fragment();
  const among = Number(given.get("among") ?? most);
  return {
    q: given.get("q") ?? "",
    area: given.get("area") ?? "",
    among: Math.max(1, Number.isInteger(among) && among > 0 ? Math.min(among, words) : words),
    map: given.get("map") ?? "",
    colour: given.get("colour") ?? "frequency",
    at: given.get("at") ?? "",
  };
}

/**
 * Put a view into the address, as a new entry of the history or in place of the last one.
 * @param {Values} view @param {boolean} isNew
 */
export function writeView(view, isNew) {
  const parts = Object.entries(view).filter(([, value]) => value !== "").map(([name, value]) => [name, String(value)]);
  const address = `#${new URLSearchParams(parts)}`;
  if (address === location.hash || location.protocol === "about:") return; // a notebook's frame has no address
  if (isNew) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}
