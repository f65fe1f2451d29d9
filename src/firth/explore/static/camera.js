// The part of the map that is seen. World coordinates run from 0 to 1; `scale` is the pixels of one unit.

const CLOSEST = 400; // times the scale at which all is seen

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

  /** @param {number} x @param {number} y @returns {Point} */
  toScreen(x, y) {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }

  /** @param {number} left @param {number} top @returns {Point} */
  toWorld(left, top) {
    return [(left - this.width / 2) / this.scale + this.x, (top - this.height / 2) / this.scale + this.y];
  }

  /** Return whether a place of the screen is seen. @param {Point} place */
  sees([left, top]) {
    return left >= 0 && top >= 0 && left <= this.width && top <= this.height;
  }

  /** @param {number} right @param {number} down pixels */
  pan(right, down) {
    this.x -= right / this.scale;
    this.y -= down / this.scale;
    this.clamp();
  }

  /**
   * Zoom so that a point of the screen stays where it is.
   * @param {number} factor @param {number} left @param {number} top
   */
  zoomAt(factor, left, top) {
    const [x, y] = this.toWorld(left, top);
    this.scale *= factor;
    this.clamp();
    this.x = x - (left - this.width / 2) / this.scale;
    this.y = y - (top - this.height / 2) / this.scale;
    this.clamp();
  }

  clamp() {
    this.scale = Math.min(Math.max(this.scale, 0.6 * this.fitted), CLOSEST * this.fitted);
    this.x = Math.min(Math.max(this.x, 0), 1);
    this.y = Math.min(Math.max(this.y, 0), 1);
  }

  /** @param {number} x @param {number} y @param {number} zoom */
  place(x, y, zoom) {
    Object.assign(this, { x, y, scale: zoom * this.fitted });
    this.clamp();
  }
}
