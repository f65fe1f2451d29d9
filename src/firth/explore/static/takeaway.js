// What a person takes away from a view: its address, a line of Python, and the map as an SVG.

import { announce, button, make } from "./dom.js";
import { drawOverlay, SvgSurface } from "./overlay.js";
import { rampColour } from "./theme.js";

const MOST_POINTS = 20_000;

/**
 * @param {string} python
 * @param {() => void} save
 */
export function takeAway(python, save) {
  const line = make("code", {}, python);
  return make("div", { class: "take" },
    make("p", { class: "python" }, line),
    button("Copy Python", copied(python, "Python")),
    button("Copy link", () => copied(location.href, "link")()),
    button("Save picture", save));
}

/**
 * Return a function that puts text into the clipboard, and says so.
 * @param {string} text @param {string} what
 */
export function copied(text, what) {
  return () =>
    navigator.clipboard.writeText(text).then(() => announce(`${what} copied`), () => announce("the browser does not allow copying"));
}

/**
 * Return the map as an SVG, as it is seen.
 * @param {import("./map.js").WordMap} map
 * @param {Uint8Array} values the colour of each row
 */
export function svgOf(map, values) {
  const { camera, colours } = map;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${camera.width} ${camera.height}`);
  const surface = new SvgSurface(svg);
  surface.add("rect", { width: "100%", height: "100%", fill: colours.background });
  const radius = Math.min(4, 1.1 * camera.zoom ** 0.4);
  for (const row of seen(map)) {
    const [cx, cy] = camera.toScreen(...map.place(row));
    surface.add("circle", { cx, cy, r: radius, fill: rampColour(colours.ramp, values[row] ?? 0), "fill-opacity": map.faint ? "0.3" : "0.8" });
  }
  drawOverlay(surface, map);
  return new XMLSerializer().serializeToString(svg);
}

/** @param {import("./map.js").WordMap} map */
function seen(map) {
  const { camera } = map;
  const rows = [];
  for (let row = 0; row < map.points.length / 2 && rows.length < MOST_POINTS; row++) {
    const [left, top] = camera.toScreen(...map.place(row));
    if (left > 0 && top > 0 && left < camera.width && top < camera.height) rows.push(row);
  }
  return rows.reverse();
}

/**
 * Save text as a file.
 * @param {string} name @param {string} type @param {string} content
 */
export function saveFile(name, type, content) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
