// Points by Canvas 2D, where WebGL 2 is absent: fewer points, in squares.

import { placeOf } from "./points.js";
import { rampColour } from "./theme.js";

const MOST = 30_000;

/** @param {CanvasRenderingContext2D} context @returns {Painter} */
export function canvasPainter(context) {
  /** @type {Uint16Array} */
  let points = new Uint16Array();
  /** @type {Uint8Array} */
  let colours = new Uint8Array();
  return {
    setPoints: (given) => void (points = given),
    setColours: (given) => void (colours = given),
    resize: (width, height, ratio) => context.setTransform(ratio, 0, 0, ratio, 0, 0),
    draw(camera, count, faint, theme) {
      const shades = Array.from({ length: 256 }, (_, value) => rampColour(theme.ramp, value));
      const size = Math.min(6, 2 * camera.zoom ** 0.4);
      context.clearRect(0, 0, camera.width, camera.height);
      context.globalAlpha = faint ? 0.25 : 0.8;
      for (let row = Math.min(count, MOST, points.length / 2) - 1; row >= 0; row--) {
        const place = camera.toScreen(placeOf(points, row));
        if (!camera.sees(place)) continue;
        context.fillStyle = shades[colours[row] ?? 0] ?? "";
        context.fillRect(place[0] - size / 2, place[1] - size / 2, size, size);
      }
      context.globalAlpha = 1;
    },
  };
}
