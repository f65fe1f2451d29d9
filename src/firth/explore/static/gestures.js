// Moving the map: pointer, wheel, two fingers and keys.

const STEP = 60; // pixels that an arrow key moves
const CLICK = 5; // pixels that a click may move

/**
 * @param {import("./map.js").WordMap} map
 * @param {{choose: (row: number) => void, hover: (row: number, left: number, top: number) => void}} actions
 */
export function listen(map, { choose, hover }) {
  const canvas = map.overlay;
  /** @type {Map<number, {left: number, top: number}>} */
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
    if (!before) {
      hover(map.pick(now.left, now.top, 10), now.left, now.top);
      return;
    }
    const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    if (other) pinch(map, before, now, other);
    else map.camera.pan(now.left - before.left, now.top - before.top);
    moved += Math.hypot(now.left - before.left, now.top - before.top);
    fingers.set(event.pointerId, now);
    hover(-1, 0, 0);
    map.move();
  });

  const release = (/** @type {PointerEvent} */ event) => {
    const place = at(event);
    const isClick = event.type === "pointerup" && fingers.size === 1 && moved < CLICK;
    fingers.delete(event.pointerId);
    const row = isClick ? map.pick(place.left, place.top, 14) : -1;
    if (row >= 0) choose(row);
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => hover(-1, 0, 0));

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    map.hold();
    const { left, top } = at(event);
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    map.camera.zoomAt(Math.exp(-Math.max(-200, Math.min(200, event.deltaY * lines)) / 300), left, top);
    map.move();
  }, { passive: false });

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !key(map, event.key, choose)) return;
    event.preventDefault();
    const { width, height } = map.camera;
    hover(map.pick(width / 2, height / 2, 80), width / 2, height / 2);
  });
}

/**
 * Obey a key; return whether it means something.
 * @param {import("./map.js").WordMap} map @param {string} name @param {(row: number) => void} choose
 */
function key(map, name, choose) {
  const { camera } = map;
  const { width, height } = camera;
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowLeft: () => camera.pan(STEP, 0),
    ArrowRight: () => camera.pan(-STEP, 0),
    ArrowUp: () => camera.pan(0, STEP),
    ArrowDown: () => camera.pan(0, -STEP),
    "+": () => camera.zoomAt(1.4, width / 2, height / 2),
    "=": () => camera.zoomAt(1.4, width / 2, height / 2),
    "-": () => camera.zoomAt(1 / 1.4, width / 2, height / 2),
    0: () => camera.fit(),
    Enter: () => {
      const row = map.pick(width / 2, height / 2, 80);
      if (row >= 0) choose(row);
    },
  };
  const action = keys[name];
  if (!action) return false;
  map.hold();
  action();
  map.move();
  return true;
}

/**
 * @param {import("./map.js").WordMap} map
 * @param {{left: number, top: number}} before @param {{left: number, top: number}} now
 * @param {{left: number, top: number}} other
 */
function pinch(map, before, now, other) {
  const gap = Math.hypot(before.left - other.left, before.top - other.top);
  const wider = Math.hypot(now.left - other.left, now.top - other.top);
  map.camera.pan((now.left - before.left) / 2, (now.top - before.top) / 2);
  map.camera.zoomAt(wider / Math.max(gap, 1), (now.left + other.left) / 2, (now.top + other.top) / 2);
}

/** @param {MouseEvent} event */
function at(event) {
  return { left: event.offsetX, top: event.offsetY };
}
