// Chooses how points are drawn: WebGL 2 where there is one, Canvas 2D otherwise, or with ?canvas in the address.

import { CanvasPainter } from "./painter_canvas.js";
import { WebglPainter } from "./painter_webgl.js";

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {import("./types.js").Painter}
 */
export function painterFor(canvas) {
  const gl = location.search === "?canvas" ? null : canvas.getContext("webgl2", { antialias: false, alpha: true });
  if (gl) return new WebglPainter(canvas, gl);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser draws no canvas");
  return new CanvasPainter(canvas, context);
}
