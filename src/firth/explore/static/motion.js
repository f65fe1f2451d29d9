// Movement over several frames, or at once for those who want none.

const still = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * Call `draw` for every frame with the share of the time that has passed, slower at both ends; return what ends it.
 * @param {number} milliseconds @param {(share: number) => void} draw
 */
export function animate(milliseconds, draw) {
  const start = performance.now();
  let frame = 0;
  const step = () => {
    const share = still.matches || !milliseconds ? 1 : Math.min(1, (performance.now() - start) / milliseconds);
    if (share < 1) frame = requestAnimationFrame(step);
    draw(share * share * (3 - 2 * share));
  };
  step();
  return () => cancelAnimationFrame(frame);
}
