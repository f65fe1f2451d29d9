// The map as an SVG, as it is seen.

import { dot, label, line, picture } from "./drawing.js";
import { drawOverlay } from "./overlay.js";
import { placeOf, rowsWhere } from "./points.js";
import { rampColour } from "./theme.js";

const MOST_POINTS = 20_000;

/** @param {WordMap} map @param {Uint8Array} values the colour of each row */
export function mapPicture(map, values) {
  const { camera, colours, points } = map;
  const svg = picture(camera.width, camera.height, "Map of the words", colours.background);
  const radius = Math.min(4, 1.1 * camera.zoom ** 0.4);
  const rows = rowsWhere(points, (place) => camera.sees(camera.toScreen(place))).slice(0, MOST_POINTS);
  for (const row of rows.reverse()) {
    const fill = rampColour(colours.ramp, values[row] ?? 0);
    svg.append(dot(camera.toScreen(placeOf(points, row)), radius, fill, { "fill-opacity": map.faint ? 0.3 : 0.8 }));
  }
  drawOverlay(surface(svg), map);
  return svg;
}

/** @param {SVGElement} svg @returns {Surface} */
function surface(svg) {
  return {
    line: (from, to, colour) => svg.append(line(from, to, colour, { "stroke-width": 1.2 })),
    ring: (at, radius, colour) => svg.append(dot(at, radius, "none", { stroke: colour, "stroke-width": 2 }), dot(at, 2, colour)),
    text: (text, at, size, bold, colour, halo) => {
      const border = { stroke: halo, "stroke-width": 3.5, "stroke-linejoin": "round", "paint-order": "stroke" };
      svg.append(label(text, at, colour, { "font-size": size, "font-weight": bold ? 600 : 400, ...border }));
    },
  };
}
