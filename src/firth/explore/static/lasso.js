// Selecting words by a line drawn around them. Enter takes all that is seen instead, Escape ends it.

import { announce, byId, button, make } from "./dom.js";
import { contextOf } from "./painter.js";

const MOST_CORNERS = 60;
const SHORTEST = 20; // pixels; a shorter line is a slip

/**
 * Add the button that starts it; `choose` is called with the corners of the area, in world coordinates.
 * @param {WordMap} map @param {(area: Point[]) => void} choose
 */
export function lasso(map, choose) {
  const hint = make("p", { id: "hint", hidden: "" }, "Draw a line around words. Enter selects all that is seen, Escape ends.");
  const canvas = make("canvas", { id: "lasso", tabindex: "0", role: "application", "aria-label": "Select words", "aria-describedby": "hint", hidden: "" });
  const start = button("Select", () => open(canvas.hidden === true), { "aria-pressed": "false" });
  byId("tools").prepend(start);
  map.overlay.after(canvas, hint);
  /** @type {Point[]} */
  let line = [];

  const open = (/** @type {boolean} */ isOpen) => {
    canvas.hidden = hint.hidden = !isOpen;
    start.setAttribute("aria-pressed", String(isOpen));
    line = [];
    if (!isOpen) return start.focus();
    Object.assign(canvas, { width: map.camera.width, height: map.camera.height });
    canvas.focus();
    announce(hint.textContent ?? "");
  };
  const take = (/** @type {Point[]} */ corners) => {
    const step = Math.ceil(corners.length / MOST_CORNERS);
    open(false);
    choose(corners.filter((_, i) => i % step === 0).map((corner) => map.camera.toWorld(corner)));
  };

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    line = [[event.offsetX, event.offsetY]];
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!line.length) return;
    line.push([event.offsetX, event.offsetY]);
    draw(contextOf(canvas), line, map.colours.given);
  });
  canvas.addEventListener("pointerup", () => {
    const [xs, ys] = [line.map(([x]) => x), line.map(([, y]) => y)];
    const extent = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
    if (extent >= SHORTEST) take(line);
    else open(true);
  });
  canvas.addEventListener("pointercancel", () => open(true));
  canvas.addEventListener("keydown", ({ key }) => {
    const { width, height } = map.camera;
    if (key === "Enter") take([[0, 0], [width, 0], [width, height], [0, height]]);
    if (key === "Escape") open(false);
  });
}

/** @param {CanvasRenderingContext2D} context @param {Point[]} line @param {string} colour */
function draw(context, line, colour) {
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  Object.assign(context, { strokeStyle: colour, fillStyle: colour, lineWidth: 2, globalAlpha: 1 });
  context.beginPath();
  for (const place of line) context.lineTo(...place);
  context.closePath();
  context.stroke();
  context.globalAlpha = 0.08;
  context.fill();
}

/** @param {Point[]} area */
export function areaText(area) {
  return area.flat().map((part) => part.toFixed(4)).join(",");
}

/** Return the area that a text describes, or nothing if it is none. @param {string} text @returns {Point[]} */
export function areaOf(text) {
  const numbers = text.split(",").map(Number);
  if (numbers.length < 6 || numbers.length > 2 * MOST_CORNERS + 2 || !numbers.every(Number.isFinite)) return [];
  return Array.from({ length: numbers.length >> 1 }, (_, i) => [numbers[2 * i] ?? 0, numbers[2 * i + 1] ?? 0]);
}

/**
 * Return whether a place is inside an area, by the rule of even and odd crossings.
 * @param {Point} place @param {Point[]} area
 */
export function isInside([x, y], area) {
  let inside = false;
  let [lastX, lastY] = area.at(-1) ?? [0, 0];
  for (const [cornerX, cornerY] of area) {
    if (cornerY > y !== lastY > y && x < ((lastX - cornerX) * (y - cornerY)) / (lastY - cornerY) + cornerX) inside = !inside;
    [lastX, lastY] = [cornerX, cornerY];
  }
  return inside;
}
