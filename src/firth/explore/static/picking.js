// The word under the pointer: points sorted by the cells of a grid, so that only those near it are compared.

const CELLS = 256;

export class Picking {
  /** @param {Uint16Array} points */
  constructor(points) {
    this.points = points;
    const rows = points.length / 2;
    const cell = (/** @type {number} */ row) => ((points[2 * row + 1] ?? 0) >> 8) * CELLS + ((points[2 * row] ?? 0) >> 8);
    this.ends = new Uint32Array(CELLS * CELLS + 1);
    for (let row = 0; row < rows; row++) this.ends[cell(row) + 1] = (this.ends[cell(row) + 1] ?? 0) + 1;
    for (let i = 1; i < this.ends.length; i++) this.ends[i] = (this.ends[i] ?? 0) + (this.ends[i - 1] ?? 0);
    const next = this.ends.slice();
    this.rows = new Uint32Array(rows);
    for (let row = 0; row < rows; row++) {
      const place = next[cell(row)] ?? 0;
      this.rows[place] = row;
      next[cell(row)] = place + 1;
    }
  }

  /**
   * Return the row of the point nearest to a place of the map, or -1 if none is within `reach`; all in world units.
   * @param {number} x @param {number} y @param {number} reach
   */
  nearest(x, y, reach) {
    let best = -1;
    let least = reach * reach;
    const [left, right] = [this.cellOf(x - reach), this.cellOf(x + reach)];
    for (let line = this.cellOf(y - reach); line <= this.cellOf(y + reach); line++) {
      for (let i = this.ends[line * CELLS + left] ?? 0; i < (this.ends[line * CELLS + right + 1] ?? 0); i++) {
        const row = this.rows[i] ?? 0;
        const distance = ((this.points[2 * row] ?? 0) / 65535 - x) ** 2 + ((this.points[2 * row + 1] ?? 0) / 65535 - y) ** 2;
        if (distance < least || (distance === least && row < best)) [best, least] = [row, distance];
      }
    }
    return best;
  }

  /** @param {number} place */
  cellOf(place) {
    return Math.min(CELLS - 1, Math.max(0, Math.floor((place * 65535) / 256)));
  }
}
