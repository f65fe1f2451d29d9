// The map: points, labels, what is marked, and the part that is seen. It is drawn when something has changed.

import { Camera } from "./camera.js";
import { make } from "./dom.js";
import { Labels } from "./labels.js";
import { animate } from "./motion.js";
import { canvasSurface, drawOverlay } from "./overlay.js";
import { contextOf, painterFor } from "./painter.js";
import { nearestRow, placeOf } from "./points.js";
import { onThemeChange, theme } from "./theme.js";

const FEWEST_POINTS = 20_000;
const SLOW = 66; // milliseconds from frame to frame: above, a moving map has fewer points
const FAST = 33; // below, it has more again
const REST = 500; // from there on, the map did not move in between
const MOST_MORPHED = 200_000;
const KEYS = "Arrow keys move it, plus and minus zoom, 0 shows all, Enter opens the word in the middle.";

export class WordMap {
  camera = new Camera();
  /** @type {Uint16Array} */
  points = new Uint16Array();
  /** @type {Marked} */
  marked = { marks: [], lines: [] };
  colours = theme();
  most = Infinity; // points that are drawn while the map moves
  moving = false;
  drawn = 0;
  waiting = false;
  byHand = false;
  endFlight = () => {};
  onMove = () => {};
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  resting = undefined;
  /** @type {WordMap | null} a map that is drawn whenever this one is */
  linked = null;

  /** @param {HTMLElement} place @param {string} name of the map, for screen readers @param {Vocabulary} vocabulary */
  constructor(place, name, vocabulary) {
    const canvas = make("canvas", { id: `${place.id}-points` });
    const attributes = { class: "overlay", tabindex: "0", role: "application", "aria-label": `${name}. ${KEYS}` };
    this.overlay = make("canvas", { id: `${place.id}-labels`, ...attributes });
    place.prepend(canvas, this.overlay);
    this.canvases = [canvas, this.overlay];
    this.painter = painterFor(canvas);
    this.context = contextOf(this.overlay);
    this.vocabulary = vocabulary;
    this.labels = new Labels(vocabulary);
    onThemeChange(() => {
      this.colours = theme();
      this.change();
    });
    new ResizeObserver(() => this.resize()).observe(this.overlay);
    this.resize();
    this.camera.place(0.5, 0.5, 1);
  }

  /** Whether points are faint, because words are marked. */
  get faint() {
    return this.marked.marks.length > 0;
  }

  /** Show other points, with the same rows; those of one map move to those of the other. @param {Uint16Array} points */
  setPoints(points) {
    const before = this.points;
    this.points = points;
    this.labels.setPoints(points);
    animate(before.length === points.length && points.length < 2 * MOST_MORPHED ? 700 : 0, (share) => {
      if (this.points !== points) return;
      this.painter.setPoints(share < 1 ? points.map((to, i) => (before[i] ?? 0) * (1 - share) + to * share) : points);
      this.change();
    });
  }

  /** @param {Uint8Array} colours */
  setColours(colours) {
    this.painter.setColours(colours);
    this.change();
  }

  /** @param {Marked} marked */
  mark(marked) {
    this.marked = marked;
    this.change();
  }

  /** Move until all these words are seen. @param {{row: number}[]} words */
  show(words) {
    const places = words.map(({ row }) => placeOf(this.points, row));
    if (!places.length) return;
    this.byHand = false;
    const [xs, ys] = [places.map(([x]) => x), places.map(([, y]) => y)];
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const { width, height, fitted } = this.camera;
    const scale = Math.min((0.68 * width) / (right - left + 1e-9), (0.74 * height) / (bottom - top + 1e-9), 40 * fitted);
    this.fly((left + right) / 2, (top + bottom) / 2, Math.max(1, scale / fitted));
  }

  /** @param {number} x @param {number} y @param {number} zoom */
  fly(x, y, zoom) {
    const from = { x: this.camera.x, y: this.camera.y, zoom: this.camera.zoom };
    this.endFlight();
    this.endFlight = animate(450, (share) => {
      this.camera.place(from.x + (x - from.x) * share, from.y + (y - from.y) * share, from.zoom * (zoom / from.zoom) ** share);
      this.change();
      if (share === 1) this.onMove();
    });
  }

  /** Stop a flight, because a person moves the map. */
  hold() {
    this.endFlight();
    this.byHand = true;
  }

  resize() {
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const { clientWidth: width, clientHeight: height } = this.overlay;
    const { x, y, zoom } = this.camera;
    for (const canvas of this.canvases) Object.assign(canvas, { width: width * ratio, height: height * ratio });
    const isFirst = this.camera.width <= 1;
    Object.assign(this.camera, { width: Math.max(1, width), height: Math.max(1, height) });
    this.camera.place(x, y, isFirst ? 1 : zoom);
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.painter.resize(width, height, ratio);
    this.labels.setPoints(this.points);
    this.change();
  }

  /** Draw with the next frame. */
  change() {
    if (this.waiting) return;
    this.waiting = true;
    this.linked?.change();
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  /** Note that the map moves: a slow machine draws fewer points until it rests. */
  move() {
    this.moving = true;
    this.change();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      this.moving = false;
      this.change();
      this.onMove();
    }, 160);
  }

  draw() {
    const now = performance.now();
    const gap = now - this.drawn;
    this.drawn = now;
    this.painter.draw(this.camera, this.moving ? this.most : Infinity, this.faint, this.colours);
    this.context.clearRect(0, 0, this.camera.width, this.camera.height);
    drawOverlay(canvasSurface(this.context), this);
    if (this.moving && gap < REST) this.adapt(gap);
  }

  /** @param {number} milliseconds */
  adapt(milliseconds) {
    const now = Math.min(this.most, this.points.length / 2);
    if (milliseconds > SLOW) this.most = Math.max(FEWEST_POINTS, now / 2);
    else if (milliseconds < FAST) this.most = now * 1.2;
  }

  /** Return the word under a place of the screen, or -1. @param {Point} place @param {number} reach pixels */
  pick(place, reach) {
    return nearestRow(this.points, this.camera.toWorld(place), reach / this.camera.scale);
  }
}
