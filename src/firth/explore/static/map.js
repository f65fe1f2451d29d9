// The map: points, labels, what is marked, and the part that is seen. It is drawn when something has changed.

import { Camera } from "./camera.js";
import { Labels } from "./labels.js";
import { CanvasSurface, drawOverlay } from "./overlay.js";
import { painterFor } from "./painter.js";
import { Picking } from "./picking.js";
import { onThemeChange, theme } from "./theme.js";

const FEWEST_POINTS = 20_000;
const SLOW = 66; // milliseconds from frame to frame: above, a moving map has fewer points
const FAST = 33; // below, it has more again
const REST = 500; // from there on, the map did not move in between
const NOTHING = { marks: [], lines: [] };
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class WordMap {
  /**
   * @param {HTMLCanvasElement} points @param {HTMLCanvasElement} overlay
   * @param {import("./vocabulary.js").Vocabulary} vocabulary
   */
  constructor(points, overlay, vocabulary) {
    this.canvases = [points, overlay];
    this.overlay = overlay;
    this.painter = painterFor(points);
    const context = overlay.getContext("2d");
    if (!context) throw new Error("this browser draws no canvas");
    this.context = context;
    this.vocabulary = vocabulary;
    this.camera = new Camera();
    this.labels = new Labels(vocabulary);
    /** @type {Uint16Array} */
    this.points = new Uint16Array();
    this.picking = new Picking(this.points);
    /** @type {import("./types.js").Marked} */
    this.marked = NOTHING;
    this.colours = theme();
    this.most = Infinity;
    this.moving = false;
    this.drawn = 0;
    this.waiting = false;
    this.flight = 0;
    this.byHand = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.resting = undefined;
    /** @type {() => void} */
    this.onMove = () => {};
    /** @type {WordMap | null} a map that is drawn whenever this one is */
    this.linked = null;
    onThemeChange(() => {
      this.colours = theme();
      this.change();
    });
    new ResizeObserver(() => this.resize()).observe(overlay);
    this.resize();
    this.camera.fit();
  }

  /** Whether points are faint, because words are marked. */
  get faint() {
    return this.marked.marks.length > 0;
  }

  /**
   * Show other points, with the same rows; those of one map move to those of the other.
   * @param {Uint16Array} points
   */
  setPoints(points) {
    const before = this.points;
    this.points = points;
    this.picking = new Picking(points);
    this.labels.setPoints(points);
    if (before.length === points.length && points.length < 400_000 && !still.matches) this.morph(before);
    else this.painter.setPoints(points);
    this.change();
  }

  /** @param {Uint16Array} before */
  morph(before) {
    const after = this.points;
    const start = performance.now();
    const between = new Uint16Array(after.length);
    const step = () => {
      if (this.points !== after) return;
      const share = Math.min(1, (performance.now() - start) / 700);
      const eased = share * share * (3 - 2 * share);
      for (let i = 0; i < after.length; i++) between[i] = (before[i] ?? 0) + ((after[i] ?? 0) - (before[i] ?? 0)) * eased;
      this.painter.setPoints(between);
      this.change();
      if (share < 1) requestAnimationFrame(step);
    };
    step();
  }

  /** @param {Uint8Array} colours */
  setColours(colours) {
    this.painter.setColours(colours);
    this.change();
  }

  /** @param {import("./types.js").Marked} marked */
  mark(marked) {
    this.marked = marked;
    this.change();
  }

  /** @param {number} row @returns {[number, number]} */
  place(row) {
    return [(this.points[2 * row] ?? 0) / 65535, (this.points[2 * row + 1] ?? 0) / 65535];
  }

  /**
   * Move until all these rows are seen.
   * @param {number[]} rows
   */
  show(rows) {
    const places = rows.map((row) => this.place(row));
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
    const start = performance.now();
    const flight = ++this.flight;
    const step = () => {
      if (flight !== this.flight) return;
      const share = still.matches ? 1 : Math.min(1, (performance.now() - start) / 450);
      const eased = share * share * (3 - 2 * share);
      const mix = (/** @type {number} */ a, /** @type {number} */ b) => a + (b - a) * eased;
      this.camera.place(mix(from.x, x), mix(from.y, y), from.zoom * (zoom / from.zoom) ** eased);
      this.change();
      if (share < 1) requestAnimationFrame(step);
      else this.onMove();
    };
    step();
  }

  /** Stop a flight, because a person moves the map. */
  hold() {
    this.flight++;
    this.byHand = true;
  }

  resize() {
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const { clientWidth: width, clientHeight: height } = this.overlay;
    const zoom = this.camera.width > 1 ? this.camera.zoom : 1;
    for (const canvas of this.canvases) Object.assign(canvas, { width: width * ratio, height: height * ratio });
    Object.assign(this.camera, { width: Math.max(1, width), height: Math.max(1, height) });
    this.camera.place(this.camera.x, this.camera.y, zoom);
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
    const count = this.moving ? this.most : Infinity;
    this.painter.draw(this.camera, count, this.faint, this.colours);
    this.context.clearRect(0, 0, this.camera.width, this.camera.height);
    drawOverlay(new CanvasSurface(this.context), this);
    if (this.moving && gap < REST) this.adapt(gap);
  }

  /** @param {number} milliseconds */
  adapt(milliseconds) {
    const rows = this.points.length / 2;
    const now = Math.min(this.most, rows);
    if (milliseconds > SLOW) this.most = Math.max(FEWEST_POINTS, now / 2);
    else if (milliseconds < FAST) this.most = now * 1.2;
  }

  /**
   * Return the word under a place of the screen, or -1.
   * @param {number} left @param {number} top @param {number} reach pixels
   */
  pick(left, top, reach) {
    return this.picking.nearest(...this.camera.toWorld(left, top), reach / this.camera.scale);
  }
}
