// The points of a map: two whole numbers of 16 bits for each row. World coordinates run from 0 to 1.

const LARGEST = 65535;
export const NEAREST = 50;

/** @param {Uint16Array} points @param {number} row @returns {Point} */
export function placeOf(points, row) {
  return [(points[2 * row] ?? 0) / LARGEST, (points[2 * row + 1] ?? 0) / LARGEST];
}

/** Return the rows whose points pass a test. @param {Uint16Array} points @param {(place: Point) => boolean} test */
export function rowsWhere(points, test) {
  const rows = [];
  for (let row = 0; row < points.length / 2; row++) if (test(placeOf(points, row))) rows.push(row);
  return rows;
}

/**
 * Return the row of the point nearest to a place of the map, or -1 if none is within `reach`; all in world units.
 * @param {Uint16Array} points @param {Point} place @param {number} reach
 */
export function nearestRow(points, [x, y], reach) {
  const [left, top] = [x * LARGEST, y * LARGEST];
  let best = -1;
  let least = (reach * LARGEST) ** 2;
  for (let row = 0; row < points.length / 2; row++) {
    const distance = ((points[2 * row] ?? 0) - left) ** 2 + ((points[2 * row + 1] ?? 0) - top) ** 2;
    if (distance < least) [best, least] = [row, distance];
  }
  return best;
}

/**
 * Return which of a word's true neighbours are not among the `NEAREST` points next to it. A point as near as the last of
 * these counts as among them.
 * @param {Uint16Array} points @param {number} row @param {number[]} neighbours
 */
export function missed(points, row, neighbours) {
  const gap = (/** @type {number} */ place) => (points[place] ?? 0) - (points[2 * row + (place % 2)] ?? 0);
  const squared = (/** @type {number} */ other) => gap(2 * other) ** 2 + gap(2 * other + 1) ** 2;
  const limits = neighbours.map(squared);
  const nearer = limits.map(() => 0);
  for (let other = 0; other < points.length / 2; other++) {
    const distance = squared(other);
    if (other !== row) limits.forEach((limit, i) => (nearer[i] = (nearer[i] ?? 0) + Number(distance < limit)));
  }
  return neighbours.filter((_, i) => (nearer[i] ?? 0) >= NEAREST);
}
