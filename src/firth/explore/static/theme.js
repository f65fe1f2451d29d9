// Colours: those of the style sheet, and the ramp for the points, from faint to strong on either background.

const LIGHT = [[185, 198, 216], [91, 139, 192], [43, 92, 158], [122, 45, 130], [179, 0, 60]];
const DARK = [[62, 76, 94], [77, 127, 174], [88, 183, 198], [201, 216, 107], [255, 210, 77]];
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Return the colours in use. @returns {Theme} */
export function theme() {
  const style = getComputedStyle(document.documentElement);
  const value = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  return {
    background: value("background"), text: value("text"), muted: value("muted"),
    given: value("given"), taken: value("taken"), found: value("found"), ramp: dark.matches ? DARK : LIGHT,
  };
}

/** @param {() => void} action called when the system changes between light and dark */
export function onThemeChange(action) {
  dark.addEventListener("change", action);
}

/** Return the colour of a value from 0 to 255 on a ramp. @param {number[][]} ramp @param {number} value */
export function rampColour(ramp, value) {
  const place = (value / 255) * (ramp.length - 1);
  const low = Math.min(Math.floor(place), ramp.length - 2);
  const [from, to] = [ramp[low] ?? [], ramp[low + 1] ?? []];
  const mixed = from.map((part, i) => Math.round(part + ((to[i] ?? part) - part) * (place - low)));
  return `rgb(${mixed.join(" ")})`;
}
