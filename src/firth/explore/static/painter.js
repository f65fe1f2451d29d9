// Chooses how points are drawn: WebGL 2 where there is one, Canvas 2D otherwise, or with ?canvas in the address.

import { canvasPainter } from "./painter_canvas.js";
import { webglPainter } from "./painter_webgl.js";

/** @param {HTMLCanvasElement} canvas */
export function painterFor(canvas) {
  const gl = location.search === "?canvas" ? null : canvas.getContext("webgl2", { antialias: false, alpha: true });
  return gl ? webglPainter(gl) : canvasPainter(contextOf(canvas));
}

/** @param {HTMLCanvasElement} canvas */
export function contextOf(canvas) {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser draws no canvas");
  return context;
}
