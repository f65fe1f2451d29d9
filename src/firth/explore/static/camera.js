// The part of the map that is seen. World coordinates run from 0 to 1; `scale` is the pixels of one unit.

const CLOSEST = 400; // times the scale at which all is seen

export class Camera {
  constructor() {
    this.x = 0.5;
    this.y = 0.5;
    this.scale = 500;
    this.width = 1;
    this.height = 1;
  }

  /** The scale at which the whole map is seen. */
  get fitted() {
    return 0.94 * Math.min(this.width, this.height);
  }

  /** How much closer than the whole map. */
  get zoom() {
    return this.scale / this.fitted;
  }

  /** @param {number} x @param {number} y @returns {[number, number]} */
  toScreen(x, y) {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }

  /** @param {number} left @param {number} top @returns {[number, number]} */
  toWorld(left, top) {
    return [(left - this.width / 2) / this.scale + this.x, (top - this.height / 2) / this.scale + this.y];
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

  /** Show the whole map. */
  fit() {
    this.place(0.5, 0.5, 1);
  }

  /** @param {number} x @param {number} y @param {number} zoom */
  place(x, y, zoom) {
    Object.assign(this, { x, y, scale: zoom * this.fitted });
    this.clamp();
  }
}
