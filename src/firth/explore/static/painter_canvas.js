// Points by Canvas 2D, where WebGL 2 is absent: fewer points, in squares.

import { rampColour } from "./theme.js";

const MOST = 30_000;

export class CanvasPainter {
  /** @param {HTMLCanvasElement} canvas @param {CanvasRenderingContext2D} context */
  constructor(canvas, context) {
    this.canvas = canvas;
    this.context = context;
    /** @type {Uint16Array} */
    this.points = new Uint16Array();
    /** @type {Uint8Array} */
    this.colours = new Uint8Array();
  }

  /** @param {Uint16Array} points */
  setPoints(points) {
    this.points = points;
  }

  /** @param {Uint8Array} colours */
  setColours(colours) {
    this.colours = colours;
  }

  /** @param {number} width @param {number} height @param {number} ratio */
  resize(width, height, ratio) {
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  /**
   * @param {import("./camera.js").Camera} camera @param {number} count @param {boolean} faint
   * @param {import("./types.js").Theme} theme
   */
  draw(camera, count, faint, theme) {
    const { context, points, colours } = this;
    const shades = Array.from({ length: 256 }, (_, value) => rampColour(theme.ramp, value));
    const size = Math.min(6, 2 * camera.zoom ** 0.4);
    context.clearRect(0, 0, camera.width, camera.height);
    context.globalAlpha = faint ? 0.25 : 0.8;
    for (let row = Math.min(count, MOST, points.length / 2) - 1; row >= 0; row--) {
      const [left, top] = camera.toScreen((points[2 * row] ?? 0) / 65535, (points[2 * row + 1] ?? 0) / 65535);
      if (left < 0 || top < 0 || left > camera.width || top > camera.height) continue;
      context.fillStyle = shades[colours[row] ?? 0] ?? "";
      context.fillRect(left - size / 2, top - size / 2, size, size);
    }
    context.globalAlpha = 1;
  }
}
