// Elements of pictures that are SVG from the start.

/**
 * Return a new SVG element with children; text becomes a text node.
 * @param {string} tag @param {Values} attributes @param {(Node | string)[]} children
 */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, String(typeof value === "number" ? Math.round(value * 100) / 100 : value));
  }
  element.append(...children);
  return element;
}

/**
 * Return an empty picture with a text that describes it.
 * @param {number} width @param {number} height @param {string} label @param {string} fill of the background
 */
export function picture(width, height, label, fill) {
  const attributes = { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, "font-size": 12, "font-family": "system-ui, sans-serif" };
  return draw("svg", attributes, draw("rect", { width, height, fill }));
}

/** @param {Point} from @param {Point} to @param {string} stroke @param {Values} more */
export function line([x1, y1], [x2, y2], stroke, more = {}) {
  return draw("line", { x1, y1, x2, y2, stroke, ...more });
}

/** @param {Point} centre @param {number} r @param {string} fill @param {Values} more */
export function dot([cx, cy], r, fill, more = {}) {
  return draw("circle", { cx, cy, r, fill, ...more });
}

/** @param {string} text @param {Point} start @param {string} fill @param {Values} more */
export function label(text, [x, y], fill, more = {}) {
  return draw("text", { x, y, fill, ...more }, text);
}

/**
 * Return a function from values to places; a range of one value is widened.
 * @param {Point} range of values @param {number} from @param {number} to
 */
export function linear([low, high], from, to) {
  return (/** @type {number} */ value) => from + ((value - low) / (high - low || 1)) * (to - from);
}
