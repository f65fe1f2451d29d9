// Which words are named on the map. A word is named if its label meets no label of a more frequent word. What is named
// at a zoom stays named at every closer one, and nothing depends on the part that is seen, so labels never flicker.

import { placeOf } from "./points.js";

const LINE = 30; // pixels from one label to the next
const LETTER = 7;
const CANDIDATES = 100_000;
const LONGEST = 24;
const STEP = Math.SQRT2; // from one level of zoom to the next: half a doubling

export class Labels {
  /** @type {Uint16Array} */
  points = new Uint16Array();
  /** @type {number[][]} the rows that are named at each level of zoom */
  levels = [];

  /** @param {Vocabulary} vocabulary */
  constructor(vocabulary) {
    this.vocabulary = vocabulary;
  }

  /** @param {Uint16Array} points */
  setPoints(points) {
    this.points = points;
    this.levels = [];
  }

  /**
   * Return the rows that are named at a scale, those of coarser levels first.
   * @param {number} zoom @param {number} fitted
   */
  named(zoom, fitted) {
    const level = Math.max(0, Math.floor(Math.log(Math.max(zoom, 1)) / Math.log(STEP)));
    while (this.levels.length <= level) this.levels.push(this.placed(this.levels.at(-1) ?? [], STEP ** this.levels.length * fitted));
    return this.levels[level] ?? [];
  }

  /**
   * Return `kept` and all further words that fit between them at a scale.
   * @param {number[]} kept @param {number} scale
   */
  placed(kept, scale) {
    const placed = new Boxes();
    const rows = kept.filter((row) => placed.add(this.box(row, scale), true));
    const known = new Set(rows);
    const last = Math.min(CANDIDATES, this.points.length / 2, this.vocabulary.loaded);
    for (let row = 0; row < last; row++) {
      if (!known.has(row) && placed.add(this.box(row, scale), false)) rows.push(row);
    }
    return rows;
  }

  /** Return the box of a label, in pixels of a scale. @param {number} row @param {number} scale @returns {Box} */
  box(row, scale) {
    const [x, y] = placeOf(this.points, row);
    const width = LETTER * Math.min(LONGEST, this.vocabulary.bytes(row).length) + 14;
    return [x * scale, y * scale, x * scale + width, y * scale + LINE];
  }
}

/** Return a word as a label, cut if it is long. @param {string} word */
export function cut(word) {
  return word.length > LONGEST ? `${word.slice(0, LONGEST - 1)}…` : word;
}

/** Boxes, found by the cells of a grid. */
export class Boxes {
  /** @type {Map<number, Box[]>} */
  cells = new Map();

  /**
   * Add a box, unless it meets another and is not `forced`; return whether it was added.
   * @param {Box} box @param {boolean} forced
   */
  add(box, forced) {
    if (!forced && this.meets(box)) return false;
    for (const cell of cellsOf(box)) this.cells.set(cell, [...(this.cells.get(cell) ?? []), box]);
    return true;
  }

  /** @param {Box} box */
  meets(box) {
    return cellsOf(box).some((cell) => this.cells.get(cell)?.some((other) => overlap(box, other)));
  }
}

/** @param {Box} box */
function cellsOf([left, top, right, bottom]) {
  const cells = [];
  for (let x = Math.floor(left / 128); x <= right / 128; x++) {
    for (let y = Math.floor(top / 64); y <= bottom / 64; y++) cells.push(x * 1_048_576 + y);
  }
  return cells;
}

/** @param {Box} one @param {Box} other */
function overlap([left, top, right, bottom], [left2, top2, right2, bottom2]) {
  return left < right2 && left2 < right && top < bottom2 && top2 < bottom;
}
