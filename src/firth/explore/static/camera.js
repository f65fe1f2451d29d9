// The part of the map that is seen. World coordinates run from 0 to 1; `scale` is the pixels of one unit.

const FARTHEST = 0.6; // times the scale at which all is seen
const CLOSEST = 400;

export class Camera {
  x = 0.5;
  y = 0.5;
  scale = 500;
  width = 1;
  height = 1;

  /** The scale at which the whole map is seen. */
  get fitted() {
    return 0.94 * Math.min(this.width, this.height);
  }

  /** How much closer than the whole map. */
  get zoom() {
    return this.scale / this.fitted;
  }

  /** The middle of the screen. @returns {Point} */
  get middle() {
    return [this.width / 2, this.height / 2];
  }

  /** @param {Point} place of the world @returns {Point} */
  toScreen([x, y]) {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }

  /** @param {Point} place of the screen @returns {Point} */
  toWorld([left, top]) {
    return [(left - this.width / 2) / this.scale + this.x, (top - this.height / 2) / this.scale + this.y];
  }

  /** Return whether a place of the screen is seen. @param {Point} place */
  sees([left, top]) {
    return left >= 0 && top >= 0 && left <= this.width && top <= this.height;
  }

  /** Move by pixels. @param {number} right @param {number} down */
  pan(right, down) {
    this.place(this.x - right / this.scale, this.y - down / this.scale, this.zoom);
  }

  /** Zoom so that a place of the screen stays where it is. @param {number} factor @param {Point} place */
  zoomAt(factor, place) {
    const before = this.toWorld(place);
    this.place(this.x, this.y, factor * this.zoom);
    const after = this.toWorld(place);
    this.place(this.x + before[0] - after[0], this.y + before[1] - after[1], this.zoom);
  }

  /** Move to a place of the world, within limits. @param {number} x @param {number} y @param {number} zoom */
  place(x, y, zoom) {
    this.scale = Math.min(Math.max(zoom, FARTHEST), CLOSEST) * this.fitted;
    this.x = Math.min(Math.max(x, 0), 1);
    this.y = Math.min(Math.max(y, 0), 1);
  }
}
