// Moving the map: pointer, wheel, two fingers and keys.

const STEP = 60; // pixels that an arrow key moves
const CLICK = 5; // pixels that a click may move

/**
 * @param {WordMap} map @param {(row: number) => void} choose
 * @param {(row: number, place: Point) => void} hover over a word, or with -1 over none
 */
export function listen(map, choose, hover = () => {}) {
  const canvas = map.overlay;
  /** @type {Map<number, Point>} */
  const fingers = new Map();
  let moved = 0;

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, at(event));
    if (fingers.size === 1) moved = 0;
    map.hold();
  });

  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    const now = at(event);
    if (!before) return hover(map.pick(now, 10), now);
    fingers.delete(event.pointerId);
    const [other] = fingers.values();
    fingers.set(event.pointerId, now);
    if (other) pinch(map.camera, before, now, other);
    else map.camera.pan(now[0] - before[0], now[1] - before[1]);
    moved += distance(now, before);
    hover(-1, now);
    map.move();
  });

  const release = (/** @type {PointerEvent} */ event) => {
    const isClick = event.type === "pointerup" && fingers.size === 1 && moved < CLICK;
    fingers.delete(event.pointerId);
    const row = isClick ? map.pick(at(event), 14) : -1;
    if (row >= 0) choose(row);
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", (event) => hover(-1, at(event)));

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    map.hold();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    map.camera.zoomAt(Math.exp(-Math.max(-200, Math.min(200, event.deltaY * lines)) / 300), at(event));
    map.move();
  }, { passive: false });

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !press(map, event.key, choose)) return;
    event.preventDefault();
    hover(map.pick(map.camera.middle, 80), map.camera.middle);
  });
}

/**
 * Obey a key; return whether it has a meaning.
 * @param {WordMap} map @param {string} key @param {(row: number) => void} choose
 */
export function press(map, key, choose = () => {}) {
  const { camera } = map;
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowLeft: () => camera.pan(STEP, 0),
    ArrowRight: () => camera.pan(-STEP, 0),
    ArrowUp: () => camera.pan(0, STEP),
    ArrowDown: () => camera.pan(0, -STEP),
    "+": () => camera.zoomAt(1.4, camera.middle),
    "=": () => camera.zoomAt(1.4, camera.middle),
    "-": () => camera.zoomAt(1 / 1.4, camera.middle),
    0: () => camera.place(0.5, 0.5, 1),
    Enter: () => {
      const row = map.pick(camera.middle, 80);
      if (row >= 0) choose(row);
    },
  };
  if (!keys[key]) return false;
  map.hold();
  keys[key]();
  map.move();
  return true;
}

/**
 * Follow two fingers, of which one has moved.
 * @param {Camera} camera @param {Point} before @param {Point} now @param {Point} other
 */
function pinch(camera, before, now, other) {
  camera.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  camera.zoomAt(distance(now, other) / Math.max(distance(before, other), 1), [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
}

/** @param {Point} one @param {Point} other */
function distance(one, other) {
  return Math.hypot(one[0] - other[0], one[1] - other[1]);
}

/** @param {MouseEvent} event @returns {Point} */
function at(event) {
  return [event.offsetX, event.offsetY];
}
