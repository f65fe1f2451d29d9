// Pictures that are SVG from the start: elements with attributes, axes of numbers, and saving.

import { saveFile } from "./takeaway.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * Return a new SVG element with children; text becomes a text node.
 * @param {string} tag @param {Record<string, string | number>} attributes @param {(Node | string)[]} children
 */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** Return a picture whose text says what it shows. @param {number} width @param {number} height @param {string} label */
export function picture(width, height, label) {
  return draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, "font-size": 12, "font-family": "system-ui, sans-serif" });
}

/** @param {Element} svg @param {string} name the file */
export function savePicture(svg, name) {
  saveFile(name, "image/svg+xml", new XMLSerializer().serializeToString(svg));
}

/** Return a function from values to places; a range of one value is widened. @param {number} low @param {number} high @param {number} from @param {number} to */
export function linear(low, high, from, to) {
  const range = high - low || 1;
  return (/** @type {number} */ value) => Number((from + ((value - low) / range) * (to - from)).toFixed(2));
}
